"""Norms of interpolants beside their test errors: ``kernelgen reproduce norms``.

One factor of the training set answers true labels and random ones; a second one, of the training and test sets
together, answers labels forced on the test set; and centers drawn at random answer with a norm of their own. At 60,000
rows each further factor takes minutes: finished rows can be kept, and are not made again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_choice, check_positive
from kernelgen.arrays.points import Points
from kernelgen.datasets.dataset import Dataset
from kernelgen.datasets.registry import load_dataset
from kernelgen.errors import DataError, NotPositiveDefinite
from kernelgen.estimators.targets import decode_scores, encode_labels, error_rate
from kernelgen.experiments.feature_points import make_points
from kernelgen.experiments.kept_rows import KeptRows, digest_of
from kernelgen.features.registry import make_features
from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.randomization.corruptions import random_labels
from kernelgen.solvers.cholesky import Factor, factorize
from kernelgen.solvers.progress import ProgressCallback

SCALES: dict[str, tuple[int | None, int | None]] = {
    "small": (1000, 1000),
    "medium": (10_000, 10_000),
    "full": (None, None),
}


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One representation of the images: its features by name, and the Gaussian kernel's bandwidth on them.

    ``bandwidth`` None is the median distance to the nearest neighbour, times ``widen``. ``precision`` is what "auto"
    stands for here.
    """

    what: str
    features: str
    bandwidth: float | None
    widen: float = 1.0
    precision: str = "auto"


# The place to add representations: a name that `make_features` knows is all a row needs. Smooth features need wider
# kernels than pixels, and their K at 60,000 rows has no float32 factor; an image of 8 x 8 has room for two scales.
FEATURE_ROWS: dict[str, tuple[FeatureRow, ...]] = {
    "mnist": (
        FeatureRow("pixels", "pixels", 5.0),
        FeatureRow("Gabor", "gabor", None, 3.0, "float64"),
        FeatureRow("wavelet", "wavelet", None, 3.0, "float64"),
    ),
    "digits": (
        FeatureRow("pixels", "pixels", None),
        FeatureRow("wavelet", "wavelet:wavelet=haar,level=1,pool=2,stride=2", None, 2.0),
        FeatureRow("scattering", "scattering:scales=2", None, 3.0),
    ),
}
DEFAULT_FEATURE_ROWS = (FeatureRow("pixels", "pixels", None),)

BANDWIDTH_FACTORS = {
    "small": (0.5, 0.7, 1.0, 1.4, 2.0, 2.8),
    "medium": (0.5, 0.7, 1.0, 1.4, 2.0, 2.8),
    "full": (0.7, 1.0, 1.4),  # minutes each, and wider ones have no float32 factor
}
CENTER_DISTANCES = (1.0, 2.0)  # from a training point to its center, in bandwidths
MOST_CENTERS = 4000  # K(X, C) is not symmetric: it is solved by LU, and held


