"""The main job: fit a data set exactly, predict its test set, record errors, certificate and costs.

    run_solve(SolveConfig(dataset="mnist", bandwidth=5.0)).as_dict()

is what ``kernelgen solve --dataset mnist --bandwidth 5 --json`` prints. The command line takes the two
steps one by one, :func:`prepare_solve` and :func:`solve_problem`, to show the plan in between.
"""

from __future__ import annotations

import platform
import shlex
import time
from dataclasses import asdict, dataclass, fields, replace
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kernelgen
from kernelgen.arrays.checks import check_choice, check_non_negative, check_points, check_positive
from kernelgen.arrays.points import Points
from kernelgen.datasets.dataset import Dataset, LoadProgress
from kernelgen.datasets.registry import load_dataset
from kernelgen.errors import UsageError
from kernelgen.estimators.model import Model, check_solved
from kernelgen.estimators.model_file import check_destination, save_model
from kernelgen.estimators.targets import decode_scores, encode_labels, error_rate
from kernelgen.features.registry import make_features
from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth
from kernelgen.kernels.base import Kernel
from kernelgen.kernels.registry import KERNELS, make_kernel
from kernelgen.randomization.corruptions import parse_labels
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.memory import PeakMemory
from kernelgen.solvers.plan import PRECISIONS, Plan, plan
from kernelgen.solvers.progress import ProgressCallback

WITH_BANDWIDTH = ("gaussian", "laplacian")
DEFAULT_DEGREE = 3


