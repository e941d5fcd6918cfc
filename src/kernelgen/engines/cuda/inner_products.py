"""Inner products of features that are never all there, in column panels on the device; K comes from them by blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import FloatArray, Points
from kernelgen.engines.base import KernelLike, storage_elements
from kernelgen.engines.cuda.device import Array, Device, device
from kernelgen.engines.cuda.operands import Operand, prepare
from kernelgen.engines.cuda.panels import Panels, panels_of
from kernelgen.engines.cuda.place import place

VALUES: Final = 1 << 22
"""Values of K made at a time in float64: 32 MB, within a cache."""
_PASSES = 5  # arrays of that size a kernel's formula may hold at once


class PanelProducts(InnerProducts):
    """The same sums on the device: column panels as a factor's (:class:`~kernelgen.engines.cuda.panels.Panels`).

    Panels hold the lower triangle, their diagonal blocks both triangles. What is read of them comes to the host.
    """

    __slots__ = ()

    engine = "cuda"

    def panels(self) -> Panels:
        """Views of the panels, on the device."""
        return panels_of(self.tiles, self.n_samples, self.tile, device().block)

    def tile_at(self, i: int, j: int) -> FloatArray:
        """Copy of tile (i, j), i >= j, with its padding."""
        count = -(-self.n_samples // self.tile)
        tiles: Array = self.tiles.reshape(-1, self.tile, self.tile)
        return device().fetch(tiles[j * count - j * (j - 1) // 2 + i - j])

    def squared_norms(self) -> FloatArray:
        """The diagonal: |phi(x_i)|^2."""
        return device().fetch(_diagonal(device(), self.panels()))

    def row(self, i: int) -> FloatArray:
        """G_i0 .. G_ii: row i up to the diagonal."""
        on, parts = device(), self.panels()
        own = [parts.panel(j)[i - parts.rows(j).start] for j in range(i // parts.side + 1)]
        return on.fetch(on.xp.concatenate(own)[: i + 1])

    def full_row(self, i: int) -> FloatArray:
        """G_i0 .. G_i,n-1: from the panels to the left and, down its own column, from the panel it is in."""
        on, parts = device(), self.panels()
        a, r = divmod(i, parts.side)
        left = [parts.panel(j)[i - parts.rows(j).start] for j in range(a)]
        return on.fetch(on.xp.concatenate([*left, parts.panel(a)[:, r]]))

    def block(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> FloatArray:
        """G_ij for i in ``rows`` and j in ``columns``, in their order."""
        on = device()
        return on.fetch(self._gathered(on.upload(rows), on.upload(columns)))

    def take(self, rows: NDArray[np.int64]) -> PanelProducts:
        """A copy, on the device, of the products of the given rows among each other."""
        on, n = device(), len(rows)
        found = PanelProducts(on.xp.zeros(storage_elements(n, self.tile)), n, self.tile, self.n_features)
        parts, given = found.panels(), on.upload(rows)
        whole = [(slice(0, n), parts.square())] if parts.is_square else []
        for columns, panel in whole or [(parts.rows(j), parts.panel(j)) for j in range(parts.count)]:
            step = max(1, VALUES // panel.shape[1])
            for start in range(0, len(panel), step):
                some = slice(columns.start + start, columns.start + min(start + step, len(panel)))
                panel[start : start + step] = self._gathered(given[some], given[columns])
        return found

    def _gathered(self, rows: Array, columns: Array) -> Array:
        """Entry (i, j), i >= j, of panel c = j // tile: row i - c tile of it, column j - c tile."""
        xp, tile, count = device().xp, self.tile, -(-self.n_samples // self.tile)
        i, j = xp.maximum(rows[:, None], columns), xp.minimum(rows[:, None], columns)
        c = j // tile
        return self.tiles[(c * count - c * (c - 1) // 2) * tile**2 + (i - c * tile) * tile + j - c * tile]


def _diagonal(on: Device, parts: Panels) -> Array:
    return on.xp.concatenate([on.xp.diagonal(parts.panel(j)) for j in range(parts.count)])


@dataclass(frozen=True, slots=True)
class ProductRows:
    """Rows of inner products where a block of K is otherwise made of an :class:`Operand`'s.

    Parameters
    ----------
    panels : Panels
        Of all inner products.
    norms : device array, shape (count,)
        |phi(x_i)|^2 of these rows.
    first : int
        The first of them.
    """

    panels: Panels
    norms: Array
    first: int

    def rows(self, rows: slice) -> ProductRows:
        """A range of rows."""
        return ProductRows(self.panels, self.norms[rows], self.first + rows.start)

    def values(self, columns: ProductRows, kernel: KernelLike) -> Array:
        """k(x_i, x_j) in float64; the columns are of one panel, the rows not above it."""
        j, c = divmod(columns.first, self.panels.side)
        r = self.first - self.panels.rows(j).start
        G = self.panels.panel(j)[r : r + len(self.norms), c : c + len(columns.norms)]
        return kernel.evaluate_products(G, self.norms[:, None], columns.norms)


def rows_of(
    on: Device, points: Points | InnerProducts, kernel: KernelLike, dtype: np.dtype[Any]
) -> Operand | ProductRows:
    """What blocks of K are made from: points as products read them, or inner products that are there."""
    if isinstance(points, PanelProducts):
        parts = points.panels()
        return ProductRows(parts, _diagonal(on, parts), 0)
    assert isinstance(points, Points)
    return prepare(on, place(points), kernel, dtype)


def product_rows_bytes(n: int) -> int:
    """Bytes beside inner products while K is made from them."""
    return 8 * n + 8 * _PASSES * min(VALUES, n**2)
