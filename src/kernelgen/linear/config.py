"""How SGD runs: every choice in one frozen record, checked when it is made."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import Any

from kernelgen.arrays.checks import check_choice, check_non_negative, check_positive
from kernelgen.errors import UsageError

LOSSES = ("square", "logistic")
STEPS = ("kaczmarz", "1/L", "line-search")


@dataclass(frozen=True, slots=True)
class SGDConfig:
    """Choices of one run of :func:`~kernelgen.linear.sgd.sgd`.

    Parameters
    ----------
    loss : {"square", "logistic"}
        (f - y)^2 / 2, or log(1 + exp(-y f)) for y = -1 and 1.
    step : float, "kaczmarz", "1/L" or "line-search"
        A number is the step itself, constant. "kaczmarz" gives row i the step 1 / |x_i|^2: with batches of one, the
        projection onto {w : <w, x_i> = y_i}; with larger ones the mean of the projections, safe and slow. "1/L" is
        b / (max |x_i|^2 + (b - 1) lambda_1(X^T X / n)), the largest step that is safe for batches of b. "line-search"
        minimizes the batch's own square loss along its gradient, for each output by itself. The three rules are
        multiplied by 1 - momentum.
    batch : int
        Rows a step; the gradient is the mean over them. n or more is full-batch gradient descent.
    momentum : float in [0, 1)
    nesterov : bool
        Take the gradient at w + momentum v.
    weight_decay : float
        lambda in loss + lambda |w|^2 / 2.
    replacement : bool
        Draw rows with replacement; else each epoch is a new permutation.
    average : bool
        Give back the mean of the last epoch's iterates instead of the last one.
    epochs : int
        At most this many.
    tol : float
        Stop where |X W - Y|_F / |Y|_F is at most this (square loss); 0 never stops.
    seed : int
        Of the orders; epoch t draws from (seed, t), so that a run that is continued is the run not interrupted.
    """

    loss: str = "square"
    step: float | str = "kaczmarz"
    batch: int = 1
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    replacement: bool = False
    average: bool = False
    epochs: int = 100
    tol: float = 1e-10
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.loss, "loss", LOSSES)
        if isinstance(self.step, str):
            check_choice(self.step, "step", STEPS)
        else:
            check_positive(self.step, "step")
        for name, least in (("batch", 1), ("epochs", 0), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
                raise UsageError(f"{name} must be an integer of at least {least}, got {value!r}")
        if not isinstance(self.momentum, Real) or not 0 <= float(self.momentum) < 1:
            raise UsageError(f"momentum must be in [0, 1), got {self.momentum!r}")
        check_non_negative(self.weight_decay, "weight_decay")
        check_non_negative(self.tol, "tol")
        if self.nesterov and self.momentum == 0:
            raise UsageError("nesterov=True is a way to use momentum, and momentum is 0")
        if self.step == "line-search" and self.loss != "square":
            raise UsageError('step="line-search" is exact for the square loss only; give a number or "1/L"')
        if self.step == "line-search" and self.weight_decay > 0:
            raise UsageError(
                'step="line-search" minimizes the loss alone; with weight_decay give a number or "1/L"'
            )

    @property
    def lookahead(self) -> float:
        """How far ahead of w along v the gradient is taken."""
        return float(self.momentum) if self.nesterov else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {key: value if not isinstance(value, float) or math.isfinite(value) else None
                for key, value in asdict(self).items()}  # fmt: skip