@dataclass(frozen=True)
class SolveConfig:
    """What to solve and how; checked when made.

    Parameters
    ----------
    dataset : str
        Name of a data set, or path of an ``.npz`` or ``.npy`` file.
    data_dir : str or None
        Folder of the files or its parent.
    offline : bool
        Download nothing.
    features : str
        What the kernel sees; "pixels" are values / 255 (digits / 16).
    kernel : {"gaussian", "laplacian", "polynomial", "linear"}
    bandwidth : float or "auto"
        Of the gaussian and laplacian kernels; "auto" is the median distance to the nearest neighbour.
    degree : int or None, normalize : bool
        Of the polynomial kernel; None means 3.
    ridge : float
        Added to the diagonal of K; 0 interpolates.
    n_train, n_test : int or None
        The first rows in the data set's own order; None means all. Images of a ``folder`` are in an order
        shuffled by `seed`.
    labels : str
        "true", "random" or "corrupted:P", of the training set only.
    precision, engine, threads
        As for :func:`kernelgen.factorize`.
    memory_budget : int, str or None
        Bytes, or for instance "8GB"; None means what is available.
    seed : int
        Of corrupted labels, of the split and order of a ``folder``, and of the rows the rule for the
        bandwidth samples.
    """

    dataset: str = "digits"
    data_dir: str | None = None
    offline: bool = False
    features: str = "pixels"
    kernel: str = "gaussian"
    bandwidth: float | str = "auto"
    degree: int | None = None
    normalize: bool = False
    ridge: float = 0.0
    n_train: int | None = None
    n_test: int | None = None
    labels: str = "true"
    precision: str = "auto"
    engine: str = "auto"
    threads: int | None = None
    memory_budget: int | str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.kernel, "kernel", KERNELS)
        check_choice(self.precision, "precision", PRECISIONS)
        check_non_negative(self.ridge, "ridge")
        make_features(self.features)
        parse_labels(self.labels)
        if self.bandwidth != "auto":
            check_positive(self.bandwidth, "bandwidth")
            self._check_read("bandwidth", WITH_BANDWIDTH)
        if self.degree is not None:
            self._check_read("degree", ("polynomial",))
        if self.normalize:
            self._check_read("normalize", ("polynomial",))
        for name, least in (("n_train", 1), ("n_test", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} must be at least {least}, got {value}")

    def _check_read(self, name: str, kernels: tuple[str, ...]) -> None:
        if self.kernel not in kernels:
            raise UsageError(f"the {self.kernel} kernel has no {name}; {' and '.join(kernels)} have one")

    def command(self) -> str:
        """Return the command line that runs this config.

        Examples
        --------
        >>> SolveConfig(kernel="polynomial", degree=4, normalize=True, n_train=500).command()
        'kernelgen solve --kernel polynomial --degree 4 --normalize --n-train 500'
        """
        words = ["kernelgen", "solve"]
        for item in fields(self):
            value = getattr(self, item.name)
            if value == item.default:
                continue
            words.append("--" + item.name.replace("_", "-"))
            if value is not True:
                words.append(f"{value:g}" if isinstance(value, float) else str(value))
        return shlex.join(words)


@dataclass(frozen=True)
class SolveProblem:
    """Points, labels and kernel, ready to be solved, and the plan for it; nothing large is allocated yet."""

    config: SolveConfig
    data: Dataset
    train: Points
    test: Points
    y_train: NDArray[np.int64]
    kernel: Kernel
    plan: Plan
    seconds: dict[str, float]

    @property
    def warnings(self) -> list[str]:
        """What the data set's loader had to say: other bytes than the official ones, for instance."""
        return list(self.data.provenance.get("warnings", []))

    def plan_as_dict(self) -> dict[str, Any]:
        """Return the plan and what it is for, ready for JSON."""
        return {
            "dataset": self.data.name,
            "kernel": self.config.kernel,
            "bandwidth": getattr(self.kernel, "bandwidth", None),
            "command": self.config.command(),
            **self.plan.as_dict(),
        }


@dataclass(frozen=True)
class SolveRecord:
    """What was solved, how well, how it was proved and what it took; the fields are the keys of the JSON object.

    Errors are fractions. ``seconds`` has ``gram, factor, solve, refine, predict`` and their ``total`` with
    the time of the bandwidth rule; ``load``, the time to read the data, comes on top. ``planned_bytes`` and
    ``peak_bytes`` are above the start of the solve, with the data in memory.
    """

    dataset: str
    kernel: str
    bandwidth: float | None
    n_train: int
    n_test: int
    n_features: int
    test_error: float | None
    train_error: float
    certificate: dict[str, Any]
    seconds: dict[str, float]
    planned_bytes: int
    peak_bytes: int
    engine: str
    precision: str
    threads: int
    seed: int
    versions: dict[str, str]
    status: str
    message: str
    features: str
    labels: str
    label_changes: int
    ridge: float
    kernel_parameters: dict[str, Any]
    n_classes: int
    iterations: int
    tile: int
    data: dict[str, Any]
    model: str | None
    command: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def run_solve(
    config: SolveConfig,
    *,
    progress: ProgressCallback | None = None,
    save: str | PathLike[str] | None = None,
) -> SolveRecord:
    """Solve what the config says, and record it.

    Parameters
    ----------
    config : SolveConfig
    progress : callable, optional
    save : path, optional
        Where to write the model; see :mod:`kernelgen.estimators.model_file`.

    Raises
    ------
    UsageError, DataError, ConflictingLabels, BudgetExceeded, EngineUnavailable, NotPositiveDefinite,
    NotConverged

    Examples
    --------
    >>> record = run_solve(SolveConfig(n_train=300))
    >>> record.train_error, record.n_test, record.test_error < 0.1
    (0.0, 360, True)
    """
    return solve_problem(prepare_solve(config), progress=progress, save=save)


def prepare_solve(config: SolveConfig, *, load_progress: LoadProgress | None = None) -> SolveProblem:
    """Read the data, apply features and labels, choose the bandwidth and plan; solve nothing yet."""
    start = time.perf_counter()
    data = load_dataset(
        config.dataset,
        data_dir=config.data_dir,
        offline=config.offline,
        seed=config.seed,
        progress=load_progress,
    )
    train_rows = slice(_count(config.n_train, len(data.X_train), "n_train", data))
    test_rows = slice(_count(config.n_test, len(data.X_test), "n_test", data))
    data = replace(
        data,
        X_train=data.X_train[train_rows],
        y_train=data.y_train[train_rows],
        X_test=data.X_test[test_rows],
        y_test=data.y_test[test_rows],
    )
    corrupt = parse_labels(config.labels)
    X_train, y_train = corrupt(data.X_train, data.y_train, np.random.default_rng(config.seed))
    features = make_features(config.features)
    values, scale = features.apply(X_train, maximum=data.maximum)
    train = check_points(values, name="the training set", scale=scale)
    test = Points(features.apply(data.X_test, maximum=data.maximum).values, scale)
    loaded = time.perf_counter()
    kernel = _make_kernel(config, train)
    prepared = time.perf_counter()
    return SolveProblem(
        config=config,
        data=data,
        train=train,
        test=test,
        y_train=y_train,
        kernel=kernel,
        plan=plan(
            train.n_samples,
            train.n_features,
            n_targets=encode_labels(y_train)[1].shape[1],
            n_test=test.n_samples,
            precision=config.precision,
            values_dtype=train.values.dtype,
            engine=config.engine,
            threads=config.threads,
            budget_bytes=config.memory_budget,
        ),
        seconds={"load": loaded - start, "bandwidth": prepared - loaded},
    )


def solve_problem(
    problem: SolveProblem,
    *,
    progress: ProgressCallback | None = None,
    save: str | PathLike[str] | None = None,
) -> SolveRecord:
    """Solve what was prepared, predict the test set, write the model where asked, and record it all."""
    if save is not None:
        check_destination(Path(save))  # now, not after hours of work
    with PeakMemory() as memory:
        record, model = _solve(problem, progress)
    record = replace(record, peak_bytes=memory.bytes, model=None if save is None else str(save))
    if save is not None:
        save_model(replace(model, metadata=_model_metadata(record, problem.data)), save)
    return record


def _solve(problem: SolveProblem, progress: ProgressCallback | None) -> tuple[SolveRecord, Model]:
    config = problem.config
    start = time.perf_counter()
    classes, Y = encode_labels(problem.y_train)
    factor = factorize(
        problem.train.values,
        problem.kernel,
        scale=problem.train.scale,
        ridge=config.ridge,
        precision=config.precision,
        engine=config.engine,
        threads=config.threads,
        memory_budget=config.memory_budget,
        progress=progress,
        n_targets=Y.shape[1],
    )
    solution = check_solved(factor.solve(Y, progress=progress))
    train_error = error_rate(decode_scores(solution.fitted, classes), problem.y_train)
    model = Model(
        points=replace(problem.train, center=factor.points.center),
        alpha=solution.alpha,
        kernel=problem.kernel,
        classes=_class_values(problem.data.class_names)[classes],
        features=config.features,
    )
    del factor  # its memory is not needed to predict
    solved = time.perf_counter()
    test_error = _test_error(problem, model, classes, progress)
    stop = time.perf_counter()
    stats = solution.stats
    record = SolveRecord(
        dataset=problem.data.name,
        kernel=config.kernel,
        bandwidth=getattr(problem.kernel, "bandwidth", None),
        n_train=problem.train.n_samples,
        n_test=problem.test.n_samples,
        n_features=problem.train.n_features,
        test_error=test_error,
        train_error=train_error,
        certificate=replace(solution.certificate, train_error=train_error).as_dict(),
        seconds={
            **stats.seconds,
            "predict": stop - solved,
            "total": problem.seconds["bandwidth"] + stop - start,
            **problem.seconds,
        },
        planned_bytes=max(stats.planned_bytes, problem.plan.phases[-1].bytes),  # the last phase predicts
        peak_bytes=stats.peak_bytes,
        engine=stats.engine,
        precision=stats.precision,
        threads=stats.threads,
        seed=config.seed,
        versions=versions(),
        status=str(solution.status),
        message=solution.message,
        features=config.features,
        labels=config.labels,
        label_changes=int(np.count_nonzero(problem.y_train != problem.data.y_train)),
        ridge=float(config.ridge),
        kernel_parameters=problem.kernel.describe(),
        n_classes=len(classes),
        iterations=stats.iterations,
        tile=stats.tile,
        data={"source": problem.data.source, **problem.data.provenance},
        model=None,
        command=config.command(),
    )
    return record, model


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on."""
    found = {"kernelgen": kernelgen.__version__, "python": platform.python_version()}
    return found | {name: metadata.version(name) for name in ("numpy", "scipy", "scikit-learn")}


def _count(asked: int | None, available: int, name: str, data: Dataset) -> int:
    if asked is not None and asked > available:
        raise UsageError(f"{name} is {asked}, but {data.name} has {available} rows ({data.source})")
    return available if asked is None else asked


def _make_kernel(config: SolveConfig, train: Points) -> Kernel:
    bandwidth = config.bandwidth
    if config.kernel in WITH_BANDWIDTH and bandwidth == "auto":
        bandwidth = nearest_neighbour_bandwidth(train, seed=config.seed)
    return make_kernel(
        config.kernel,
        bandwidth=None if bandwidth == "auto" else float(bandwidth),
        degree=DEFAULT_DEGREE if config.degree is None else config.degree,
        normalize=config.normalize,
    )


def _test_error(
    problem: SolveProblem, model: Model, classes: NDArray[Any], progress: ProgressCallback | None
) -> float | None:
    if problem.test.n_samples == 0:
        return None
    config = problem.config
    scores = model.scores(
        problem.test.values, engine=config.engine, threads=config.threads, progress=progress
    )
    return error_rate(decode_scores(scores, classes), problem.data.y_test)


def _class_values(names: tuple[str, ...]) -> NDArray[Any]:
    """Return class names, as integers where all of them are."""
    if all(name.isascii() and name.isdigit() and str(int(name)) == name for name in names):
        return np.array([int(name) for name in names])
    return np.array(names)


def _model_metadata(record: SolveRecord, data: Dataset) -> dict[str, str]:
    return {
        "dataset": record.dataset,
        "command": record.command,
        "image_shape": "" if data.image_shape is None else " x ".join(map(str, data.image_shape)),
        "layout": data.layout or "",
        "test_error": "" if record.test_error is None else repr(record.test_error),
        "relative_residual": repr(record.certificate["relative_residual"]),
    }
