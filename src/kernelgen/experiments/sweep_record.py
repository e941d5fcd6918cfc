"""What a sweep over ridges and bandwidths tries, and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kernelgen.arrays.checks import check_choice
from kernelgen.errors import UsageError
from kernelgen.experiments.solve_record import SolveConfig, SolveRecord

CHOICES = ("held-out", "leave-one-out", "none")


@dataclass(frozen=True)
class Sweep:
    """What to try, and how to choose among it.

    Parameters
    ----------
    ridges : tuple of float
    bandwidths : tuple of float or str
        Numbers, "auto" or "auto:X".
    choose : {"held-out", "leave-one-out", "none"}
        "held-out": every pair is fitted to some of the training rows and counts its errors on others, drawn by the
        seed; each ridge is then fitted to all rows with its best bandwidth. "leave-one-out": every pair is fitted to
        all rows and counts its leave-one-out errors, in closed form. "none": every pair is fitted to all rows.
    """

    ridges: tuple[float, ...] = (0.0,)
    bandwidths: tuple[float | str, ...] = ("auto",)
    choose: str = "held-out"

    def __post_init__(self) -> None:
        check_choice(self.choose, "choose", CHOICES)
        for name in ("ridges", "bandwidths"):
            values = getattr(self, name)
            if not values:
                raise UsageError(f"{name} is empty")
            if len(set(values)) < len(values):
                raise UsageError(f"{name} names a value twice: {', '.join(map(str, values))}")

    @property
    def is_single(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.ridges) == len(self.bandwidths) == 1

    @property
    def n_fits(self) -> int:
        """Fits to all rows, at most."""
        return len(self.ridges) * (1 if self.choose == "held-out" else len(self.bandwidths))

    def configs(self, base: SolveConfig) -> list[SolveConfig]:
        """Every pair."""
        return [
            replace(base, ridge=ridge, bandwidth=bandwidth, leave_one_out=self.choose == "leave-one-out")
            for ridge in self.ridges
            for bandwidth in self.bandwidths
        ]


@dataclass(frozen=True)
class SweepRecord:
    """What was fitted to all rows, and how it was chosen.

    Attributes
    ----------
    fits : tuple of SolveRecord
    errors : tuple of float or None
        Held-out or leave-one-out error of each fit.
    chosen : int or None
        Index of the fit with the smallest.
    choice : dict
        ``by``, and what was tried.
    unsolved : tuple of dict
        ``ridge``, ``bandwidth`` and ``message`` of what has no factor on all rows, did not converge, or met equal rows
        with different labels; and of the last bandwidth of a ridge that none solved on the rows of the choice.
    """

    fits: tuple[SolveRecord, ...]
    errors: tuple[float | None, ...]
    chosen: int | None
    choice: dict[str, Any]
    unsolved: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return {
            "fits": [fit.as_dict() for fit in self.fits],
            "errors": list(self.errors),
            "chosen": self.chosen,
            "choice": self.choice,
            "unsolved": list(self.unsolved),
        }