@dataclass(frozen=True)
class NormsConfig:
    """Which data, how many rows.

    Parameters
    ----------
    scale : {"small", "medium", "full"}
        1,000, 10,000 or all training rows (fewer where the data set has fewer).
    dataset : str
    features : str or None
        Features of the rows on labels and bandwidths; None: those of the data set's first feature row.
    bandwidth : float or None
        None: that of the feature row.
    precision : {"auto", "float64", "mixed"}
    factor : str or None
        A saved factor of the training set (``Factor.save``) to use instead of factoring again.
    seed : int
        Of random labels and centers.
    data_dir, offline, threads
        As elsewhere.
    """

    scale: str = "small"
    dataset: str = "digits"
    features: str | None = None
    bandwidth: float | None = None
    precision: str = "auto"
    factor: str | None = None
    seed: int = 0
    data_dir: str | None = None
    offline: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        check_choice(self.scale, "scale", tuple(SCALES))
        check_choice(self.precision, "precision", ("auto", "float64", "mixed"))
        if self.bandwidth is not None:
            check_positive(self.bandwidth, "bandwidth")
        if self.features is not None:
            make_features(self.features)

    def command(self) -> str:
        """Return the command line that runs this config."""
        words = [f"kernelgen reproduce norms --scale {self.scale} --dataset {self.dataset}"]
        for name in ("features", "bandwidth", "factor"):
            value = getattr(self, name)
            words += [] if value is None else [f"--{name} {value}"]
        return " ".join([*words, f"--precision {self.precision} --seed {self.seed}"])


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Training and test rows as a kernel sees them, and labels as indices of classes."""

    train: Points
    test: Points
    y_train: NDArray[np.int64]
    y_test: NDArray[np.int64]
    Y: NDArray[np.float64]
    classes: NDArray[np.int64]


def run_norms(
    config: NormsConfig, *, keep: Path | None = None, progress: ProgressCallback | None = None
) -> dict[str, Any]:
    """Interpolate in every way, and record norm and errors of each; ready for JSON.

    Parameters
    ----------
    config : NormsConfig
    keep : path or None
        Folder where finished rows are kept; those of the same config that are there are not made again.
    progress : callable, optional

    Raises
    ------
    DataMissing, DataError, UsageError, BudgetExceeded, NotPositiveDefinite
    """
    data = load_dataset(config.dataset, data_dir=config.data_dir, offline=config.offline, seed=config.seed)
    listed = FEATURE_ROWS.get(config.dataset, DEFAULT_FEATURE_ROWS)
    first = FeatureRow(config.features, config.features, config.bandwidth) if config.features else listed[0]
    if config.bandwidth is not None:
        first = replace(first, bandwidth=config.bandwidth)
    rows, bandwidth = _rows(data, config, first)
    solver = _Solver(config, first.precision, progress)
    told = {
        "dataset": data.name,
        "data": digest_of(data),
        "scale": config.scale,
        "precision": config.precision,
        "seed": config.seed,
    }

    def kept(name: str, make: Callable[[], Any], **more: Any) -> Any:
        """What `make` returns and the seconds it took, from this run or from an earlier one."""

        def timed() -> dict[str, Any]:
            start = time.perf_counter()
            return {"made": make(), "seconds": time.perf_counter() - start}

        row = KeptRows(keep).row(f"norms-{name}", {**told, **more}, timed)
        seconds.append(row["seconds"])
        return row["made"]

    def kept_feature_row(item: FeatureRow) -> Any:
        about = {"features": item.features, "bandwidth": item.bandwidth, "widen": item.widen}
        return kept("features", partial(solver.feature_row, data, item), **about)

    seconds: list[float] = []
    base = {"features": first.features, "bandwidth": bandwidth}
    true, shuffled = kept("labels", partial(solver.true_and_random_labels, rows, bandwidth), **base)
    interpolants = [
        true,
        shuffled,
        kept("forced", partial(solver.forced, rows, bandwidth), **base),
        *kept(
            "centers",
            lambda: [random_centers(rows, bandwidth, d, config.seed) for d in CENTER_DISTANCES],
            **base,
        ),
    ]
    return {
        "command": config.command(),
        "dataset": data.name,
        "official": data.provenance.get("official"),
        "n_train": rows.train.n_samples,
        "n_test": rows.test.n_samples,
        "n_classes": len(rows.classes),
        "bandwidth": bandwidth,
        "interpolants": interpolants,
        "features": [{**true, "what": first.what}]
        + [kept_feature_row(item) for item in listed if item.features != first.features],
        "bandwidths": [
            true
            if factor == 1
            else kept(
                "bandwidth", partial(solver.bandwidth_row, rows, bandwidth, factor), factor=factor, **base
            )
            for factor in BANDWIDTH_FACTORS[config.scale]
        ],
        "seconds": sum(seconds),
    }


def random_centers(rows: _Rows, bandwidth: float, distance: float, seed: int) -> dict[str, Any]:
    """Interpolate with kernels at random points in place of the training points.

        f(x) = sum_j k(x, c_j) beta_j,    K(X, C) beta = Y,    |f|_H^2 = sum_c beta_c^T K(C, C) beta_c

    The centers are training points (at most 4,000), each moved by `distance` bandwidths in a direction drawn at random;
    K(X, C) is then square and can be solved. f is one interpolant among many; the minimum-norm one it is not.
    """
    used = slice(min(MOST_CENTERS, rows.train.n_samples))
    X, Y, labels = rows.train.as_float64(used), rows.Y[used], rows.y_train[used]
    moves = np.random.default_rng(seed).standard_normal(X.shape)
    C = X + distance * bandwidth * moves / np.linalg.norm(moves, axis=1, keepdims=True)
    kernel = Gaussian(bandwidth)
    K = kernel(X, C)
    beta = scipy.linalg.solve(K, Y)
    fitted = K @ beta
    fitted_error = float(np.linalg.norm(fitted - Y) / np.linalg.norm(Y))
    scores = kernel(rows.test.as_float64(slice(None)), C) @ beta
    return {
        "what": f"centers {distance:g} bandwidth{'s' * (distance != 1)} from the training points",
        "bandwidth": bandwidth,
        "norm": float(np.sqrt(np.sum(beta * (kernel(C) @ beta)))),
        "train_error": error_rate(decode_scores(_two_columns(fitted), rows.classes), labels),
        "test_error": error_rate(decode_scores(_two_columns(scores), rows.classes), rows.y_test),
        "relative_residual": fitted_error,
        "n_centers": len(C),
    }


@dataclass(frozen=True, slots=True)
class _Solver:
    """Factors and solves with one choice of precision and threads."""

    config: NormsConfig
    precision: str  # that "auto" stands for
    progress: ProgressCallback | None

    def true_and_random_labels(self, rows: _Rows, bandwidth: float) -> list[dict[str, Any]]:
        """Two sets of labels, one factor."""
        factor = self.load(rows, bandwidth) or self.factor(rows.train, bandwidth)
        rng = np.random.default_rng(self.config.seed)
        _, shuffled = random_labels(np.empty(0), rows.y_train, rng)
        return [
            self.row("true labels", factor, rows, rows.y_train),
            self.row("random labels", factor, rows, shuffled),
        ]

    def load(self, rows: _Rows, bandwidth: float) -> Factor | None:
        """The saved factor, if it is one of these points and this bandwidth."""
        if self.config.factor is None:
            return None
        factor = Factor.load(self.config.factor, threads=self.config.threads)
        same = factor.n_samples == rows.train.n_samples and factor.kernel == Gaussian(bandwidth)
        if not (
            same
            and isinstance(factor.points, Points)
            and np.array_equal(factor.points.values, rows.train.values[factor.rows])
        ):
            raise DataError(
                f"{self.config.factor} is a factor of {factor.n_samples} points, {factor.kernel.describe()}; not of "
                f"the {rows.train.n_samples} training points with a Gaussian kernel of bandwidth {bandwidth:g}"
            )
        return factor

    def factor(self, points: Points, bandwidth: float) -> Factor:
        """Factor of the Gaussian kernel's Gram matrix."""
        return factorize(
            points.values,
            Gaussian(bandwidth),
            scale=points.scale,
            precision=self.precision if self.config.precision == "auto" else self.config.precision,
            threads=self.config.threads,
            progress=self.progress,
        )

    def row(self, what: str, factor: Factor, rows: _Rows, labels: NDArray[np.int64]) -> dict[str, Any]:
        """Norm and errors of the interpolant of these training labels."""
        Y = np.eye(len(rows.classes))[labels]
        solution = factor.solve(Y, progress=self.progress)
        scores = factor.predict(rows.test.values, solution.alpha, progress=self.progress)
        fitted = decode_scores(_two_columns(solution.fitted), rows.classes)
        return {
            "what": what,
            "bandwidth": getattr(factor.kernel, "bandwidth", None),
            "norm": solution.certificate.rkhs_norm,
            "train_error": error_rate(fitted, labels),
            "test_error": error_rate(decode_scores(_two_columns(scores), rows.classes), rows.y_test),
            "relative_residual": solution.certificate.relative_residual,
            "status": str(solution.status),
            "precision": factor.precision,
            "seconds": {**factor.seconds, **solution.stats.seconds},
        }

    def forced(self, rows: _Rows, bandwidth: float) -> dict[str, Any]:
        """True labels on the training set, and another class than the true one on each test row: both interpolated."""
        rng = np.random.default_rng(self.config.seed)
        values = np.concatenate([rows.train.values, rows.test.values])
        n, c = rows.train.n_samples, len(rows.classes)
        wrong = (rows.y_test + rng.integers(1, c, size=len(rows.y_test))) % c
        labels = np.concatenate([rows.y_train, wrong])
        factor = self.factor(Points(values, rows.train.scale), bandwidth)
        solution = factor.solve(np.eye(c)[labels], progress=self.progress)
        fitted = decode_scores(_two_columns(solution.fitted), rows.classes)
        return {
            "what": "wrong labels forced on the test set",
            "bandwidth": bandwidth,
            "norm": solution.certificate.rkhs_norm,
            "train_error": error_rate(fitted[:n], rows.y_train),
            "test_error": error_rate(fitted[n:], rows.y_test),
            "relative_residual": solution.certificate.relative_residual,
            "status": str(solution.status),
            "precision": factor.precision,
            "seconds": {**factor.seconds, **solution.stats.seconds},
        }

    def feature_row(self, data: Dataset, item: FeatureRow) -> dict[str, Any]:
        """True labels on another representation."""
        rows, bandwidth = _rows(data, self.config, item)
        solver = replace(self, precision=item.precision)
        return solver.row(item.what, solver.factor(rows.train, bandwidth), rows, rows.y_train)

    def bandwidth_row(self, rows: _Rows, bandwidth: float, factor: float) -> dict[str, Any]:
        """True labels at another bandwidth; without numbers where K has no factor in this precision."""
        other = float(f"{factor * bandwidth:.4g}")
        try:
            return self.row("true labels", self.factor(rows.train, other), rows, rows.y_train)
        except NotPositiveDefinite as error:
            return {
                "what": "true labels",
                "bandwidth": other,
                "status": "not_positive_definite",
                "message": str(error),
            }


def _rows(data: Dataset, config: NormsConfig, item: FeatureRow) -> tuple[_Rows, float]:
    n, m = SCALES[config.scale]
    part = replace(
        data,
        X_train=data.X_train[:n],
        y_train=data.y_train[:n],
        X_test=data.X_test[:m],
        y_test=data.y_test[:m],
    )
    made = make_points(make_features(item.features), part, threads=config.threads)
    train, test = made.train, made.test
    if train.scale != test.scale:
        raise DataError(
            f"features {item.features!r} have one scale on training rows and another on test rows"
        )
    classes, _ = encode_labels(part.y_train)
    y_train, y_test = (np.searchsorted(classes, y) for y in (part.y_train, part.y_test))
    bandwidth = item.bandwidth or item.widen * nearest_neighbour_bandwidth(train, seed=config.seed)
    index = np.arange(len(classes))
    return _Rows(train, test, y_train, y_test, np.eye(len(classes))[y_train], index), bandwidth


def _two_columns(scores: NDArray[Any]) -> NDArray[Any]:
    """One column where there are two classes, as ``decode_scores`` reads them."""
    return scores[:, 1:] - scores[:, :1] if scores.shape[1] == 2 else scores
