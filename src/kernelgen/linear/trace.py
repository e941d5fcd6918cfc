"""What happens to the weights, epoch by epoch, cheaply enough to leave on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

import numpy as np

from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.arrays.whole_file import whole_file
from kernelgen.linear.min_norm import MinimumNorm
from kernelgen.linear.sgd import Epoch


@dataclass(frozen=True, slots=True)
class TracePoint:
    """One epoch.

    Parameters
    ----------
    epoch : int
        0 is the start.
    training_loss : float
        Mean loss of the rows, each just before its own step: what the epoch met, free of charge.
    distance : float or None
        |W - W*|_F / |W*|_F to the reference's solution.
    span_distance : float or None
        |(W - W_0) - P (W - W_0)|_F / |W - W_0|_F, with P the projection onto span{x_i}.
    norm : float
        |W|_F.
    test_error : float or None
        Share of test labels missed, or for regression the mean squared error.
    """

    epoch: int
    training_loss: float
    distance: float | None
    span_distance: float | None
    norm: float
    test_error: float | None


class Trace:
    """Observer of :func:`~kernelgen.linear.sgd.sgd` that records a :class:`TracePoint` an epoch.

    Parameters
    ----------
    reference : MinimumNorm, optional
        Where the run should land; also gives the span of the rows.
    X_test, y_test : arrays, optional
        Test rows, and labels (integers, met by the largest output) or real targets.
    exact_span : bool
        Measure the distance from the span by a projection, 4 n d c flops twice; else, 2 d c flops for each of
        ``n_probes`` random vectors orthogonal to the span.
    n_probes : int
        The estimate's relative standard deviation is about 1 / sqrt(2 n_probes c).
    seed : int
        Of the probes.

    Notes
    -----
    For z = (I - P) g with g standard normal, E <z, w>^2 = |w - P w|^2: what the probes average. Rounding leaves about
    eps |w| of it either way.
    """

    def __init__(
        self,
        reference: MinimumNorm | None = None,
        *,
        X_test: AnyArray | None = None,
        y_test: AnyArray | None = None,
        exact_span: bool = False,
        n_probes: int = 16,
        seed: int = 0,
    ):
        self.points: list[TracePoint] = []
        self.reference, self.exact_span = reference, exact_span
        self.X_test, self.y_test = X_test, y_test
        self._target = None if reference is None else _columns(reference.weights)
        self._origin: FloatArray | None = None
        self._probes: FloatArray | None = None
        if reference is not None and not exact_span:
            d = len(reference.weights)
            probes = np.random.default_rng(seed).standard_normal((d, n_probes))
            for _ in range(2):
                probes = probes - reference.row_space.project(probes)
            self._probes = probes.T

    def __call__(self, epoch: Epoch) -> None:
        """Record one epoch."""
        W = _columns(np.asarray(epoch.weights, dtype=np.float64))
        if self._origin is None:
            self._origin = W.copy()
        self.points.append(
            TracePoint(
                epoch=epoch.number,
                training_loss=float(epoch.running_loss),
                distance=self._distance(W),
                span_distance=self._span_distance(W - self._origin),
                norm=float(np.linalg.norm(W)),
                test_error=None if self.X_test is None else error_of(W, self.X_test, self.y_test),
            )
        )

    def write(self, path: str | PathLike[str]) -> None:
        """One JSON object a line."""
        lines = "".join(json.dumps(asdict(point)) + "\n" for point in self.points)
        with whole_file(path) as partial:
            partial.write_text(lines, encoding="utf-8")

    def _distance(self, W: FloatArray) -> float | None:
        if self._target is None:
            return None
        size = float(np.linalg.norm(self._target)) or 1.0
        return float(np.linalg.norm(W - self._target)) / size

    def _span_distance(self, moved: FloatArray) -> float | None:
        if self.reference is None:
            return None
        size = float(np.linalg.norm(moved))
        if size == 0:
            return 0.0
        if self._probes is None:
            return self.reference.row_space.distance(moved)
        found = self._probes @ (moved / size)
        return float(np.sqrt(np.sum(found**2) / len(self._probes)))


def error_of(W: FloatArray, X: AnyArray, y: Any) -> float:
    """Share of labels that the largest output (a single one's sign) misses; mean squared error for real targets."""
    scores = np.asarray(X @ W, dtype=np.float64)
    y = np.asarray(y)
    if y.dtype.kind in "biu":
        if scores.shape[1] == 1:
            return float(np.mean((scores[:, 0] > 0) != (y > 0)))
        return float(np.mean(scores.argmax(axis=1) != y))
    return float(np.mean((scores - _columns(y)) ** 2))


def _columns(W: FloatArray) -> FloatArray:
    return W[:, None] if W.ndim == 1 else W
