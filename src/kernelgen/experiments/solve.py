"""The main job: fit a data set exactly, predict its test set, record errors, certificate and costs.

    run_solve(SolveConfig(dataset="mnist", bandwidth=5.0)).as_dict()

is what ``kernelgen solve --dataset mnist --bandwidth 5 --json`` prints. The command line takes the two
steps one by one, :func:`prepare_solve` and :func:`solve_problem`, to show the plan in between.
"""

from __future__ import annotations

import time
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.points import Points
from kernelgen.arrays.whole_file import check_destination
from kernelgen.datasets.dataset import Dataset, LoadProgress
from kernelgen.datasets.registry import load_dataset
from kernelgen.errors import UsageError
from kernelgen.estimators.model import Model, check_solved
from kernelgen.estimators.model_file import save_model
from kernelgen.estimators.targets import decode_scores, encode_labels, error_rate
from kernelgen.experiments.feature_points import (
    FeaturePoints,
    add_features,
    layout_of,
    make_points,
    stored_bytes,
)
from kernelgen.experiments.left_out import leave_one_out, plan_left_out
from kernelgen.experiments.solve_record import (
    WITH_BANDWIDTH,
    SolveConfig,
    SolveProblem,
    SolveRecord,
    kernel_of,
    make_record,
    versions,
)
from kernelgen.experiments.solve_streamed import is_streamed, solve_streamed
from kernelgen.experiments.streamed_plan import plan_streamed
from kernelgen.features.base import FeatureMap
from kernelgen.features.registry import make_features
from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth, rule_bytes
from kernelgen.kernels.base import Kernel
from kernelgen.randomization.corruptions import parse_labels
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.memory import PeakMemory
from kernelgen.solvers.plan import Plan, check_fits, plan
from kernelgen.solvers.progress import ProgressCallback

__all__ = [
    "SolveConfig",
    "SolveProblem",
    "SolveRecord",
    "prepare_solve",
    "run_solve",
    "solve_problem",
    "versions",
]


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
    data = replace(data, X_train=X_train)
    features = make_features(config.features)
    output = features.output(layout_of(data), data.X_train.dtype)
    loaded = time.perf_counter()
    points = None if output.peak_bytes else make_points(features, data)
    made = time.perf_counter()
    waits = points is None and config.kernel in WITH_BANDWIDTH and isinstance(config.bandwidth, str)
    kernel = None if waits else _make_kernel(config, points)
    prepared = time.perf_counter()
    planned = (plan_streamed if is_streamed(features) else _make_plan)(
        config, data, features, n_targets=encode_labels(y_train)[1].shape[1]
    )
    return SolveProblem(
        config=config,
        data=data,
        y_train=y_train,
        features=features,
        points=points,
        kernel=kernel,
        plan=plan_left_out(planned) if config.leave_one_out else planned,
        seconds={"load": loaded - start, "features": made - loaded, "bandwidth": prepared - made},
    )


def _make_plan(config: SolveConfig, data: Dataset, features: FeatureMap, *, n_targets: int) -> Plan:
    output = features.output(layout_of(data), data.X_train.dtype)
    n_train, n_test = len(data.X_train), len(data.X_test)
    solving = plan(
        n_train,
        output.layout.n_values,
        n_targets=n_targets,
        n_test=n_test,
        precision=config.precision,
        values_dtype=output.dtype,
        engine=config.engine,
        threads=config.threads,
        budget_bytes=config.memory_budget,
        held_bytes=stored_bytes(output, n_train + n_test),
    )
    rule = rule_bytes(n_train, output.layout.n_values) if isinstance(config.bandwidth, str) else 0
    return add_features(solving, features, data, threads=config.threads, then_bytes=rule)


def solve_problem(
    problem: SolveProblem,
    *,
    progress: ProgressCallback | None = None,
    save: str | PathLike[str] | None = None,
) -> SolveRecord:
    """Solve what was prepared, predict the test set, write the model where asked, and record it all."""
    if save is not None:
        check_destination(Path(save))  # now, not after hours of work
    if save is not None and is_streamed(problem.features):
        raise UsageError(
            "a model of streamed features is not saved: its features are made again from all training images. "
            "The inner products can be kept with resume=FILE"
        )
    check_fits(problem.plan)
    with PeakMemory() as memory:
        if is_streamed(problem.features):
            (record,), model = solve_streamed(problem, progress), None
        else:
            record, model, test = fit_prepared(problem, progress)
            record = with_test_error(record, model, test, problem, progress)
    record = replace(record, peak_bytes=memory.bytes, model=None if save is None else str(save))
    if save is not None and model is not None:
        save_model(replace(model, metadata=_model_metadata(record, problem.data)), save)
    return record


