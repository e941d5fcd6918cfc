"""Arrays of a user's own in NumPy files: .npz with named arrays, or .npy files side by side. Never a pickle.

An ``.npz`` holds ``X_train, y_train, X_test, y_test``, or ``X, y`` to be split by seed; optionally
``maximum``, the value that the ``pixels`` features divide by (default 255 for uint8, 1 for anything else). An
``.npy`` is named ``X_train.npy`` or ``X.npy`` and the other arrays lie beside it under the names above.
"""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.datasets.dataset import Dataset, build_provenance
from kernelgen.datasets.split import stratified_split
from kernelgen.errors import DataError, DataMissing

SPLIT_NAMES = ("X_train", "y_train", "X_test", "y_test")
WHOLE_NAMES = ("X", "y")
SUFFIXES = (".npz", ".npy")


def load_arrays_file(path: Path, *, seed: int = 0, test_fraction: float = 0.2) -> Dataset:
    """A data set from an ``.npz`` or ``.npy`` file; see the module's text for the names.

    Images of shape (n, h, w) or (n, h, w, c) become rows. Labels are integers, booleans or strings and are
    numbered in sorted order; what they were is in `class_names`. Without a split, rows are split by seed
    class by class and are in shuffled order; with one, the order of the file is kept.

    Raises
    ------
    DataMissing
        The file, or one of its arrays, is not there.
    DataError
        Not a NumPy file, truncated, holds Python objects, NaN or infinite values, labels that are not
        integers, or arrays whose lengths differ.
    """
    arrays = read_npz(path) if path.suffix == ".npz" else _read_npy_family(path)
    has_split = any(name in arrays for name in SPLIT_NAMES)
    names = SPLIT_NAMES if has_split else WHOLE_NAMES
    absent = [name for name in names if name not in arrays]
    if absent:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise DataMissing(
            f"{path}: no {', '.join(absent)} (found: {found}). Needed: {', '.join(SPLIT_NAMES)}; "
            "or X, y to be split by seed"
        )
    X_parts = [_check_values(arrays[name], f"{path}: {name}") for name in names if name.startswith("X")]
    y_parts = [_check_labels(arrays[name], f"{path}: {name}") for name in names if name.startswith("y")]
    classes = np.unique(y_parts[0])
    codes = [_encode(y, classes, path) for y in y_parts]
    first = X_parts[0]
    rows = [np.ascontiguousarray(X.reshape(len(X), -1)) for X in X_parts]
    if has_split:
        X_train, X_test = rows
        y_train, y_test = codes
        if X_parts[0].dtype != X_parts[1].dtype or X_parts[0].shape[1:] != X_parts[1].shape[1:]:
            raise DataError(
                f"{path}: X_train is {first.dtype} {first.shape} but X_test is "
                f"{X_parts[1].dtype} {X_parts[1].shape}; they must agree in type and beyond the first dimension"
            )
        notes = []
    else:
        if len(rows[0]) != len(codes[0]):
            raise DataError(f"{path}: {len(rows[0])} rows in X but {len(codes[0])} labels in y")
        train, test = stratified_split(codes[0], test_fraction, seed, source=path)
        X_train, X_test, y_train, y_test = rows[0][train], rows[0][test], codes[0][train], codes[0][test]
        notes = [f"split by seed {seed}, test fraction {test_fraction:g} of each class"]
    return Dataset(
        name=path.name,
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        class_names=tuple(str(label) for label in classes),
        maximum=_maximum(arrays.get("maximum"), first.dtype, path),
        source=str(path),
        image_shape=_image_shape(first.shape),
        layout=None if first.ndim == 2 else "interleaved",
        provenance=build_provenance(notes=notes),
    )


