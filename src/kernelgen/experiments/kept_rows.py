"""Finished rows of a long experiment, one JSON file each, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kernelgen
from kernelgen.arrays.whole_file import whole_file
from kernelgen.errors import DataError

_FORMAT = "kernelgen-row"


@dataclass(frozen=True, slots=True)
class KeptRows:
    """A folder of finished rows; without a folder nothing is kept.

    A row is found again by its name and a digest of `told`: everything its numbers depend on, kernelgen's version
    included. Change any of it and the row is made anew, in a file of its own.

    Parameters
    ----------
    folder : path or None
        Made when the first row is written.
    """

    folder: Path | None = None

    def row(self, name: str, told: Mapping[str, Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the row that is kept, or make it and keep it.

        Parameters
        ----------
        name : str
            Begins the file's name.
        told : mapping, ready for JSON
        make : callable
            Returns the row, ready for JSON.

        Raises
        ------
        DataError
            The folder cannot be written to, or the file there is not a row.
        """
        if self.folder is None:
            return make()
        told = {"name": name, "version": kernelgen.__version__, **told}
        text = json.dumps(told, sort_keys=True)
        path = self.folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
        if path.exists():
            return _read(path, json.loads(text))
        row = make()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"cannot make the folder {self.folder}: {error.strerror}") from error
        with whole_file(path) as partial:
            content = {"format": _FORMAT, "of": json.loads(text), "row": row}
            partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return row


def _read(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] == _FORMAT and content["of"] == told:
            row: dict[str, Any] = content["row"]
            return row
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise DataError(f"{path} is damaged, or not a row of this experiment: remove it, and it is made again")
