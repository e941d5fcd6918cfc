"""Seeded split of rows into train and test, class by class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernelgen.errors import DataError, UsageError


def check_test_fraction(test_fraction: float) -> float:
    """Return `test_fraction` as a float strictly between 0 and 1, else raise UsageError."""
    if not 0.0 < test_fraction < 1.0:
        raise UsageError(f"test_fraction must be between 0 and 1 (both excluded), got {test_fraction!r}")
    return float(test_fraction)


def stratified_split(
    y: NDArray[np.int64], test_fraction: float, seed: int, *, source: Path
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers for train and test with each class in the same proportion, in a seeded random order.

    A class of n rows gives round(test_fraction * n) of them to test, but keeps at least one for train. The
    order is random so that the first rows of either part are a sample of all classes.

    Raises
    ------
    UsageError
        `test_fraction` is not between 0 and 1.
    DataError
        Too few rows for a test part; `source` is named.
    """
    fraction = check_test_fraction(test_fraction)
    rng = np.random.default_rng(seed)
    train: list[NDArray[np.int64]] = []
    test: list[NDArray[np.int64]] = []
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        n_test = min(round(fraction * len(rows)), len(rows) - 1)
        test.append(rows[:n_test])
        train.append(rows[n_test:])
    if sum(map(len, test)) == 0:
        raise DataError(
            f"{source}: {len(y)} rows, {len(train)} classes: too few to set a fraction of {fraction:g} aside for test; "
            "give train and test rows separately, or a larger test_fraction"
        )
    return rng.permutation(np.concatenate(train)), rng.permutation(np.concatenate(test))
