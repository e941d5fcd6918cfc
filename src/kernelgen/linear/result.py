"""What a run of SGD gives back: weights, a status with what to try, and the state to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kernelgen.arrays.points import AnyArray
from kernelgen.errors import NotConverged
from kernelgen.linear.config import SGDConfig


class SGDStatus(StrEnum):
    """How a run ended."""

    CONVERGED = "converged"
    """The residual is within its tolerance."""
    MAX_EPOCHS = "max_epochs"
    """The epochs are spent; more of them, or another step, may go further."""
    DIVERGED = "diverged"
    """The loss grew; the message names a step that does not."""


@dataclass(frozen=True, slots=True, eq=False)
class SGDResult:
    """Weights after the last epoch, and how they came about.

    Parameters
    ----------
    weights : array, shape (d,) or (d, c) as the targets were; float32 or float64
    status : SGDStatus
    message : str
        One sentence with numbers and what to try.
    epochs : int
        Epochs behind these weights, those of a continued run included.
    relative_residual : float
        |X W - Y|_F / |Y|_F (|X W|_F where Y is 0) at the end, from a pass of its own.
    loss : float
        Mean loss at the end, without the weight decay term.
    step : float
        The step as used; for "kaczmarz" the median row's, nan for "line-search".
    safe_step : float
        1 / L for this batch size and momentum.
    seconds : float
        Wall time of the epochs, without observers and without the measurement of steps.
    config : SGDConfig
    state : tuple of arrays
        (last iterate, velocity), each (c, d): what ``start=result`` goes on from.
    """

    weights: AnyArray
    status: SGDStatus
    message: str
    epochs: int
    relative_residual: float
    loss: float
    step: float
    safe_step: float
    seconds: float
    config: SGDConfig
    state: tuple[AnyArray, AnyArray]

    def check_finite(self) -> SGDResult:
        """Itself, or NotConverged where the run diverged."""
        if self.status is SGDStatus.DIVERGED:
            raise NotConverged(self.message)
        return self
