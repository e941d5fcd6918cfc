"""Validation at the door: each check returns what the rest of the package may rely on, or says what and where."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from kernelgen.arrays.points import AnyArray, FloatArray, Points, match
from kernelgen.errors import DataError, UsageError

_BLOCK_ELEMENTS = 1 << 20
_LARGEST = {
    np.dtype(np.float64): 1e150,
    np.dtype(np.float32): 1e18,
}  # the squares of larger values may overflow


def check_points(X: Any, *, name: str = "X", scale: float = 1.0) -> Points:
    """Points from an array of shape (n, d); uint8, float32 and float64 are kept, other integers become float64.

    Parameters
    ----------
    X : array_like, shape (n, d), n >= 1, d >= 1, finite
        Copied only where its dtype or memory order asks for it.
    name : str
        How messages call it.
    scale : float, positive

    Raises
    ------
    DataError
        Wrong shape, empty, a dtype that cannot be used, or a value that is not finite (its row and column are named).
    UsageError
        ``scale`` is not positive.
    """
    scale = check_positive(scale, "scale")
    values = _as_numbers(X, name)
    if values.ndim != 2:
        hint = " (one feature: X.reshape(-1, 1); one sample: X.reshape(1, -1))" if values.ndim == 1 else ""
        raise DataError(f"{name} must have shape (n_samples, n_features), got shape {values.shape}{hint}")
    if 0 in values.shape:
        what = "sample(s)" if values.shape[0] == 0 else "feature(s)"
        raise DataError(f"{name} of shape {values.shape} has 0 {what}; at least 1 is required")
    values = np.ascontiguousarray(_as_points_dtype(values, name))
    if values.dtype != np.uint8:
        check_finite(values, name)
    return Points(values, scale)


def check_targets(Y: Any, n_samples: int, *, name: str = "Y") -> tuple[FloatArray, bool]:
    """Targets as a float64 array of shape (n, c), and whether they came as one column of shape (n,)."""
    values = _as_numbers(Y, name)
    if values.dtype.kind not in "biuf":
        raise DataError(
            f"{name} of dtype {values.dtype} is not numeric; encode labels as numbers (one column a class)"
        )
    was_1d = values.ndim == 1
    if was_1d:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] == 0:
        raise DataError(f"{name} must have shape (n_samples,) or (n_samples, n_targets), got {np.shape(Y)}")
    if values.shape[0] != n_samples:
        raise DataError(f"{name} has {values.shape[0]} rows, the points have {n_samples}")
    if values.dtype.kind in "iu":
        _check_exact_integers(values, name)
    targets = np.ascontiguousarray(values, dtype=np.float64)
    check_finite(targets, name)
    return targets, was_1d


def check_pair(test: Points, train: Points, *, name: str = "X") -> tuple[Points, Points]:
    """Both in one dtype, with train's scale and center; refused where the numbers of features differ."""
    if test.n_features != train.n_features:
        raise DataError(f"{name} has {test.n_features} features, the training points have {train.n_features}")
    return match(test, train)


def check_finite(values: AnyArray, name: str, *, first_row: int = 0) -> None:
    """Raise a DataError that names the first row and column holding nan, inf, or a value too large to square.

    ``first_row`` is the number of the first row given, where they are a part of an array.
    """
    largest = values.dtype.type(_LARGEST[values.dtype])
    for start, block in row_blocks(values):
        bad = ~(np.abs(block) <= largest)  # nan compares false
        if bad.any():
            row, column = np.argwhere(bad)[0]
            value = block[row, column]
            word = (
                "NaN"
                if np.isnan(value)
                else ("infinity" if np.isinf(value) else "a value too large to square")
            )
            raise DataError(
                f"{name} contains {word}: {value} in row {first_row + start + row}, column {column}"
            )


def row_blocks(values: AnyArray) -> Iterator[tuple[int, AnyArray]]:
    """(first row, block of rows) pairs of about a million elements each."""
    step = max(1, _BLOCK_ELEMENTS // max(1, values.shape[1]))
    for start in range(0, values.shape[0], step):
        yield start, values[start : start + step]


def check_positive(value: Any, name: str) -> float:
    """The value as a float, if it is a finite number above 0."""
    if not isinstance(value, Real) or isinstance(value, bool) or not (0 < float(value) < math.inf):
        raise UsageError(f"{name} must be a positive finite number, got {value!r}")
    return float(value)


def check_non_negative(value: Any, name: str) -> float:
    """The value as a float, if it is a finite number of at least 0."""
    if not isinstance(value, Real) or isinstance(value, bool) or not (0 <= float(value) < math.inf):
        raise UsageError(f"{name} must be a finite number of at least 0, got {value!r}")
    return float(value)


def check_choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """The value, if it is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise UsageError(f"{name} must be one of {', '.join(repr(c) for c in choices)}; got {value!r}")
    return value


def check_threads(threads: int | None) -> int:
    """Number of threads; None means every core this process may use, more than those is refused."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    if threads is None:
        return cores
    if not isinstance(threads, Integral) or isinstance(threads, bool) or threads < 1:
        raise UsageError(f"threads must be an integer of at least 1, got {threads!r}")
    if threads > cores:
        raise UsageError(f"threads = {threads} is more than the {cores} cores this process may use")
    return int(threads)


_BYTE_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
               "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}  # fmt: skip


def parse_bytes(amount: str | int | None) -> int | None:
    """Bytes from an integer or a text such as ``"8GB"``, ``"512 MiB"``; None stays None."""
    if amount is None:
        return None
    if isinstance(amount, Integral) and not isinstance(amount, bool):
        count = float(amount)
    else:
        found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-zA-Z]*)\s*", str(amount))
        if found is None or found[2].lower() not in _BYTE_UNITS:
            raise UsageError(f"a number of bytes looks like 8GB or 512MiB, got {amount!r}")
        count = float(found[1]) * _BYTE_UNITS[found[2].lower()]
    if count < 1:
        raise UsageError(f"a number of bytes must be positive, got {amount!r}")
    return int(count)


def _as_numbers(values: Any, name: str) -> AnyArray:
    if hasattr(values, "toarray"):
        raise DataError(f"{name} is a sparse matrix; kernels need dense rows: pass {name}.toarray()")
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name} is not a rectangular array of numbers: {error}") from None


def _as_points_dtype(values: AnyArray, name: str) -> AnyArray:
    dtype = values.dtype.newbyteorder("=")
    if dtype in (np.uint8, np.float32, np.float64):
        return values.astype(dtype, copy=False)
    if dtype == np.float16:
        raise DataError(
            f"{name} has dtype float16, too coarse for distances; pass {name}.astype(numpy.float32)"
        )
    if dtype.kind == "b":
        return values.astype(np.float64)
    if dtype.kind in "iu":
        _check_exact_integers(values, name)
        return values.astype(np.float64)
    raise DataError(
        f"{name} has dtype {dtype}; use uint8, float32 or float64 (other integers become float64)"
    )


def _check_exact_integers(values: AnyArray, name: str) -> None:
    largest = max(int(values.max()), -int(values.min())) if values.dtype.itemsize == 8 and values.size else 0
    if largest > 2**53:
        raise DataError(f"{name} has integers beyond 2^53, which float64 cannot hold exactly")
