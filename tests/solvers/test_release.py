"""Locals of the package's frames are dropped from a traceback, the caller's own are kept."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from kernelgen.arrays.checks import check_pair
from kernelgen.arrays.points import Points
from kernelgen.errors import DataError
from kernelgen.solvers.release import release_on_error


def callers_own(marker: np.ndarray) -> None:
    raise ValueError("theirs")


def test_frames_of_the_package_are_cleared() -> None:
    values = np.zeros((1, 3))
    held = weakref.ref(values)
    with pytest.raises(DataError) as caught, release_on_error():
        check_pair(Points(values), Points(np.zeros((1, 2))))
    assert caught.tb.tb_next is not None
    del values
    assert held() is None


def test_frames_of_scipy_are_cleared() -> None:
    from scipy.linalg import solve_triangular

    storage = np.zeros(6)
    held = weakref.ref(storage)
    with pytest.raises(ValueError, match="square"), release_on_error():
        solve_triangular(storage.reshape(2, 3), np.zeros(2), check_finite=False)
    del storage
    assert held() is None


def test_frames_of_the_caller_are_kept() -> None:
    marker = np.ones(1)
    with pytest.raises(ValueError, match="theirs") as caught, release_on_error():
        callers_own(marker)
    traceback = caught.tb
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    assert traceback.tb_frame.f_locals["marker"] is marker
