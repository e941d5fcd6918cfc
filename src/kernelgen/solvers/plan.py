"""Bytes and seconds of a solve, told before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Precision = Literal["auto", "float32", "float64", "mixed"]
PRECISIONS = ("auto", "float32", "float64", "mixed")


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: what the process holds above the start while it runs, its floating-point work and its time."""

    name: str
    bytes: int
    flops: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a solve will take.

    Parameters
    ----------
    n_samples, n_features, n_targets, n_test : int
    precision : str
        Resolved: ``"float32"``, ``"float64"`` or ``"mixed"``.
    engine : str
    threads, tile : int
    phases : tuple of Phase
    input_bytes : int
        The training values themselves; the caller holds them, they are not part of ``peak_bytes``.
    peak_bytes : int
        Largest of the phases' bytes: what the process will hold above the start of the call.
    seconds : float
        Sum over the phases.
    budget_bytes : int
    fits : bool
        Whether ``peak_bytes`` is within the budget.
    suggestion : str or None
        The smallest change that would fit.
    """

    n_samples: int
    n_features: int
    n_targets: int
    n_test: int
    precision: str
    engine: str
    threads: int
    tile: int
    phases: tuple[Phase, ...]
    input_bytes: int
    peak_bytes: int
    seconds: float
    budget_bytes: int
    fits: bool
    suggestion: str | None

    def as_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        raise NotImplementedError


def plan(
    n_samples: int,
    n_features: int,
    n_targets: int = 1,
    *,
    n_test: int = 0,
    precision: str = "auto",
    values_dtype: Any = "float64",
    device: str = "cpu",
    engine: str = "auto",
    threads: int | None = None,
    tile: int | None = None,
    budget_bytes: str | int | None = None,
) -> Plan:
    """Predict the bytes and seconds of factorize, solve and predict."""
    raise NotImplementedError


def check_fits(plan: Plan) -> None:
    """Raise BudgetExceeded, with the smallest change that fits, where the plan needs more than its budget."""
    raise NotImplementedError


def resolve_precision(precision: str, n_samples: int) -> str:
    """The precision ``"auto"`` stands for."""
    raise NotImplementedError
