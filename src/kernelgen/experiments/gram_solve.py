"""How fast an engine generates, factors and solves: random bytes of a given shape, certificate included.

    run_gram_solve(GramSolveConfig(n_samples=20_000, engine="cuda")).as_dict()

is what ``kernelgen bench gram-solve --n 20000 --engine cuda --json`` prints.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kernelgen.errors import UsageError
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.plan import check_fits, plan
from kernelgen.solvers.progress import ProgressCallback


@dataclass(frozen=True)
class GramSolveConfig:
    """What to measure.

    Parameters
    ----------
    n_samples, n_features, n_targets : int
        Random bytes, and targets of -1 and 1.
    bandwidth : float
        Of the Gaussian kernel on bytes / 255.
    precision, engine, threads, memory_budget
        As for :func:`kernelgen.factorize`.
    tile : int or None
        Side of a tile; None leaves it to the plan.
    repeats : int
        Times the whole is done; medians are reported. On a card one more goes before, which compiles and warms up.
    seed : int
    """

    n_samples: int = 8192
    n_features: int = 784
    n_targets: int = 10
    bandwidth: float = 5.0
    precision: str = "mixed"
    engine: str = "auto"
    threads: int | None = None
    memory_budget: int | str | None = None
    tile: int | None = None
    repeats: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise UsageError(f"repeats must be at least 1, got {self.repeats}")


@dataclass(frozen=True)
class GramSolveRecord:
    """Medians in seconds, rates in flops a second, and the proof of the last solution.

    ``factor_flops_per_second`` counts n^3 / 3 over the time of the factor without K's; ``gram_flops_per_second`` n^2 d.
    """

    config: dict[str, Any]
    engine: str
    device: str | None
    precision: str
    tile: int
    seconds: dict[str, float]
    gram_flops_per_second: float
    factor_flops_per_second: float
    relative_residual: float
    status: str
    planned_bytes: int
    peak_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return asdict(self)


def run_gram_solve(config: GramSolveConfig, *, progress: ProgressCallback | None = None) -> GramSolveRecord:
    """Factor and solve ``repeats`` times; refused by the plan before anything is allocated where it does not fit."""
    n, d, c = config.n_samples, config.n_features, config.n_targets
    job = plan(
        n,
        d,
        c,
        precision=config.precision,
        values_dtype="uint8",
        engine=config.engine,
        threads=config.threads,
        tile=config.tile,
        budget_bytes=config.memory_budget,
    )
    check_fits(job)
    rng = np.random.default_rng(config.seed)
    X, Y = rng.integers(0, 256, (n, d), dtype=np.uint8), rng.choice([-1.0, 1.0], (n, c))
    solutions, walls = [], []
    for _ in range(config.repeats + (job.engine == "cuda")):
        start = time.perf_counter()
        factor = factorize(
            X,
            Gaussian(config.bandwidth),
            scale=1 / 255,
            precision=config.precision,
            engine=config.engine,
            threads=config.threads,
            tile=config.tile,
            memory_budget=config.memory_budget,
            n_targets=c,
            progress=progress,
        )
        solutions.append(factor.solve(Y, progress=progress))
        walls.append(time.perf_counter() - start)
        del factor  # its memory is the next one's
    solutions, walls = solutions[-config.repeats :], walls[-config.repeats :]
    seconds = {
        name: statistics.median(solution.stats.seconds[name] for solution in solutions)
        for name in solutions[0].stats.seconds
    }
    last = solutions[-1]
    return GramSolveRecord(
        config=asdict(config),
        engine=last.stats.engine,
        device=device_name(last.stats.engine),
        precision=last.stats.precision,
        tile=last.stats.tile,
        seconds={**seconds, "wall": statistics.median(walls)},
        gram_flops_per_second=float(n) ** 2 * d / max(seconds["gram"], 1e-9),
        factor_flops_per_second=n**3 / 3 / max(seconds["factor"], 1e-9),
        relative_residual=last.certificate.relative_residual,
        status=last.status.value,
        planned_bytes=last.stats.planned_bytes,
        peak_bytes=max(solution.stats.peak_bytes for solution in solutions),
    )


def device_name(engine: str) -> str | None:
    """The card an engine runs on; None for the processor."""
    from kernelgen.engines.choose import choose

    name = choose(engine).describe().get("device")
    return None if name is None else str(name)
