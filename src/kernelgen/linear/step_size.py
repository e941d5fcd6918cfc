"""Step sizes that are safe, from the rows' lengths and the largest eigenvalue of X^T X / n."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kernelgen.arrays.checks import check_finite
from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.errors import DataError
from kernelgen.linear.config import SGDConfig
from kernelgen.linear.rows import Rows

CURVATURE = {"square": 1.0, "logistic": 0.25}  # largest second derivative of the loss in f
_LARGEST_SQUARE = 1e36  # of a row, beyond which float32 products with it overflow


@dataclass(frozen=True, slots=True)
class Smoothness:
    """What bounds the step: squared row lengths, and lambda_1(X^T X / n) where it was asked for."""

    squares: FloatArray
    top: float | None

    def safe_step(self, config: SGDConfig) -> float:
        """The step 1/L for batches of b, with momentum and decay.

            1 / L(b) = b / (max |x_i|^2 + (b - 1) lambda_1)          times 1 - momentum

        which is 1 / max |x_i|^2 for b = 1 and tends to 1 / lambda_1 for large b. The logistic loss bends at most a
        quarter as much.

        References
        ----------
        S. Ma, R. Bassily, M. Belkin, "The power of interpolation: understanding the effectiveness of SGD in modern
        over-parametrized learning", ICML 2018, theorem 2 and equation (8), arXiv:1712.06559.
        """
        b = min(config.batch, len(self.squares))
        longest = float(self.squares.max())
        top = longest if self.top is None else self.top
        L = CURVATURE[config.loss] * (longest + (b - 1) * top) / b + config.weight_decay
        return (1 - config.momentum) / L if L > 0 else 1.0


def measure(rows: Rows, *, need_top: bool, iterations: int = 20) -> Smoothness:
    """Squared row lengths in one pass; lambda_1(X^T X / n) by power iteration in `iterations` more where needed.

    The iteration's value is from below; it is raised by a twentieth, and never above the mean squared length, the trace
    of X^T X / n. Raises a DataError that names the first row with a value that is not finite, or whose square is not in
    the range of the numbers.
    """
    n, d = rows.n_samples, rows.n_features
    squares = np.empty(n)
    least = 4 / float(np.finfo(rows.dtype).max)
    order = np.arange(rows.n_blocks)
    for start, block in rows.blocks(order):
        found = np.einsum("ij,ij->i", block, block, dtype=np.float64)
        if not (found <= _LARGEST_SQUARE).all():  # nan compares false
            row = int(np.argmin(found <= _LARGEST_SQUARE))
            check_finite(block[row][None], "X", first_row=start + row)
            raise DataError(f"row {start + row} of X is too long to square: |x|^2 = {found[row]:.3g}")
        for row in np.flatnonzero(found < least).tolist():
            if block[row].any():
                raise DataError(
                    f"row {start + row} of X is not 0 and too short to divide by |x|^2 = {found[row]:.3g} in "
                    f"{rows.dtype}; multiply X by a number"
                )
        squares[start : start + len(block)] = found
    if not need_top:
        return Smoothness(squares, None)
    vector = np.random.default_rng(0).standard_normal(d).astype(rows.dtype)
    value = 0.0
    for _ in range(iterations):
        vector /= max(float(np.linalg.norm(vector)), np.finfo(rows.dtype).tiny)
        image: AnyArray = np.zeros(d)
        for _, block in rows.blocks(order):
            image += block.T @ (block @ vector)
        previous, value = value, float(np.linalg.norm(image)) / n
        vector = image.astype(rows.dtype)
        if abs(value - previous) <= 0.01 * value:
            break
    return Smoothness(squares, min(1.05 * value, float(squares.mean())))


def row_steps(config: SGDConfig, smoothness: Smoothness) -> FloatArray:
    """The step of each row.

    "kaczmarz" is 1 / |x_i|^2, and 0 for rows of zeros, which no step can fit.
    """
    n = len(smoothness.squares)
    if config.step == "kaczmarz":
        squares = smoothness.squares * CURVATURE[config.loss] + config.weight_decay
        steps = np.zeros(n)
        np.divide(1 - config.momentum, squares, out=steps, where=smoothness.squares > 0)
        return steps
    if config.step == "1/L":
        return np.full(n, smoothness.safe_step(config))
    if config.step == "line-search":
        return np.full(n, 1 - config.momentum)
    return np.full(n, float(config.step))
