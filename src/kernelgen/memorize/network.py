"""A sparse ReLU network: layers, counts, and two ways to apply it, by bisection along its line and layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_points
from kernelgen.arrays.points import AnyArray
from kernelgen.errors import DataError
from kernelgen.memorize.hinges import Hinges
from kernelgen.memorize.layer import Layer
from kernelgen.memorize.line_form import hinges_of
from kernelgen.memorize.project import project

ON_A_LINE = ("two_layer", "deep")
BLOCK_ACTIVATIONS = 1 << 22


@dataclass(frozen=True, slots=True)
class WeightCounts:
    """How many numbers hold the network.

    Parameters
    ----------
    tied : int
        Numbers stored: the units of the first layer share one direction, and later layers are sparse.
    nonzero : int
        Weights and biases of the ordinary, untied network that are not 0.
    dense : int
        All its weights and biases.
    """

    tied: int
    nonzero: int
    dense: int


@dataclass(frozen=True, eq=False)
class ReluNetwork:
    """f(z) = W_k relu(... relu(W_1 z + b_1) ...) + b_k, with sparse W_l.

    Parameters
    ----------
    layers : tuple of Layer
        ReLU stands between them. With a direction, the first one reads the number <a, z>.
    direction : array, shape (d,), or None
        a; the first layer's weight matrix is then W a^T for its one column W. None: the first layer reads z.
    builder : str
        "two_layer", "deep", "bubeck", "yun" or "vardi".
    metadata : dict of str
        Where it comes from.
    """

    layers: tuple[Layer, ...]
    direction: AnyArray | None
    builder: str
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """Weight layers."""
        return len(self.layers)

    @property
    def width(self) -> int:
        """Units of the widest hidden layer."""
        return max(layer.n_outputs for layer in self.layers[:-1])

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of every hidden layer."""
        return tuple(layer.n_outputs for layer in self.layers[:-1])

    @property
    def n_features(self) -> int:
        """d."""
        return self.layers[0].n_inputs if self.direction is None else len(self.direction)

    @property
    def n_outputs(self) -> int:
        """Numbers computed for each z."""
        return self.layers[-1].n_outputs

    @property
    def is_exact(self) -> bool:
        """Whether weights are Python integers or fractions, and layers are applied without rounding."""
        return any(layer.is_exact for layer in self.layers)

    @property
    def n_weights(self) -> WeightCounts:
        """Numbers of weights and biases, tied, nonzero and dense."""
        first = self.layers[0]
        biases = [layer.bias for layer in self.layers if layer.bias is not None]
        n_biases = sum(len(bias) for bias in biases)
        nonzero = sum(int(np.count_nonzero(bias)) for bias in biases)
        dense = n_biases + sum(layer.n_outputs * layer.n_inputs for layer in self.layers[1:])
        tied = n_biases + sum(len(layer.values) for layer in self.layers[1:])
        nonzero += sum(int(np.count_nonzero(layer.values)) for layer in self.layers[1:])
        a = np.ones(1) if self.direction is None else self.direction
        tied += len(first.values) if self.direction is None else len(a)
        nonzero += int(np.count_nonzero(first.values)) * int(np.count_nonzero(a))
        return WeightCounts(tied, nonzero, dense + first.n_outputs * self.n_features)

    @property
    def max_abs_weight(self) -> float:
        """Largest |weight| after the first layer."""
        return float(max(abs(layer.values).max(initial=0) for layer in self.layers[1:]))

    @cached_property
    def hinges(self) -> Hinges | None:
        """The function of t = <a, z> as a sum of hinges, read from the layers; None for other builders."""
        on_a_line = self.builder in ON_A_LINE and self.direction is not None and not self.is_exact
        return hinges_of(self.layers) if on_a_line else None

    @property
    def lipschitz(self) -> float | None:
        """Largest |slope| along the line, per unit of <a, z>; None for builders that have no line form."""
        return None if self.hinges is None else self.hinges.lipschitz

    def project(self, X: Any) -> AnyArray:
        """What the first layer reads: <a, z> for each row, shape (m,), or the rows themselves."""
        values = check_points(X).values
        if values.shape[1] != self.n_features:
            raise DataError(f"X has {values.shape[1]} features, the network reads {self.n_features}")
        if self.is_exact:
            values = _as_bytes(values)
        return values if self.direction is None else project(values, self.direction)

    def __call__(self, X: Any) -> AnyArray:
        """f at the rows of X, shape (m, c): O(log n) a row after the projection; layer by layer without a line form.

        Parameters
        ----------
        X : array_like, shape (m, d)
            May be a memory map.

        Raises
        ------
        DataError
            Another number of features, or values that are not finite.
        """
        return self.on_line(self.project(X))

    def forward(self, X: Any) -> AnyArray:
        """f at the rows of X, shape (m, c), by the literal matrix products, in blocks of rows."""
        return self.forward_on_line(self.project(X))

    def on_line(self, t: AnyArray) -> AnyArray:
        """f from what :meth:`project` returns."""
        return self.forward_on_line(t) if self.hinges is None else self.hinges(t.astype(np.float64))

    def forward_on_line(self, t: AnyArray, *, dtype: Any = np.float64) -> AnyArray:
        """f from what :meth:`project` returns, layer by layer; `dtype` rounds weights and activations."""
        dtype = np.dtype(object) if self.is_exact else np.dtype(dtype)
        out = np.empty((len(t), self.n_outputs), dtype=dtype)
        layers = [as_type(layer, dtype) for layer in self.layers]
        step = max(1, BLOCK_ACTIVATIONS // self.width)
        for start in range(0, len(t), step):
            block = t[start : start + step].astype(dtype)
            U = block.T if block.ndim == 2 else block[None, :]
            for layer in layers[:-1]:
                U = np.maximum(layer(U), 0)
            out[start : start + step] = layers[-1](U).T
        return out


def as_type(layer: Layer, dtype: np.dtype[Any]) -> Layer:
    """The layer in another floating-point type; exact layers stay as they are."""
    if layer.values.dtype == dtype or layer.is_exact:
        return layer
    bias = None if layer.bias is None else layer.bias.astype(dtype)
    return Layer(layer.starts, layer.columns, layer.values.astype(dtype), bias, layer.n_inputs)


def _as_bytes(values: AnyArray) -> AnyArray:
    """Bytes from whole numbers of any dtype: layers of Python integers compute with nothing else."""
    if values.dtype == np.uint8:
        return values
    whole = (values >= 0) & (values <= 255) & (values == np.floor(values))
    if not whole.all():
        row, column = np.argwhere(~whole)[0]
        raise DataError(
            f"this network computes with exact integers and reads bytes; X has {values[row, column]} in row {row}, "
            f"column {column}"
        )
    return values.astype(np.uint8)
