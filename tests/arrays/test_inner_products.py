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


@pytest.mark.parametrize(("n", "kept"), [(130, 1), (130, 48), (130, 49), (130, 129), (130, 130), (30, 7)])
def test_leading_rows_are_a_copy_with_zeros_past_the_end(n, kept):
    rng = np.random.default_rng(n)
    products = InnerProducts(rng.standard_normal(storage_elements(n, 48)), n, 48, 5)
    before = products.tiles.copy()
    found = products.leading(kept)
    assert (found.n_samples, found.tile, found.n_features) == (kept, 48, 5)
    for i in range(kept):
        assert np.array_equal(found.row(i), products.row(i))
    count = -(-kept // 48)
    last = kept - (count - 1) * 48
    for j in range(count):
        assert not found.tile_at(count - 1, j)[last:].any()
    assert not found.tile_at(count - 1, count - 1)[:, last:].any()
    assert np.array_equal(products.tiles, before)


def test_there_are_no_more_leading_rows_than_rows():
    products = InnerProducts(np.zeros(storage_elements(5, 48)), 5, 48, 5)
    for count in (0, 6):
        with pytest.raises(ValueError, match="from 1 to 5"):
            products.leading(count)