def read_array(path: Path) -> NDArray[Any]:
    """Rows to predict for, shape (n, d): the array of an ``.npy``, or ``X`` (else ``X_test``) of an ``.npz``.

    Raises
    ------
    DataMissing, DataError
        As :func:`load_arrays_file`.
    """
    if path.suffix == ".npy":
        array = _read_npy(path)
    else:
        arrays = read_npz(path)
        name = next((name for name in ("X", "X_test") if name in arrays), None)
        if name is None:
            raise DataMissing(
                f"{path}: no array X or X_test (found: {', '.join(sorted(arrays)) or 'nothing'})"
            )
        array = arrays[name]
    values = _check_values(array, str(path))
    return np.ascontiguousarray(values.reshape(len(values), -1))


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz`` file."""
    with _reading(path), path.open("rb") as stream:
        archive = np.load(stream, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise DataError(f"{path} holds a single array, not an archive of them: rename it to .npy")
        with archive:
            return {name: archive[name] for name in archive.files}


def _read_npy(path: Path) -> NDArray[Any]:
    with _reading(path), path.open("rb") as stream:
        array = np.load(stream, allow_pickle=False)
        if not isinstance(array, np.ndarray):
            array.close()
            raise DataError(f"{path} is an archive of arrays: rename it to .npz")
        return array


def _read_npy_family(path: Path) -> dict[str, NDArray[Any]]:
    """The array files beside `path`, which is one of X_train.npy, X.npy."""
    family = {"X_train": SPLIT_NAMES, "X": WHOLE_NAMES}.get(path.stem)
    if family is None:
        raise DataError(
            f"{path}: name a data set of .npy files by its X_train.npy (beside y_train.npy, X_test.npy and "
            "y_test.npy) or by its X.npy (beside y.npy); or use one .npz file"
        )
    absent = [f"{name}.npy" for name in family if not path.with_name(f"{name}.npy").is_file()]
    if absent:
        raise DataMissing(f"{path.parent} lacks {', '.join(absent)}")
    return {name: _read_npy(path.with_name(f"{name}.npy")) for name in family}


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what NumPy raises on a damaged file into a DataError that names the file."""
    if not path.is_file():
        raise DataMissing(f"{path} does not exist")
    try:
        yield
    except DataError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"{path} is no array file, or holds Python objects (a pickle), which can run any code "
                "when read; save plain arrays with numpy.savez"
            ) from error
        raise DataError(f"{path} is truncated, damaged or no NumPy file: {error}") from error


def _check_values(X: NDArray[Any], where: str) -> NDArray[Any]:
    if X.dtype.kind not in "buif":
        raise DataError(f"{where} has the type {X.dtype}; real numbers are needed")
    if X.ndim not in (2, 3, 4) or 0 in X.shape:
        raise DataError(
            f"{where} has shape {X.shape}; (n, d), (n, h, w) or (n, h, w, c), not empty, is needed"
        )
    if X.dtype.kind == "f" and not np.isfinite(X).all():
        bad = np.argwhere(~np.isfinite(X))
        place = ", ".join(str(int(index)) for index in bad[0])
        raise DataError(f"{where} has {len(bad)} values that are NaN or infinite, the first at [{place}]")
    return X


def _check_labels(y: NDArray[Any], where: str) -> NDArray[Any]:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or len(y) == 0:
        raise DataError(f"{where} has shape {y.shape}; (n,), not empty, is needed")
    if y.dtype.kind not in "buiU":
        raise DataError(
            f"{where} has the type {y.dtype}; labels are integers, booleans or strings. "
            "(To fit real values use kernelgen.KernelRegressor from Python.)"
        )
    return y


def _encode(y: NDArray[Any], classes: NDArray[Any], path: Path) -> NDArray[np.int64]:
    """Position of each label in the sorted `classes`."""
    codes = np.searchsorted(classes, y).astype(np.int64)
    known = classes[np.minimum(codes, len(classes) - 1)] == y
    if not np.all(known):
        row = int(np.argmin(known))
        raise DataError(f"{path}: y_test[{row}] is {y[row]!s}, a label that y_train does not have")
    return codes


def _maximum(value: NDArray[Any] | None, dtype: np.dtype[Any], path: Path) -> float:
    if value is None:
        return 255.0 if dtype == np.uint8 else 1.0
    if value.size != 1 or value.dtype.kind not in "uif" or not np.isfinite(value).all() or value.item() <= 0:
        raise DataError(f"{path}: maximum must be one positive number")
    return float(value.item())


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    if len(shape) == 2:
        return None
    return (shape[1], shape[2], shape[3] if len(shape) == 4 else 1)
