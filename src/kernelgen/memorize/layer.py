"""One weight layer of a sparse network: u -> W u + b, W in compressed rows, in float64 or in exact numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.points import AnyArray


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """W u + b.

    Parameters
    ----------
    starts : int64 array, shape (h + 1,)
        Row r of W holds ``values[starts[r]:starts[r + 1]]`` in the columns ``columns[starts[r]:starts[r +
        1]]``.
    columns : int64 array, shape (q,)
    values : array, shape (q,)
        float64, or objects: Python integers and fractions, which are computed with exactly.
    bias : array, shape (h,), or None
        None: the layer has no bias, and none is counted.
    n_inputs : int
    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: AnyArray
    bias: AnyArray | None
    n_inputs: int

    @classmethod
    def from_rows(
        cls, rows: list[list[tuple[int, Any]]], bias: list[Any] | None, *, n_inputs: int, dtype: Any = object
    ) -> Self:
        """The layer whose row r has the (column, value) pairs ``rows[r]``."""
        lengths = [len(row) for row in rows]
        columns = np.array([column for row in rows for column, _ in row], dtype=np.int64)
        values = np.empty(len(columns), dtype=dtype)
        values[:] = [value for row in rows for _, value in row]
        biases = None
        if bias is not None:
            biases = np.empty(len(rows), dtype=dtype)
            biases[:] = bias
        return cls(np.concatenate([[0], np.cumsum(lengths)]), columns, values, biases, n_inputs)

    @classmethod
    def from_dense(cls, W: AnyArray, bias: AnyArray | None) -> Self:
        """The layer of a matrix of shape (h, q), all of whose entries are stored."""
        h, q = W.shape
        return cls(np.arange(h + 1) * q, np.tile(np.arange(q), h), W.reshape(-1), bias, q)

    @property
    def n_outputs(self) -> int:
        """Number of rows of W."""
        return len(self.starts) - 1

    @property
    def is_exact(self) -> bool:
        """Whether the numbers are Python's, and the products exact."""
        return bool(self.values.dtype == object)

    def __call__(self, U: AnyArray) -> AnyArray:
        """W U + b for U of shape (n_inputs, m); shape (h, m)."""
        if self.is_exact:
            return self._exact_product(U)
        from scipy.sparse import csr_array

        W = csr_array((self.values, self.columns, self.starts), shape=(self.n_outputs, self.n_inputs))
        out: AnyArray = W @ U
        if self.bias is not None:
            out += self.bias[:, None]
        return out

    def to_dense(self) -> AnyArray:
        """W, shape (h, n_inputs)."""
        W = np.zeros((self.n_outputs, self.n_inputs), dtype=self.values.dtype)
        rows = np.repeat(np.arange(self.n_outputs), np.diff(self.starts))
        W[rows, self.columns] = self.values
        return W

    def _exact_product(self, U: AnyArray) -> AnyArray:
        out = np.empty((self.n_outputs, U.shape[1]), dtype=object)
        for r in range(self.n_outputs):
            total = np.full(U.shape[1], 0 if self.bias is None else self.bias[r], dtype=object)
            for k in range(self.starts[r], self.starts[r + 1]):
                total = total + self.values[k] * U[self.columns[k]]
            out[r] = total
        return out
