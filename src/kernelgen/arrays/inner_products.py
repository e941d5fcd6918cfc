"""Inner products of rows whose features are never all there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

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

    def block(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> FloatArray:
        """G_ij for i in ``rows`` and j in ``columns``, in their order."""
        # entry (i, j), i >= j, is at _first(i) + tile j, and both grow with the row: i and j need not be swapped.
        # Columns go outside: entries that lie beside each other are then read one after the other
        down, across = self._first(rows), self._first(columns)[:, None]
        beside = self.tile * np.minimum(rows, columns[:, None])
        found: FloatArray = self.tiles[np.maximum(down, across) + beside].T
        return found

    def _first(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the entries of column 0 are."""
        a, r = np.divmod(rows, self.tile)
        offsets: NDArray[np.int64] = a * (a + 1) // 2 * self.tile**2 + r
        return offsets

    def take(self, rows: NDArray[np.int64]) -> InnerProducts:
        """A copy of the products of the given rows among each other."""
        n, tile = len(rows), self.tile
        count = -(-n // tile)
        found = InnerProducts(np.zeros(count * (count + 1) // 2 * tile**2), n, tile, self.n_features)
        parts = [rows[start : start + tile] for start in range(0, n, tile)]
        for i, down in enumerate(parts):
            for j, across in enumerate(parts[: i + 1]):
                found.tile_at(i, j)[: len(down), : len(across)] = self.block(down, across)
        return found
