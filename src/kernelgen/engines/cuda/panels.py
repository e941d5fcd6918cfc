"""Where the lower half of a matrix lies on the device: column panels of tiles, or the full square in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kernelgen.engines.cuda.device import Array

LAYOUT: Final = "columns"


@dataclass(frozen=True, slots=True)
class Panels:
    """Column panels of a lower triangle: panel j holds rows j tile to n of ``side`` columns.

    Tile (i, j), i >= j, is row-major and starts at (j nt - j (j - 1) / 2 + i - j) tile^2, so that the tiles of a
    column follow each other and one product updates a whole panel. With one tile (n <= tile) the storage is the full
    square, and panels are views of ``side`` columns of it.

    Parameters
    ----------
    storage : device array, shape (nt (nt + 1) / 2 tile^2,)
    n_samples, tile : int
    side : int
        Columns of a panel: the tile, or what a full square is worked through by.
    """

    storage: Array
    n_samples: int
    tile: int
    side: int

    @property
    def is_square(self) -> bool:
        """Whether the storage is one full square."""
        return self.n_samples <= self.tile

    @property
    def count(self) -> int:
        """Number of panels."""
        return -(-self.n_samples // self.side)

    def rows(self, j: int) -> slice:
        """Rows and columns of the j-th diagonal block."""
        return slice(j * self.side, min((j + 1) * self.side, self.n_samples))

    def panel(self, j: int) -> Array:
        """View of panel j: rows from j side to n, its columns."""
        columns = self.rows(j)
        width, height = columns.stop - columns.start, self.n_samples - columns.start
        if self.is_square:
            return self.square()[columns.start :, columns]
        n_tiles = -(-self.n_samples // self.tile)
        start = (j * n_tiles - j * (j - 1) // 2) * self.tile**2
        rows = (n_tiles - j) * self.tile
        return self.storage[start : start + rows * self.tile].reshape(rows, self.tile)[:height, :width]

    def square(self) -> Array:
        """View of the full square, without its padding."""
        n = self.n_samples
        return self.storage.reshape(self.tile, self.tile)[:n, :n]


def panels_of(storage: Array, n_samples: int, tile: int, block: int) -> Panels:
    """Panels of a storage; a full square is worked through by ``block`` columns."""
    return Panels(storage, n_samples, tile, min(block, tile) if n_samples <= tile else tile)
