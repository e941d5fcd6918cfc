"""Tiles read as rows and diagonal."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.engines.base import storage_elements


def symmetric(n: int) -> tuple[np.ndarray, InnerProducts]:
    G = np.random.default_rng(n).standard_normal((n, n))
    G = G + G.T
    products = InnerProducts(np.zeros(storage_elements(n, 48)), n, 48, 5)
    for i in range(-(-n // 48)):
        for j in range(i + 1):
            block = G[i * 48 : i * 48 + 48, j * 48 : j * 48 + 48]
            products.tile_at(i, j)[: block.shape[0], : block.shape[1]] = block
    return G, products


@pytest.mark.parametrize("n", [1, 48, 49, 130])
def test_rows_and_diagonal(n):
    G, products = symmetric(n)
    assert np.array_equal(products.squared_norms(), np.diagonal(G))
    for i in (0, n // 2, n - 1):
        assert np.array_equal(products.row(i), G[i, : i + 1])
        assert np.array_equal(products.full_row(i), G[i])


@pytest.mark.parametrize(("n", "taken"), [(1, 1), (30, 7), (130, 1), (130, 48), (130, 49), (130, 130)])
def test_some_rows_among_each_other_and_with_others(n, taken):
    G, products = symmetric(n)
    order = np.random.default_rng(taken).permutation(n)
    rows, columns = order[:taken], order[taken // 2 :]
    assert np.array_equal(products.block(rows, columns), G[np.ix_(rows, columns)])
    found = products.take(rows)
    assert (found.n_samples, found.tile, found.n_features) == (taken, 48, 5)
    assert np.array_equal([found.full_row(i) for i in range(taken)], G[np.ix_(rows, rows)])
    # nothing past the end, and a copy
    assert np.isclose(np.abs(found.tiles).sum(), np.abs(np.tril(G[np.ix_(rows, rows)])).sum() + above(found))
    assert not np.shares_memory(found.tiles, products.tiles)


def above(products: InnerProducts) -> float:
    """What tiles on the diagonal hold a second time."""
    count = -(-products.n_samples // products.tile)
    return sum(np.abs(np.triu(products.tile_at(i, i), 1)).sum() for i in range(count))
