"""Where files are looked for: the folder a user names (or its parent), else the cache folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kernelgen.errors import DataError, DataMissing

DATA_DIR_VARIABLE = "KERNELGEN_DATA_DIR"

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class DataRoot:
    """A folder to search. Only the cache is written to unasked, and only there is a digest binding."""

    path: Path
    is_cache: bool
    chosen_by: str


def cache_dir() -> Path:
    """The folder for downloads: the user's cache folder (XDG_CACHE_HOME on Linux), not created here."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("kernelgen", appauthor=False))


def data_root(data_dir: str | os.PathLike[str] | None = None) -> DataRoot:
    """The folder given, else that of ``KERNELGEN_DATA_DIR``, else the cache; not checked, not created."""
    if data_dir is not None:
        return DataRoot(Path(data_dir).expanduser(), is_cache=False, chosen_by="--data-dir")
    from_environment = os.environ.get(DATA_DIR_VARIABLE, "")
    if from_environment:
        return DataRoot(Path(from_environment).expanduser(), is_cache=False, chosen_by=DATA_DIR_VARIABLE)
    return DataRoot(cache_dir(), is_cache=True, chosen_by="the cache folder")


def check_is_folder(root: DataRoot) -> None:
    """Raise DataMissing or DataError unless `root` is a folder that can be listed."""
    if not root.path.exists():
        raise DataMissing(f"{root.path} does not exist; it was chosen by {root.chosen_by}")
    if not root.path.is_dir():
        raise DataError(f"{root.path} is not a folder; name the folder that holds the files, or its parent")
    if not os.access(root.path, os.R_OK | os.X_OK):
        raise DataError(f"{root.path} cannot be read: permission denied")


def sub_folders(folder: Path) -> list[Path]:
    """Folders directly inside `folder`, by name, hidden ones left out."""
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def search(folder: Path, probe: Callable[[Path], Found | None], usual: Iterable[str] = ()) -> Found | None:
    """First hit of `probe` in `folder`, in its `usual` sub-folders, then in any one of its other sub-folders.

    Raises
    ------
    DataError
        Two sub-folders both hold the data and neither has a usual name: the caller has to choose.
    """
    if not folder.is_dir():
        return None
    for place in (folder, *(folder / name for name in usual)):
        found = probe(place) if place.is_dir() else None
        if found is not None:
            return found
    others = (place for place in sub_folders(folder) if os.access(place, os.R_OK | os.X_OK))
    hits = {place: found for place in others if (found := probe(place)) is not None}
    if len(hits) > 1:
        names = ", ".join(str(place) for place in list(hits)[:5])
        raise DataError(f"{folder} has more than one folder with these files ({names}); name the one to read")
    return next(iter(hits.values()), None)
