"""The data sets by name: load, fetch, verify."""

from __future__ import annotations

import difflib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernelgen.datasets import arrays_file
from kernelgen.datasets.cifar10 import ARCHIVE, fetch_cifar10, load_cifar10, locate_cifar10
from kernelgen.datasets.dataset import Dataset, DatasetWarning, LoadProgress
from kernelgen.datasets.digits import load_digits
from kernelgen.datasets.folder import load_folder
from kernelgen.datasets.locate import data_root
from kernelgen.datasets.mnist import fetch_mnist, load_mnist, locate_mnist, remote_files
from kernelgen.errors import ChecksumMismatch, DataError, DataMissing, UsageError


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """One line of ``kernelgen data list``; sizes are None where they are the user's own."""

    name: str
    summary: str
    n_train: int | None = None
    n_test: int | None = None
    n_features: int | None = None
    n_classes: int | None = None
    download_bytes: int | None = None


DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        DatasetInfo("digits", "8x8 digits of scikit-learn", 1437, 360, 64, 10),
        DatasetInfo(
            "mnist",
            "28x28 digits, idx files",
            60_000,
            10_000,
            784,
            10,
            sum(remote.n_bytes for remote in remote_files()),
        ),
        DatasetInfo("cifar10", "32x32 RGB photos, binary", 50_000, 10_000, 3072, 10, ARCHIVE.n_bytes),
        DatasetInfo("folder", "your PNG or JPEG images"),
    )
}


def load_dataset(
    name: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    offline: bool = False,
    seed: int = 0,
    test_fraction: float = 0.2,
    progress: LoadProgress | None = None,
) -> Dataset:
    """Load a data set by name, or from an ``.npz`` or ``.npy`` file, with its digests checked.

    Parameters
    ----------
    name : str or path
        ``"digits"``, ``"mnist"``, ``"cifar10"``, ``"folder"``, or the path of a NumPy file
        (:mod:`kernelgen.datasets.arrays_file` says which arrays it holds).
    data_dir : path, optional
        Folder of the files or its parent; else that of ``KERNELGEN_DATA_DIR``, else the cache folder. Nothing
        is ever downloaded into a folder given this way.
    offline : bool
        Do not use the network.
    seed : int
        For data without a split of their own (``folder``, ``X, y`` files). ``digits`` has a fixed split.
    test_fraction : float
        Part of such data, and of ``digits``, that is kept for test.
    progress : callable, optional
        Called as ``progress(what, done, total)`` during a download (bytes) or while images are read (files).

    Returns
    -------
    Dataset

    Raises
    ------
    UsageError
        No data set has this name.
    DataMissing
        Files are not there; the message says which, where to put them and how to get them.
    DataError
        A file is truncated or damaged, holds NaN or labels that are not integers.
    ChecksumMismatch
        A download, or a file in the cache, has other bytes than the official file.

    Examples
    --------
    >>> from kernelgen.datasets import load_dataset
    >>> data = load_dataset("digits")
    >>> data.X_train.shape, data.X_train.dtype, data.X_test.shape
    ((1437, 64), dtype('uint8'), (360, 64))
    """
    text = os.fspath(name)
    if Path(text).suffix in arrays_file.SUFFIXES:
        return arrays_file.load_arrays_file(Path(text).expanduser(), seed=seed, test_fraction=test_fraction)
    check_name(text)
    if text == "digits":
        return load_digits(test_fraction=test_fraction)
    root = data_root(data_dir)
    if text == "mnist":
        return load_mnist(root, offline=offline, progress=progress)
    if text == "cifar10":
        return load_cifar10(root, offline=offline, progress=progress)
    return load_folder(root, seed=seed, test_fraction=test_fraction, progress=progress)


def check_name(name: str) -> str:
    """Return `name` if a data set has it, else raise a UsageError with the nearest names."""
    if name in DATASETS:
        return name
    near = difflib.get_close_matches(name.lower().replace("-", ""), DATASETS, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    if Path(name).expanduser().is_dir():
        hint = f" For a folder of images use the data set `folder` with --data-dir {name}"
    raise UsageError(
        f"no data set is called {name!r}; there are {', '.join(DATASETS)}, or a .npz or .npy file.{hint}"
    )


def locate_dataset(name: str, *, data_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """Folder (or archive) that `name` would be read from, else None; digits and folder have none."""
    root = data_root(data_dir)
    if check_name(name) == "mnist":
        paths = locate_mnist(root.path)
        return None if paths is None else next(iter(paths.values())).parent
    return locate_cifar10(root.path) if name == "cifar10" else None


def fetch_dataset(
    name: str, *, data_dir: str | os.PathLike[str] | None = None, progress: LoadProgress | None = None
) -> list[Path]:
    """Download what is missing or damaged of `name` and return its files.

    They go into a folder called `name` inside `data_dir`, or of ``KERNELGEN_DATA_DIR``, or of the cache
    folder. A copy with the right digest is not downloaded again.

    Raises
    ------
    UsageError
        There is nothing to download for this name.
    DataMissing, DataError, ChecksumMismatch
        No mirror answered; the folder cannot be written; a mirror sent other bytes.
    """
    folder = data_root(data_dir).path / check_name(name)
    if name == "mnist":
        return list(fetch_mnist(folder, progress=progress).values())
    if name == "cifar10":
        return [fetch_cifar10(folder, progress=progress)]
    if name == "digits":
        return []
    raise UsageError("`folder` is a data set of your own: there is nothing to download")


def verify_dataset(name: str, *, data_dir: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Read all of `name`, offline, and say whether its bytes are the official ones.

    Returns
    -------
    dict
        JSON-ready: ``name``, ``status`` ("official", "other bytes", "readable" where nothing official exists,
        "missing", "checksum mismatch", "damaged"), ``source``, ``files``, ``message``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DatasetWarning)
            data = load_dataset(name, data_dir=data_dir, offline=True)
    except DataError as error:
        status = "damaged"
        if isinstance(error, DataMissing):
            status = "missing"
        elif isinstance(error, ChecksumMismatch):
            status = "checksum mismatch"
        return {"name": name, "status": status, "source": None, "files": [], "message": str(error)}
    status = {True: "official", False: "other bytes", None: "readable"}[data.provenance["official"]]
    return {
        "name": name,
        "status": status,
        "source": data.source,
        "files": data.provenance["files"],
        "message": "; ".join(data.provenance["warnings"]),
    }
