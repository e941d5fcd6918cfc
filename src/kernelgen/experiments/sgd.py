"""One run of SGD on a linear model, measured against the minimum-norm solution.

    run_sgd(SGDRunConfig(n=500, d=2000)).as_dict()

is what ``kernelgen sgd --n 500 --d 2000 --json`` prints.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_choice, check_positive
from kernelgen.arrays.whole_file import check_destination
from kernelgen.datasets.dataset import LoadProgress
from kernelgen.datasets.registry import load_dataset
from kernelgen.errors import UsageError
from kernelgen.estimators.targets import encode_labels
from kernelgen.experiments.feature_points import make_points
from kernelgen.features.random_fourier import RandomFourier
from kernelgen.features.registry import make_features
from kernelgen.linear.config import SGDConfig
from kernelgen.linear.min_norm import minimum_norm
from kernelgen.linear.sgd import Epoch, sgd
from kernelgen.linear.trace import Trace, TracePoint, error_of
from kernelgen.solvers.progress import ProgressCallback, phase

FOURIER = "random-fourier"
BANDWIDTH = 5.0


@dataclass(frozen=True)
class SGDRunConfig:
    """What to train on and how; checked when made.

    Parameters
    ----------
    dataset : str or None
        Name of a data set; None: `n` Gaussian rows with `d` features.
    n, d : int or None
        Of Gaussian rows, by default 500 and 2,000; y = <x, w*> + noise with |w*| = 1 and noise 1/2.
    features : str
        "pixels" or other features by name, or "random-fourier:P" for P random Fourier features of the pixels.
    bandwidth : float or None
        Of the random Fourier features, in the units of pixels / maximum; by default 5.
    n_train, n_test : int or None
        The first rows of the data set; None means all. Of Gaussian rows, 1,000 are for testing by default.
    init : {"zero", "random"}
        w_0: 0, or standard normal entries divided by sqrt(d).
    optimizer : SGDConfig
    data_dir, offline
        As for :func:`kernelgen.datasets.load_dataset`.
    threads : int or None
    """

    dataset: str | None = None
    n: int | None = None
    d: int | None = None
    features: str = "pixels"
    bandwidth: float | None = None
    n_train: int | None = None
    n_test: int | None = None
    init: str = "zero"
    optimizer: SGDConfig = field(default_factory=SGDConfig)
    data_dir: str | None = None
    offline: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        check_choice(self.init, "init", ("zero", "random"))
        if self.bandwidth is not None:
            check_positive(self.bandwidth, "bandwidth")
            if parse_features(self.features) is None:
                raise UsageError(
                    f"bandwidth is that of {FOURIER}:P features, and features are {self.features!r}"
                )
        parse_features(self.features)
        if self.dataset is None and (self.features != "pixels" or self.n_train is not None):
            raise UsageError("features and n_train are those of a data set; Gaussian rows have n and d")
        if self.dataset is not None and (self.n is not None or self.d is not None):
            raise UsageError("n and d are those of Gaussian rows; a data set has n_train and features")
        for name, least in (("n", 1), ("d", 1), ("n_train", 1), ("n_test", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} must be at least {least}, got {value}")


@dataclass(frozen=True)
class SGDRecord:
    """Where SGD ended, and how far that is from where it should; the fields are the keys of the JSON object.

    Distances are relative to the norm of the solution they are measured from. Errors are shares of labels missed, or
    mean squared errors on Gaussian rows. ``span_distance`` is the largest over the epochs, the last one by projection.
    ``seconds`` has ``features``, ``reference``, ``epochs`` and ``total``.
    """

    status: str
    message: str
    epochs: int
    relative_residual: float
    relative_distance_to_min_norm: float
    relative_distance_to_projection: float | None
    span_distance: float
    norm: float
    min_norm: float
    train_error: float
    test_error: float | None
    seconds: dict[str, float]
    rank: int
    rank_rule: str
    reference: str
    least_squares_residual: float
    n_train: int
    n_test: int
    n_features: int
    n_outputs: int
    dataset: str
    features: str
    step: float | None
    safe_step: float
    config: dict[str, Any]
    trace: list[TracePoint]

    def as_dict(self, *, trace: bool = False) -> dict[str, Any]:
        """Return the fields, ready for JSON; the trace only where asked for."""
        found: dict[str, Any] = json_ready(asdict(self))
        if not trace:
            del found["trace"]
        return found


@dataclass(frozen=True)
class SGDProblem:
    """Rows as the model sees them, targets, and what test errors are measured on."""

    name: str
    X_train: NDArray[np.float64]
    Y_train: NDArray[np.float64]
    answers_train: NDArray[Any]
    X_test: NDArray[np.float64]
    answers_test: NDArray[Any]


def json_ready(value: Any) -> Any:
    """The value with numbers that are not finite, as of a run that diverged, replaced by None."""
    if isinstance(value, dict):
        return {key: json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def parse_features(text: str) -> int | None:
    """Return P for "random-fourier:P", else None where `text` names features; UsageError otherwise.

    Examples
    --------
    >>> parse_features("random-fourier:512"), parse_features("pixels")
    (512, None)
    """
    name, _, count = text.partition(":")
    if name != FOURIER:
        make_features(text)
        return None
    if not count.isdigit() or int(count) < 1:
        raise UsageError(f"{FOURIER} needs a number of features, for instance {FOURIER}:2048; got {text!r}")
    return int(count)


def prepare_sgd(
    config: SGDRunConfig,
    *,
    progress: ProgressCallback | None = None,
    load_progress: LoadProgress | None = None,
) -> SGDProblem:
    """Rows and targets of the data set, or Gaussian ones."""
    if config.dataset is None:
        return _gaussian(config)
    data = load_dataset(
        config.dataset,
        data_dir=config.data_dir,
        offline=config.offline,
        seed=config.optimizer.seed,
        progress=load_progress,
    )
    for name, asked, there in (
        ("n_train", config.n_train, data.X_train),
        ("n_test", config.n_test, data.X_test),
    ):
        if asked is not None and asked > len(there):
            raise UsageError(f"{name} is {asked}, but {data.name} has {len(there)} rows")
    X_train, y_train = data.X_train[: config.n_train], data.y_train[: config.n_train]
    X_test, y_test = data.X_test[: config.n_test], data.y_test[: config.n_test]
    count = parse_features(config.features)
    if count is not None:
        phi = RandomFourier(
            count,
            X_train.shape[1],
            config.bandwidth or BANDWIDTH,
            scale=1.0 / data.maximum,
            seed=config.optimizer.seed,
        )
        train, test = phi(X_train), phi(X_test) if len(X_test) else np.empty((0, count))
    else:
        part = replace(data, X_train=X_train, y_train=y_train, X_test=X_test, y_test=y_test)
        made = make_points(make_features(config.features), part, threads=config.threads, progress=progress)
        train, test = (points.as_float64(slice(None)) for points in (made.train, made.test))
    classes, Y = encode_labels(y_train)
    answers = [np.searchsorted(classes, y) for y in (y_train, y_test)]
    return SGDProblem(data.name, train, Y, answers[0], test, answers[1])


def run_sgd(
    config: SGDRunConfig,
    *,
    trace: str | PathLike[str] | None = None,
    exact_span: bool = False,
    progress: ProgressCallback | None = None,
    load_progress: LoadProgress | None = None,
) -> SGDRecord:
    """Train, and measure every distance.

    Parameters
    ----------
    config : SGDRunConfig
    trace : path, optional
        Where to write one JSON object an epoch. Only then is the test error measured after each epoch, which may
        take longer than the epoch, and not only at the end.
    exact_span : bool
        Project at every epoch, instead of by random probes and by a projection at the end.
    progress : callable, optional
        Told of the phases "features" and "epochs"; of the latter as the share of the most epochs there may be.
    load_progress : callable, optional

    Raises
    ------
    UsageError, DataError

    Examples
    --------
    >>> record = run_sgd(SGDRunConfig(n=20, d=60, optimizer=SGDConfig(epochs=300, tol=1e-12)))
    >>> record.status, record.relative_distance_to_min_norm < 1e-8, record.span_distance < 1e-13
    ('converged', True, True)
    """
    if trace is not None:
        check_destination(trace)  # now, not after all epochs
    began = time.perf_counter()
    problem = prepare_sgd(config, progress=progress, load_progress=load_progress)
    X, Y = problem.X_train, problem.Y_train
    shape = (X.shape[1],) if Y.ndim == 1 else (X.shape[1], Y.shape[1])
    start = None
    if config.init == "random":
        rng = np.random.default_rng([config.optimizer.seed, 1])
        start = rng.standard_normal(shape) / np.sqrt(X.shape[1])
    ready = time.perf_counter()
    least = minimum_norm(X, Y, threads=config.threads)
    nearest = least if start is None else minimum_norm(X, Y, start=start, threads=config.threads)
    solved = time.perf_counter()
    has_test = len(problem.X_test) > 0
    record = Trace(
        nearest,
        X_test=problem.X_test if has_test and trace is not None else None,
        y_test=problem.answers_test,
        exact_span=exact_span,
    )
    with phase("epochs", progress) as heartbeat:

        def observe(epoch: Epoch) -> None:
            record(epoch)
            if heartbeat is not None:
                heartbeat(epoch.number / max(1, config.optimizer.epochs))

        run = sgd(X, Y, config.optimizer, start=start, observe=observe, threads=config.threads)
    W = np.asarray(run.weights, dtype=np.float64)
    columns = W[:, None] if W.ndim == 1 else W
    moved = W if start is None else W - start
    finite = bool(np.isfinite(W).all())
    if trace is not None:
        record.write(trace)
    ended = time.perf_counter()
    return SGDRecord(
        status=run.status.value,
        message=run.message if least.interpolates else f"{run.message}. {least.message}",
        epochs=run.epochs,
        relative_residual=run.relative_residual,
        relative_distance_to_min_norm=_relative(W, least.weights),
        relative_distance_to_projection=None if start is None else _relative(W, nearest.weights),
        span_distance=max(
            [least.row_space.distance(moved) if finite else np.nan]
            + [point.span_distance for point in record.points if point.span_distance is not None]
        ),
        norm=float(np.linalg.norm(W)),
        min_norm=least.norm,
        train_error=error_of(columns, X, problem.answers_train),
        test_error=error_of(columns, problem.X_test, problem.answers_test) if has_test else None,
        seconds={
            "features": ready - began,
            "reference": solved - ready,
            "epochs": run.seconds,
            "total": ended - began,
        },
        rank=least.rank,
        rank_rule=least.rank_rule,
        reference=least.method,
        least_squares_residual=least.relative_residual,
        n_train=len(X),
        n_test=len(problem.X_test),
        n_features=X.shape[1],
        n_outputs=columns.shape[1],
        dataset=problem.name,
        features=config.features if config.dataset is not None else "gaussian",
        step=None if np.isnan(run.step) else run.step,
        safe_step=run.safe_step,
        config=config.optimizer.as_dict(),
        trace=record.points,
    )


def _gaussian(config: SGDRunConfig) -> SGDProblem:
    rng = np.random.default_rng(config.optimizer.seed)
    n, d, m = (
        default if given is None else given
        for given, default in ((config.n, 500), (config.d, 2000), (config.n_test, 1000))
    )
    truth = rng.standard_normal(d)
    truth /= np.linalg.norm(truth)
    X, Z = rng.standard_normal((n, d)), rng.standard_normal((m, d))
    y, z = (rows @ truth + 0.5 * rng.standard_normal(len(rows)) for rows in (X, Z))
    return SGDProblem("gaussian", X, y, y, Z, z)


def _relative(W: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(W - target)) / (float(np.linalg.norm(target)) or 1.0)
