"""Bytes and seconds of a solve, told before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_choice, check_threads, parse_bytes
from kernelgen.engines.base import TILE, Engine, check_tile
from kernelgen.engines.choose import choose, engine_name
from kernelgen.errors import BudgetExceeded, UsageError
from kernelgen.solvers.memory import available_bytes

PRECISIONS = ("auto", "float32", "float64", "mixed")
LARGEST_AUTO_FLOAT64 = 8192
_DESCENTS = 3  # conjugate gradient iterations of a refinement in mixed precision
_NORM_SOLVES = 5  # solves that estimate |K^-1|_1
_EVALUATION_FLOPS = 24.0  # one kernel value (an exponential), counted at the rate of float64 products


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
        ``factor``, ``solve``, ``refine`` (certificate included) and, with test points, ``predict``.
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
        values["phases"] = [
            {"name": p.name, "bytes": p.bytes, "flops": p.flops, "seconds": p.seconds} for p in self.phases
        ]
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

    Parameters
    ----------
    n_samples, n_features, n_targets, n_test : int
    precision : {"auto", "float32", "float64", "mixed"}
    values_dtype : dtype
        Of the points: uint8, float32 or float64.
    device : {"cpu", "cuda"}
    engine : {"auto", "native", "portable", "cuda"}
    threads, tile : int or None
    budget_bytes : int, str such as "8GB", or None for the memory now available to this process
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
    job = _Job(
        n_features,
        n_targets,
        n_test,
        np.dtype(values_dtype),
        module,
        check_threads(threads),
        check_tile(TILE if tile is None else tile),
        held_bytes,
    )
    resolved = resolve_precision(precision, n_samples)
    phases = tuple(job.phases(n_samples, resolved))
    peak = max(phase.bytes for phase in phases)
    budget = available_bytes() if budget_bytes is None else parse_bytes(budget_bytes) or 0
    return Plan(
        n_samples=n_samples,
        n_features=n_features,
        n_targets=n_targets,
        n_test=n_test,
        precision=resolved,
        engine=engine_name(module),
        threads=job.threads,
        tile=job.tile,
        phases=phases,
        input_bytes=n_samples * n_features * job.values_dtype.itemsize,
        peak_bytes=peak,
        seconds=sum(phase.seconds for phase in phases),
        budget_bytes=budget,
        fits=peak <= budget,
        suggestion=None if peak <= budget else job.suggest(n_samples, resolved, budget),
    )


def check_fits(plan: Plan) -> None:
    """Raise BudgetExceeded, with the smallest change that fits, where the plan needs more than its budget."""
    if not plan.fits:
        raise BudgetExceeded(
            f"{plan.n_samples} points in precision {plan.precision} need {format_bytes(plan.peak_bytes)}, "
            f"the budget is {format_bytes(plan.budget_bytes)}: {plan.suggestion}",
            plan=plan,
        )


def resolve_precision(precision: str, n_samples: int) -> str:
    """The precision ``"auto"`` stands for: float64 up to 8,192 points, mixed above."""
    check_choice(precision, "precision", PRECISIONS)
    if precision != "auto":
        return precision
    return "float64" if n_samples <= LARGEST_AUTO_FLOAT64 else "mixed"


def factor_dtype(precision: str) -> np.dtype[Any]:
    """Dtype of the factor: float64 for ``"float64"``, float32 for ``"float32"`` and ``"mixed"``."""
    return np.dtype(np.float64 if precision == "float64" else np.float32)


def format_bytes(count: int) -> str:
    """Bytes in the largest decimal unit that leaves a number of at least 1."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count} B"


