"""Finished rows of a long experiment, one JSON file each, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kernelgen
from kernelgen.arrays.whole_file import whole_file
from kernelgen.datasets.dataset import Dataset
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
        Made before the first row is.
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
            The folder cannot be written to, which is known before the row is made; or the file there is not a row.
        """
        if self.folder is None:
            return make()
        told = {"name": name, "version": kernelgen.__version__, **told}
        text = json.dumps(told, sort_keys=True)
        path = self.folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
        if path.exists():
            return _read(path, json.loads(text))
        self._check_folder(self.folder)
        row = make()
        with whole_file(path, sync=True) as partial:
            content = {"format": _FORMAT, "of": json.loads(text), "row": row}
            partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return row

    @staticmethod
    def _check_folder(folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"cannot make the folder {folder}: {error.strerror}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise DataError(f"the folder {folder} cannot be written to")


def digest_of(data: Dataset) -> str:
    """SHA-256 of a data set as it is read, whatever the files it came from."""
    digest = hashlib.sha256(f"{data.maximum} {data.image_shape} {data.layout}".encode())
    for array in (data.X_train, data.y_train, data.X_test, data.y_test):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _read(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] == _FORMAT and content["of"] == told:
            row: dict[str, Any] = content["row"]
            return row
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise DataError(f"{path} is damaged, or not a row of this experiment: remove it, and it is made again")
