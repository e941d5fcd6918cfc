"""Ridgeless double descent: minimum-norm fits through features = rows: ``kernelgen reproduce double-descent``.

On Gaussian rows the measured risk has a line to match, the formulas of Hastie, Montanari, Rosset and Tibshirani; on
real rows the features are random Fourier features, and there is no formula.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_choice
from kernelgen.experiments.sgd import FOURIER, SGDRunConfig, prepare_sgd
from kernelgen.linear.config import SGDConfig
from kernelgen.linear.min_norm import minimum_norm
from kernelgen.linear.ridgeless_risk import isotropic_risk, misspecified_risk
from kernelgen.linear.trace import error_of

SCALES = {  # Gaussian rows, repeats; rows of the data set
    "small": (200, 10, 300),
    "medium": (400, 20, 1000),
    "full": (1000, 20, 1000),
}
RATIOS = (0.1, 0.25, 0.5, 0.7, 0.85, 1.2, 1.5, 2.0, 3.0, 5.0, 8.0)
FEATURE_RATIOS = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0, 8.0)
SIGNAL, NOISE, ALL_RATIO = 1.0, 0.5, 8.0


@dataclass(frozen=True)
class DoubleDescentConfig:
    """Which data, which size.

    Parameters
    ----------
    scale : {"small", "medium", "full"}
    dataset : str
    bandwidth : float
        Of the random Fourier features.
    seed : int
    data_dir, offline
        As for :func:`kernelgen.datasets.load_dataset`.
    """

    scale: str = "small"
    dataset: str = "digits"
    bandwidth: float = 2.0
    seed: int = 0
    data_dir: str | None = None
    offline: bool = False

    def __post_init__(self) -> None:
        check_choice(self.scale, "scale", tuple(SCALES))

    def command(self) -> str:
        """Return the command line that runs this config."""
        return (
            f"kernelgen reproduce double-descent --scale {self.scale} --dataset {self.dataset} "
            f"--bandwidth {self.bandwidth:g} --seed {self.seed}"
        )


def run_double_descent(config: DoubleDescentConfig) -> dict[str, Any]:
    """Measure both curves; ready for JSON."""
    began = time.perf_counter()
    n, repeats, n_rows = SCALES[config.scale]
    return {
        "command": config.command(),
        "dataset": config.dataset,
        "n_gaussian": n,
        "repeats": repeats,
        "n_rows": n_rows,
        "shown_risk": 4.0,
        "gaussian": [
            gaussian_curve(n, repeats, seed=config.seed, see_all=True),
            gaussian_curve(n, repeats, seed=config.seed, see_all=False),
        ],
        "random_features": random_feature_curve(config, n_rows),
        "seconds": time.perf_counter() - began,
    }


def gaussian_curve(n: int, repeats: int, *, seed: int, see_all: bool) -> dict[str, Any]:
    """Excess risk of minimum-norm least squares on isotropic rows, exact for each fit: |w - w*|^2 plus what is unseen.

    With ``see_all`` the signal is in the d features seen; else it is spread over 8 n features of which d are seen.
    """
    points = []
    total = int(ALL_RATIO * n)
    for ratio in RATIOS:
        d = round(ratio * n)
        risks = []
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, d, repeat])
            X = rng.standard_normal((n, d))
            truth = rng.standard_normal(d if see_all else total)
            truth *= SIGNAL / np.linalg.norm(truth)
            seen, unseen = truth[:d], float(np.sum(truth[d:] ** 2))
            y = X @ seen + np.sqrt(unseen + NOISE**2) * rng.standard_normal(n)  # what is unseen acts as noise
            w = minimum_norm(X, y).weights
            risks.append(float(np.sum((w - seen) ** 2)) + unseen)
        points.append(
            {
                "ratio": d / n,
                "risk": float(np.mean(risks)),
                "standard_error": float(np.std(risks, ddof=1) / np.sqrt(repeats)),
                "formula": _formula(d / n, see_all=see_all),
            }
        )
    grid = [float(r) for r in np.geomspace(0.08, ALL_RATIO, 400) if abs(r - 1) > 0.01]
    return {
        "name": "all features seen" if see_all else f"features seen of {ALL_RATIO:g} n",
        "points": points,
        "formula": {"ratio": grid, "risk": [_formula(r, see_all=see_all) for r in grid]},
    }


def random_feature_curve(config: DoubleDescentConfig, n_rows: int) -> list[dict[str, Any]]:
    """Errors and norm of the minimum-norm fit of one-hot labels on p random Fourier features, for p through n."""
    points = []
    for ratio in FEATURE_RATIOS:
        count = max(1, round(ratio * n_rows))
        problem = prepare_sgd(
            SGDRunConfig(
                dataset=config.dataset,
                features=f"{FOURIER}:{count}",
                bandwidth=config.bandwidth,
                n_train=n_rows,
                optimizer=SGDConfig(seed=config.seed),
                data_dir=config.data_dir,
                offline=config.offline,
            )
        )
        fit = minimum_norm(problem.X_train, problem.Y_train)
        points.append(
            {
                "n_features": count,
                "train_error": error_of(fit.weights, problem.X_train, problem.answers_train),
                "test_error": error_of(fit.weights, problem.X_test, problem.answers_test),
                "norm": fit.norm,
                "rank": fit.rank,
                "rank_rule": fit.rank_rule,
                "relative_residual": fit.relative_residual,
            }
        )
    return points


def _formula(ratio: float, *, see_all: bool) -> float:
    if see_all:
        return isotropic_risk(ratio, signal=SIGNAL, noise=NOISE)
    return misspecified_risk(ratio, signal=SIGNAL, noise=NOISE, share=min(1.0, ratio / ALL_RATIO))