@dataclass(frozen=True, slots=True)
class _Job:
    """All of a solve but the number of points and the precision, which a suggestion may change."""

    n_features: int
    n_targets: int
    n_test: int
    values_dtype: np.dtype[Any]
    engine: Engine
    threads: int
    tile: int
    held_bytes: int

    def phases(self, n: int, precision: str) -> list[Phase]:
        d, c, rates = self.n_features, self.n_targets, self.engine.measure_rates(self.threads)
        dtype = factor_dtype(precision)
        work = self._bytes(n, precision)
        exact = rates["bytes"] if self.values_dtype == np.uint8 else rates["float64"]
        own = rates["bytes"] if self.values_dtype == np.uint8 else rates[str(dtype)]
        storage = self.engine.storage_elements(n, self.tile) * dtype.itemsize
        factor_flops = n**3 / 3 + n**2 * d
        factor_seconds = n**3 / 3 / rates[str(dtype)] + n**2 * d / own + self._evaluate(n**2 / 2, rates)
        solve_flops = 2.0 * n**2 * c
        one_solve = max(solve_flops / rates[str(dtype)], 2 * storage / rates["bandwidth"])
        product_flops = n**2 * d + 2.0 * n**2 * c
        one_product = n**2 * d / exact + 2.0 * n**2 * c / rates["float64"] + self._evaluate(n**2 / 2, rates)
        descents = _DESCENTS if precision == "mixed" else 0
        direct = 0 if precision == "mixed" else 1
        norm = _NORM_SOLVES * 2 * storage / rates["bandwidth"]
        found = [
            Phase("factor", work["factor"], factor_flops, factor_seconds),
            Phase("solve", work["solve"], direct * solve_flops, direct * one_solve),
            Phase(
                "refine",
                work["refine"],
                descents * (solve_flops + product_flops) + product_flops,
                descents * (one_solve + one_product) + one_product + norm,
            ),
        ]
        if self.n_test:
            m = self.n_test
            flops = 2.0 * n * m * (d + c)
            seconds = 2.0 * n * m * (d / exact + c / rates["float64"]) + self._evaluate(n * m, rates)
            found.append(Phase("predict", work["predict"], flops, seconds))
        return found

    @staticmethod
    def _evaluate(count: float, rates: dict[str, float]) -> float:
        return count * _EVALUATION_FLOPS / rates["float64"]

    def _bytes(self, n: int, precision: str) -> dict[str, int]:
        d, c, dtype = self.n_features, self.n_targets, factor_dtype(precision)
        column = 8 * n * c
        resting = self.engine.storage_elements(n, self.tile) * dtype.itemsize + 8 * d + self.held_bytes

        def workspace(phase: Any, dtype: Any) -> int:
            return self.engine.workspace_bytes(n, d, self.values_dtype, dtype, c, self.threads, phase)

        solving = 3 * column + workspace("solve", dtype)  # targets, right-hand sides, solution
        alpha_dtype = np.dtype(np.float32 if precision == "float32" else np.float64)
        return {
            "factor": resting + workspace("factor", dtype),
            "solve": resting + solving,
            # targets and their scaled copy, alpha, product, residual; x, r, z, p, K p of the descent
            "refine": resting + 10 * column + max(workspace("multiply", np.dtype(np.float64)), solving),
            "predict": resting + column + 2 * 8 * self.n_test * c + workspace("predict", alpha_dtype),
        }

    def suggest(self, n: int, precision: str, budget: int) -> str:
        """The same problem in a narrower factor where that fits, else the most points that do."""
        needed = max(self._bytes(n, precision).values())
        if precision == "float64":
            mixed = max(self._bytes(n, "mixed").values())
            if mixed <= budget:
                return f'precision="mixed" needs {format_bytes(mixed)} and gives the same residual'
        narrow = "float32" if precision == "float32" else "mixed"
        low, high = 0, n
        while high - low > 1:
            middle = (low + high) // 2
            if max(self._bytes(middle, narrow).values()) <= budget:
                low = middle
            else:
                high = middle
        points = f'at most {low} training points fit with precision="{narrow}"' if low else "no subset fits"
        return f"{points}; all {n} need a budget of {format_bytes(needed)}"
