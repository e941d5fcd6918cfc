"""span{x_i}: projections onto it, and least squares within it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.points import FloatArray
from kernelgen.engines.choose import choose
from kernelgen.solvers.cholesky import Factor


@dataclass(frozen=True, slots=True, eq=False)
class RowSpace:
    """The span of the rows of X, held as a factor of X X^T (or X^T X), or as singular vectors.

    Parameters
    ----------
    method : {"cholesky", "normal equations", "svd"}
    rank : int
    rule : str
        How the rank was decided.
    condition : float
    rows : array, shape (n', d), or None
        With "cholesky": the rows that are not zero.
    factor : Factor or None
    used : array or None
        Which rows of X those are.
    left, values, right : arrays or None
        With "svd": X = left diag(values) right.
    """

    method: str
    rank: int
    rule: str
    condition: float
    rows: FloatArray | None = None
    factor: Factor | None = None
    used: NDArray[np.int64] | None = None
    left: FloatArray | None = None
    values: FloatArray | None = None
    right: FloatArray | None = None

    def least_squares(self, A: FloatArray, Y: FloatArray) -> FloatArray:
        """X^+ Y, shape (d, c)."""
        if self.method == "svd":
            assert self.left is not None and self.values is not None and self.right is not None  # noqa: PT018
            return self.right.T @ ((self.left.T @ Y) / self.values[:, None])
        W = np.zeros((A.shape[1], Y.shape[1]))
        for _ in range(
            3
        ):  # corrected by the residual in the data, not by that of the Gram matrix's equations
            if self.method == "cholesky":
                assert self.rows is not None
                W = W + self.rows.T @ self._solve((Y - A @ W)[self.used])
            else:
                W = W + self._solve(A.T @ (Y - A @ W))
        return W

    def project(self, W: FloatArray) -> FloatArray:
        """The part of each column of W, of shape (d, c), that lies in the span; twice, to be exact to rounding.

        P W = X^T (X X^T)^-1 X W
        """
        if self.method == "svd":
            assert self.right is not None
            return self.right.T @ (self.right @ W)
        if self.method == "normal equations":
            return W.copy()  # full column rank: the rows span everything
        assert self.rows is not None
        inside = self.rows.T @ self._solve(self.rows @ W)
        return inside + self.rows.T @ self._solve(self.rows @ (W - inside))

    def distance(self, W: Any) -> float:
        """|W - P W|_F / |W|_F, 0 for W = 0."""
        columns = np.asarray(W, dtype=np.float64)
        columns = columns[:, None] if columns.ndim == 1 else columns
        size = float(np.linalg.norm(columns))
        return float(np.linalg.norm(columns - self.project(columns))) / size if size else 0.0

    @property
    def n_features(self) -> int:
        """d."""
        if self.right is not None:
            return int(self.right.shape[1])
        if self.rows is not None:
            return int(self.rows.shape[1])
        assert self.factor is not None
        return self.factor.points.n_samples

    def _solve(self, B: FloatArray) -> FloatArray:
        """(X X^T)^-1 B by the factor alone: callers correct what it leaves."""
        assert self.factor is not None
        return direct_solve(self.factor, B)


def direct_solve(factor: Factor, B: FloatArray) -> FloatArray:
    """(L L^T)^-1 B, without refinement or certificate."""
    module = choose(factor.engine)
    return np.asarray(
        module.solve(factor.tiles, np.ascontiguousarray(B), threads=factor.threads), dtype=np.float64
    )
