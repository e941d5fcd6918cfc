"""Row lengths and the largest eigenvalue, in memory and by blocks."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.linear.rows import as_rows
from kernelgen.linear.step_size import measure


@pytest.mark.parametrize("block_rows", [None, 7])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_measures(block_rows: int | None, dtype: str) -> None:
    X = np.random.default_rng(0).standard_normal((40, 25)).astype(dtype)
    found = measure(as_rows(X, block_rows=block_rows), need_top=True)
    assert np.allclose(found.squares, np.sum(X.astype(np.float64) ** 2, axis=1), rtol=1e-5)
    top = np.linalg.eigvalsh(X.T.astype(np.float64) @ X / 40)[-1]
    assert 0.95 * top <= found.top <= 1.06 * top
    assert measure(as_rows(X), need_top=False).top is None
