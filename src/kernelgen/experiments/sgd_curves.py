"""Convergence of SGD to the minimum norm, for several steps and batch sizes: ``kernelgen reproduce sgd``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from kernelgen.arrays.checks import check_choice
from kernelgen.experiments.sgd import SGDRunConfig, prepare_sgd
from kernelgen.linear.config import SGDConfig
from kernelgen.linear.min_norm import minimum_norm
from kernelgen.linear.sgd import sgd
from kernelgen.linear.trace import Trace

SIZES = {"small": (200, 800), "medium": (500, 2000), "full": (2000, 8000)}

RUNS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Kaczmarz, batch 1", {}),
    ("Kaczmarz, with replacement", {"replacement": True}),
    ("Kaczmarz, momentum 0.5", {"momentum": 0.5}),
    ("Kaczmarz, Nesterov 0.5", {"momentum": 0.5, "nesterov": True}),
    ("1/L, batch 1", {"step": "1/L"}),
    ("1/L, batch 8", {"step": "1/L", "batch": 8}),
    ("1/L, batch 64", {"step": "1/L", "batch": 64}),
    ("line search, batch 8", {"step": "line-search", "batch": 8}),
    ("line search, batch 64", {"step": "line-search", "batch": 64}),
    ("full batch, 1/L", {"step": "1/L", "batch": 1 << 30}),
)


@dataclass(frozen=True)
class SGDCurvesConfig:
    """Which size, how long.

    Parameters
    ----------
    scale : {"small", "medium", "full"}
        Rows and features: 200 x 800, 500 x 2,000 or 2,000 x 8,000.
    epochs : int
    seed : int
    """

    scale: str = "small"
    epochs: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.scale, "scale", tuple(SIZES))

    def command(self) -> str:
        """Return the command line that runs this config."""
        return f"kernelgen reproduce sgd --scale {self.scale} --epochs {self.epochs} --seed {self.seed}"


def run_sgd_curves(config: SGDCurvesConfig) -> dict[str, Any]:
    """Run every choice on the same rows, and record its distances; ready for JSON.

    Examples
    --------
    >>> record = run_sgd_curves(SGDCurvesConfig(epochs=2))
    >>> len(record["runs"]) == len(RUNS), max(run["span_distance"] for run in record["runs"]) < 1e-13
    (True, True)
    """
    began = time.perf_counter()
    n, d = SIZES[config.scale]
    problem = prepare_sgd(SGDRunConfig(n=n, d=d, n_test=0, optimizer=SGDConfig(seed=config.seed)))
    X, Y = problem.X_train, problem.Y_train
    least = minimum_norm(X, Y)
    runs = []
    for name, choices in RUNS:
        optimizer = SGDConfig(epochs=config.epochs, tol=1e-14, seed=config.seed, **choices)
        trace = Trace(least)
        run = sgd(X, Y, optimizer, observe=trace)
        runs.append(
            {
                "name": name,
                "status": run.status.value,
                "epochs": run.epochs,
                "step": None if run.step != run.step else run.step,
                "seconds": run.seconds,
                "relative_residual": run.relative_residual,
                "span_distance": max(point.span_distance or 0.0 for point in trace.points),
                "epoch": [point.epoch for point in trace.points],
                "distance": [point.distance for point in trace.points],
            }
        )
    return {
        "command": config.command(),
        "n": n,
        "d": d,
        "min_norm": least.norm,
        "rank_rule": least.rank_rule,
        "runs": runs,
        "seconds": time.perf_counter() - began,
    }
