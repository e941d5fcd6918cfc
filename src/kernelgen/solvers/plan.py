"""Bytes and seconds of a solve, told before anything is allocated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_choice, check_threads, parse_bytes
from kernelgen.engines.base import check_tile
from kernelgen.engines.choose import choose, engine_name
from kernelgen.errors import BudgetExceeded, UsageError
from kernelgen.solvers.costs import Costs, Phase, format_bytes
from kernelgen.solvers.memory import available_to

PRECISIONS = ("auto", "float32", "float64", "mixed")
LARGEST_AUTO_FLOAT64 = 8192


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
        ``factor``, ``solve``, ``refine`` (certificate included) and, with test points, ``predict``; before them
        ``features`` where these are made, or ``gram`` where they are streamed.
    input_bytes : int
        The training values themselves; the caller holds them, they are not part of ``peak_bytes``.
    peak_bytes : int
        Largest of the phases' bytes: what the process will hold above the start of the call.
    seconds : float
        Sum over the phases, from flops and the rates measured on this machine.
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
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["phases"] = [asdict(phase) for phase in self.phases]
        return values


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
    held_bytes: int = 0,
) -> Plan:
    """Predict the bytes and seconds of factorize, solve and predict.

        bytes = nt (nt + 1) / 2 tile^2 itemsize + the engine's workspace + right-hand sides,   nt = ceil(n / tile)
        flops = n^3 / 3  +  n^2 d for each time K is generated  +  2 n^2 c for each product or solve

    On a card the bytes are the card's, and the tile is the full square (nt = 1) where it fits, else the largest that
    does.

    Parameters
    ----------
    n_samples, n_features, n_targets, n_test : int
    precision : {"auto", "float32", "float64", "mixed"}
    values_dtype : dtype
        Of the points: uint8, float32 or float64.
    device : {"cpu", "cuda"}
    engine : {"auto", "native", "portable", "cuda"}
    threads, tile : int or None
    budget_bytes : int, str such as "8GB", or None for the memory now available: to this process, or on the card
    held_bytes : int
        What is allocated beside the solve, for example a converted copy of the points.

    Raises
    ------
    EngineUnavailable
        The engine cannot run here: its workspace and speed are part of the plan.
    """
    check_choice(device, "device", ("cpu", "cuda"))
    module = choose("cuda" if device == "cuda" else engine)
    sizes = [("n_samples", n_samples, 1), ("n_features", n_features, 1), ("n_targets", n_targets, 1)]
    for name, size, least in [*sizes, ("n_test", n_test, 0)]:
        if size < least:
            raise UsageError(f"{name} must be at least {least}, got {size}")
    resolved = resolve_precision(precision, n_samples)
    budget = available_to(module) if budget_bytes is None else parse_bytes(budget_bytes) or 0
    for side in (
        module.tiles(n_samples) if tile is None else (tile,)
    ):  # the first that fits, else the smallest
        costs = Costs(
            n_features,
            n_targets,
            n_test,
            np.dtype(values_dtype),
            module,
            check_threads(threads),
            check_tile(side),
            held_bytes,
        )
        phases = tuple(costs.phases(n_samples, resolved))
        peak = max(phase.bytes for phase in phases)
        if peak <= budget:
            break
    return Plan(
        n_samples=n_samples,
        n_features=n_features,
        n_targets=n_targets,
        n_test=n_test,
        precision=resolved,
        engine=engine_name(module),
        threads=costs.threads,
        tile=costs.tile,
        phases=phases,
        input_bytes=n_samples * n_features * costs.values_dtype.itemsize,
        peak_bytes=peak,
        seconds=sum(phase.seconds for phase in phases),
        budget_bytes=budget,
        fits=peak <= budget,
        suggestion=None if peak <= budget else costs.suggest(n_samples, resolved, budget),
    )


def check_fits(plan: Plan) -> None:
    """Raise BudgetExceeded, with the smallest change that fits, where the plan needs more than its budget."""
    if not plan.fits:
        raise BudgetExceeded(
            f"{plan.n_samples} points in precision {plan.precision} need {format_bytes(plan.peak_bytes)}, "
            f"the budget is {format_bytes(plan.budget_bytes)}: {plan.suggestion}",
            plan=plan,
        )


def refused(job: Plan, available: int, values_dtype: Any) -> BudgetExceeded:
    """What to raise where a job that was to fit met the end of the memory: the smallest change that fits what is left.

    Whoever else uses a card may take memory between the plan and the work.
    """
    budget = min(available, job.peak_bytes - 1)
    narrower = plan(
        job.n_samples,
        job.n_features,
        job.n_targets,
        n_test=job.n_test,
        precision=job.precision,
        values_dtype=values_dtype,
        engine=job.engine,
        threads=job.threads,
        budget_bytes=max(1, budget),
    )
    change = f"tile={narrower.tile} needs {format_bytes(narrower.peak_bytes)}"
    return out_of_memory(
        narrower, job.peak_bytes, available, change if narrower.fits else narrower.suggestion or ""
    )


def out_of_memory(job: Plan, planned: int, available: int, change: str) -> BudgetExceeded:
    """The error of a job that was to fit: what was planned, what is free, and what to change."""
    return BudgetExceeded(
        f"out of memory, though {format_bytes(planned)} were planned and free at the start; "
        f"{format_bytes(available)} are free now, with what was taken given back: {change}",
        plan=job,
    )


def resolve_precision(precision: str, n_samples: int) -> str:
    """The precision ``"auto"`` stands for: float64 up to 8,192 points, mixed above."""
    check_choice(precision, "precision", PRECISIONS)
    if precision != "auto":
        return precision
    return "float64" if n_samples <= LARGEST_AUTO_FLOAT64 else "mixed"
