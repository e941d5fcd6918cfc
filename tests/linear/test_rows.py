"""Where rows come from: dtypes, blocks, transforms, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from kernelgen.errors import DataError, UsageError
from kernelgen.linear.rows import as_rows


def test_floats_are_not_copied_and_integers_become_float64() -> None:
    X = np.ones((5, 3), np.float32)
    assert np.shares_memory(as_rows(X).read(0), X)
    assert as_rows(X).dtype == np.float32
    assert as_rows(X.astype(np.uint8)).read(0).dtype == np.float64
    assert as_rows(X, dtype="float64").read(0).dtype == np.float64


def test_blocks_in_the_order_asked_for(tmp_path: Path) -> None:
    X = np.arange(20.0).reshape(10, 2)
    np.save(tmp_path / "x.npy", X)
    for source in (X, np.load(tmp_path / "x.npy", mmap_mode="r")):
        rows = as_rows(source, block_rows=4)
        assert rows.n_blocks == 3
        found = list(rows.blocks(np.array([2, 0, 1])))
        assert [start for start, _ in found] == [8, 0, 4]
        assert np.array_equal(np.concatenate([block for _, block in sorted(found, key=lambda f: f[0])]), X)


def test_a_memory_map_is_read_by_blocks_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernelgen.linear.rows.BLOCK_BYTES", 64)
    np.save(tmp_path / "x.npy", np.ones((10, 2)))
    assert as_rows(np.load(tmp_path / "x.npy", mmap_mode="r")).n_blocks == 3
    assert as_rows(np.ones((10, 2))).n_blocks == 1


@pytest.mark.parametrize(
    "X", [np.ones(3), np.ones((0, 3)), np.ones((3, 0)), np.ones((2, 2), complex), np.ones((2, 2), np.float16)]
)
def test_refusals(X: np.ndarray) -> None:
    with pytest.raises(DataError):
        as_rows(X)


def test_more_refusals() -> None:
    with pytest.raises(DataError, match="sparse"):
        as_rows(scipy.sparse.eye(3))
    with pytest.raises(UsageError, match="block_rows"):
        as_rows(np.eye(2), block_rows=0)
    with pytest.raises(UsageError, match="float32 or float64"):
        as_rows(np.eye(2), dtype="int32")
