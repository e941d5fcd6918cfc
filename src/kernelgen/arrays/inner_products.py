"""Inner products of rows whose features are never all there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kernelgen.arrays.points import FloatArray


@dataclass(frozen=True, slots=True)
class InnerProducts:
    """G_ij = <phi(x_i), phi(x_j)> in float64, summed over blocks of features; a kernel reads it in place of points.

    Parameters
    ----------
    tiles : float64 array, shape (nt (nt + 1) / 2 tile^2,), nt = ceil(n / tile)
        Lower tiles, tile (i, j) at (i (i + 1) / 2 + j) tile^2, column-major inside; tiles on the diagonal hold both
        triangles. Rows past n are zero.
    n_samples, tile : int
    n_features : int
        Features summed so far.
    """

    engine: ClassVar[str] = "native"
    """Name of the engine that reads these tiles."""

    tiles: FloatArray
    n_samples: int
    tile: int
    n_features: int

    def tile_at(self, i: int, j: int) -> FloatArray:
        """View of tile (i, j), i >= j, with its padding: entry [r, c] belongs to row i tile + r, column j tile + c."""
        start = (i * (i + 1) // 2 + j) * self.tile**2
        return self.tiles[start : start + self.tile**2].reshape(self.tile, self.tile).T

    def squared_norms(self) -> FloatArray:
        """The diagonal: |phi(x_i)|^2."""
        count = -(-self.n_samples // self.tile)
        diagonal = np.concatenate([np.diagonal(self.tile_at(i, i)) for i in range(count)])
        return diagonal[: self.n_samples]

    def row(self, i: int) -> FloatArray:
        """G_i0 .. G_ii: row i up to the diagonal."""
        a, r = divmod(i, self.tile)
        return np.concatenate([self.tile_at(a, j)[r] for j in range(a + 1)])[: i + 1]

    def full_row(self, i: int) -> FloatArray:
        """G_i0 .. G_i,n-1."""
        a, r = divmod(i, self.tile)
        count = -(-self.n_samples // self.tile)
        below = np.concatenate([self.tile_at(b, a)[:, r] for b in range(a, count)])
        return np.concatenate([self.row(i)[: a * self.tile], below])[: self.n_samples]

    def leading(self, n: int) -> InnerProducts:
        """A copy of the products of the first n rows."""
        if not 0 < n <= self.n_samples:
            raise ValueError(f"n must be from 1 to {self.n_samples}, got {n}")
        count = -(-n // self.tile)
        tiles = self.tiles[: count * (count + 1) // 2 * self.tile**2].copy()
        found = InnerProducts(tiles, n, self.tile, self.n_features)
        last, kept = count - 1, n - (count - 1) * self.tile
        for j in range(count):
            found.tile_at(last, j)[kept:] = 0
        found.tile_at(last, last)[:, kept:] = 0
        return found