def fit_prepared(
    problem: SolveProblem, progress: ProgressCallback | None
) -> tuple[SolveRecord, Model, Points]:
    """Solve a problem whose features are stored; the test set's are returned, and not read.

    The record has no test error yet, see :func:`with_test_error`, and no peak, which the caller measures.
    """
    config = problem.config
    points, kernel, spent = prepared(problem, progress)
    train, test = points.train, points.test
    held = 0 if problem.points is not None else train.values.nbytes + test.values.nbytes
    start = time.perf_counter()
    classes, Y = encode_labels(problem.y_train)
    factor = factorize(
        train.values,
        kernel,
        scale=train.scale,
        ridge=config.ridge,
        precision=config.precision,
        engine=config.engine,
        threads=config.threads,
        memory_budget=config.memory_budget if not held else problem.plan.budget_bytes - held,
        progress=progress,
        n_targets=Y.shape[1],
    )
    solution = check_solved(factor.solve(Y, tol=config.tol, progress=progress))
    train_error = error_rate(decode_scores(solution.fitted, classes), problem.y_train)
    left_out = leave_one_out(factor, solution, Y, classes, progress) if config.leave_one_out else None
    model = Model(
        points=replace(train, center=factor.center),
        alpha=solution.alpha,
        kernel=kernel,
        classes=_class_values(problem.data.class_names)[classes],
        features=points.fitted,
        input_scale=1.0 / problem.data.maximum,
    )
    stats, others = solution.stats, ("features", "left out", "predict")
    beside = (phase.bytes for phase in problem.plan.phases if phase.name in others)
    record = make_record(
        problem,
        kernel,
        solution,
        n_features=train.n_features,
        train_error=train_error,
        test_error=None,
        left_out=left_out,
        seconds={
            **stats.seconds,
            "predict": 0.0,
            "total": spent["features"] + spent["bandwidth"] + time.perf_counter() - start,
            **spent,
        },
        planned_bytes=max([stats.planned_bytes + held, *beside]),
    )
    return record, model, test


def with_test_error(
    record: SolveRecord,
    model: Model,
    test: Points,
    problem: SolveProblem,
    progress: ProgressCallback | None,
) -> SolveRecord:
    """The record with the error of the model on the test set, and the time that took."""
    start = time.perf_counter()
    error = _test_error(problem, model, test, progress)
    seconds = time.perf_counter() - start
    total = record.seconds["total"] + seconds
    return replace(record, test_error=error, seconds={**record.seconds, "predict": seconds, "total": total})


def prepared(
    problem: SolveProblem, progress: ProgressCallback | None
) -> tuple[FeaturePoints, Kernel, dict[str, float]]:
    """Points, kernel and seconds spent, with features made and bandwidth chosen where they were waiting."""
    config, start = problem.config, time.perf_counter()
    points = problem.points or make_points(
        problem.features, problem.data, threads=config.threads, progress=progress
    )
    made = time.perf_counter()
    kernel = problem.kernel or _make_kernel(config, points)
    seconds = dict(problem.seconds)
    seconds["features"] += made - start
    seconds["bandwidth"] += time.perf_counter() - made
    return points, kernel, seconds


def _count(asked: int | None, available: int, name: str, data: Dataset) -> int:
    if asked is not None and asked > available:
        raise UsageError(f"{name} is {asked}, but {data.name} has {available} rows ({data.source})")
    return available if asked is None else asked


def _make_kernel(config: SolveConfig, points: FeaturePoints | None) -> Kernel:
    """The kernel; `points` are needed where the bandwidth is a rule."""
    by_rule = config.kernel in WITH_BANDWIDTH and isinstance(config.bandwidth, str)
    if not by_rule or points is None:
        return kernel_of(config, None)
    return kernel_of(config, nearest_neighbour_bandwidth(points.train, seed=config.seed))


def _test_error(
    problem: SolveProblem, model: Model, test: Points, progress: ProgressCallback | None
) -> float | None:
    if test.n_samples == 0:
        return None
    config = problem.config
    scores = model.scores_of(test.values, engine=config.engine, threads=config.threads, progress=progress)
    names = _class_values(problem.data.class_names)
    return error_rate(model.decode(scores), names[problem.data.y_test])


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
