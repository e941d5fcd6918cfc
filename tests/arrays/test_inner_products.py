"""Tiles read as rows and diagonal."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.engines.base import storage_elements


@pytest.mark.parametrize("n", [1, 48, 49, 130])
def test_rows_and_diagonal(n):
    G = np.random.default_rng(n).standard_normal((n, n))
    G = G + G.T
    products = InnerProducts(np.zeros(storage_elements(n, 48)), n, 48, 0)
    for i in range(-(-n // 48)):
        for j in range(i + 1):
            block = G[i * 48 : i * 48 + 48, j * 48 : j * 48 + 48]
            products.tile_at(i, j)[: block.shape[0], : block.shape[1]] = block
    assert np.array_equal(products.squared_norms(), np.diagonal(G))
    for i in (0, n // 2, n - 1):
        assert np.array_equal(products.row(i), G[i, : i + 1])
        assert np.array_equal(products.full_row(i), G[i])
