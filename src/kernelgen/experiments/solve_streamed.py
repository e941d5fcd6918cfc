"""Solve with features that are never stored: their inner products are streamed, then factored like any Gram matrix."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_threads
from kernelgen.arrays.duplicates import check_labels_agree, find_duplicates
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import FloatArray
from kernelgen.arrays.whole_file import check_destination
from kernelgen.engines.choose import choose as choose_engine
from kernelgen.errors import BudgetExceeded, KernelgenError, NotConverged, NotPositiveDefinite
from kernelgen.estimators.model import check_solved
from kernelgen.estimators.targets import decode_scores, encode_labels, error_rate
from kernelgen.experiments.feature_points import layout_of
from kernelgen.experiments.left_out import LeftOut, leave_one_out
from kernelgen.experiments.solve_record import (
    WITH_BANDWIDTH,
    SolveConfig,
    SolveProblem,
    SolveRecord,
    kernel_of,
    make_record,
)
from kernelgen.features.base import FeatureMap, FeatureValues
from kernelgen.features.random_conv import FittedRandomConv, RandomConv
from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth_of_products
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.plan import out_of_memory
from kernelgen.solvers.products import factorize_products
from kernelgen.solvers.progress import ProgressCallback, phase
from kernelgen.solvers.release import given_back
from kernelgen.solvers.result import Solution
from kernelgen.solvers.streamed import (
    cross_products,
    kernel_scores,
    linear_scores,
    stream_products,
)


def is_streamed(features: FeatureMap) -> bool:
    """Whether the features are streamed: random convolutions by themselves."""
    return isinstance(features, RandomConv)


@dataclass(frozen=True)
class StreamedRows:
    """The training rows as inner products of their features.

    Attributes
    ----------
    fitted : FittedRandomConv
    train : FeatureValues
        The distinct rows where they are merged, else all.
    first : int64 array, shape (n,)
        First equal row of each row.
    merged : bool
        Whether repeated rows were left out.
    products : InnerProducts
        Of `train`.
    Y : array, shape (n, c)
        Targets of all rows.
    """

    fitted: FittedRandomConv
    train: FeatureValues
    first: NDArray[np.int64]
    merged: bool
    products: InnerProducts
    classes: NDArray[Any]
    Y: FloatArray

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which of all rows are in `train`."""
        return self.first == np.arange(len(self.first)) if self.merged else np.ones(len(self.first), bool)

    @property
    def copies(self) -> NDArray[np.int64]:
        """First equal row of each row of `train`, among those."""
        return np.arange(self.products.n_samples) if self.merged else self.first


@dataclass(frozen=True)
class _Fit:
    """One kernel and ridge, solved."""

    problem: SolveProblem
    kernel: Kernel
    solution: Solution
    train_error: float
    left_out: LeftOut | None
    seconds: dict[str, float]


def solve_streamed(
    problem: SolveProblem,
    progress: ProgressCallback | None,
    choose: Callable[[StreamedRows], Sequence[SolveConfig]] | None = None,
    unsolved: Callable[[SolveConfig, KernelgenError], None] | None = None,
) -> list[SolveRecord]:
    """Fit the filters, stream the inner products, factor, solve, predict by streaming again, and record it all.

    One sum of inner products and one pass over the test set serve every config.

    Parameters
    ----------
    problem : SolveProblem
    progress : callable or None
    choose : callable or None
        Returns the configs to solve, which differ from the problem's in ridge and bandwidth only; None: its own.
    unsolved : callable or None
        Told of a config that has no factor or does not converge, and why; None: the error goes to the caller.
    """
    memory = choose_engine(problem.config.engine).memory()
    try:
        with given_back(memory):
            return _solve_streamed(problem, progress, choose, unsolved)
    except MemoryError as error:
        if memory is None or isinstance(error, BudgetExceeded):
            raise
        planned = problem.plan.peak_bytes
        raise out_of_memory(problem.plan, planned, memory.available_bytes(), "fewer rows") from None


def _solve_streamed(
    problem: SolveProblem,
    progress: ProgressCallback | None,
    choose: Callable[[StreamedRows], Sequence[SolveConfig]] | None,
    unsolved: Callable[[SolveConfig, KernelgenError], None] | None,
) -> list[SolveRecord]:
    resume = problem.config.resume
    if resume is not None and not Path(resume).is_file():
        check_destination(resume)  # now, not after the filters and the sum
    start = time.perf_counter()
    rows, seconds = _stream(problem, progress)
    streamed = time.perf_counter() - start
    configs = [problem.config] if choose is None else choose(rows)
    fits = []
    for config in configs:
        try:
            fits.append(_fit(rows, replace(problem, config=config, kernel=None), progress))
        except (NotPositiveDefinite, NotConverged) as error:
            if unsolved is None:
                raise
            unsolved(config, error)
    rows, norms = replace(rows, products=_nothing(rows.products)), rows.products.squared_norms()
    # the products' memory is free now, and not needed to predict
    solved = time.perf_counter()
    errors = _test_errors(rows, norms, fits, progress)
    stop = time.perf_counter()
    shared = {"load": problem.seconds["load"], **seconds, "predict": stop - solved}
    return [
        make_record(
            fit.problem,
            fit.kernel,
            fit.solution,
            n_features=rows.products.n_features,
            train_error=fit.train_error,
            test_error=error,
            left_out=fit.left_out,
            seconds={
                **shared,
                **fit.seconds,
                "gram": seconds["gram"] + fit.seconds["gram"],
                "total": streamed + fit.seconds["total"] + stop - solved,
            },
            planned_bytes=problem.plan.peak_bytes,
        )
        for fit, error in zip(fits, errors, strict=True)
    ]


def _stream(
    problem: SolveProblem, progress: ProgressCallback | None
) -> tuple[StreamedRows, dict[str, float]]:
    config, data, features = problem.config, problem.data, problem.features
    assert isinstance(features, RandomConv)
    threads = check_threads(config.threads)
    scale, start = 1.0 / data.maximum, time.perf_counter()
    everyone = FeatureValues(data.X_train, scale)
    with phase("features", progress) as beat:
        fitted = features.fit(everyone, layout_of(data), threads=threads, engine=config.engine, progress=beat)
    made = time.perf_counter()
    classes, Y = encode_labels(problem.y_train)
    train, duplicates = everyone, find_duplicates(data.X_train)
    merged = config.ridge == 0 and duplicates.n_duplicates > 0  # equal images would make K singular
    if merged:
        check_labels_agree(duplicates, Y)
        train = FeatureValues(data.X_train[duplicates.unique_rows], scale)
    products = stream_products(
        fitted,
        train,
        dtype=features_dtype(problem.plan.precision),
        threads=threads,
        engine=config.engine,
        checkpoint=config.resume,
        progress=progress,
    )
    seconds = {"features": made - start, "gram": time.perf_counter() - made}
    return StreamedRows(fitted, train, duplicates.first, merged, products, classes, Y), seconds


def _fit(rows: StreamedRows, problem: SolveProblem, progress: ProgressCallback | None) -> _Fit:
    config, start = problem.config, time.perf_counter()
    assert config.ridge == 0 or not rows.merged, "rows are merged for ridge 0 only"
    kernel = streamed_kernel(config, rows.products, np.unique(rows.copies))
    chosen = time.perf_counter()
    factor = factorize_products(
        rows.products,
        kernel,
        ridge=config.ridge,
        precision=problem.plan.precision,
        threads=check_threads(config.threads),
        n_targets=rows.Y.shape[1],
        first=rows.first if rows.merged else None,
        progress=progress,
    )
    solution = check_solved(factor.solve(rows.Y, tol=config.tol, progress=progress))
    train_error = error_rate(decode_scores(solution.fitted, rows.classes), problem.y_train)
    left_out = (
        leave_one_out(factor, solution, rows.Y, rows.classes, progress) if config.leave_one_out else None
    )
    seconds = {
        **solution.stats.seconds,
        "bandwidth": chosen - start,
        "total": time.perf_counter() - start,
    }
    return _Fit(problem, kernel, solution, train_error, left_out, seconds)


def _test_errors(
    rows: StreamedRows, norms: FloatArray, fits: Sequence[_Fit], progress: ProgressCallback | None
) -> list[float | None]:
    """Of each fit: in the primal for linear kernels, whose test Gram matrix is not needed."""
    if not fits or not len(fits[0].problem.data.X_test):
        return [None] * len(fits)
    problem = fits[0].problem
    data, config = problem.data, problem.config
    test = FeatureValues(data.X_test, 1.0 / data.maximum)
    choice: dict[str, Any] = {
        "dtype": features_dtype(problem.plan.precision),
        "threads": check_threads(config.threads),
        "engine": config.engine,
        "progress": progress,
    }
    alphas = [fit.solution.alpha[rows.kept].astype(np.float64) for fit in fits]
    if config.kernel == "linear":
        together = linear_scores(rows.fitted, rows.train, test, np.hstack(alphas), **choice)
        scores = np.split(together, len(fits), axis=1)
    else:
        G, test_norms = cross_products(rows.fitted, rows.train, test, **choice)
        scores = [
            kernel_scores(fit.kernel, G, test_norms, norms, alpha)
            for fit, alpha in zip(fits, alphas, strict=True)
        ]
    return [error_rate(decode_scores(each, rows.classes), data.y_test) for each in scores]


def streamed_kernel(config: SolveConfig, products: InnerProducts, distinct: NDArray[np.int64]) -> Kernel:
    """The config's kernel; a bandwidth by rule comes from the products of the distinct rows."""
    if config.kernel not in WITH_BANDWIDTH or not isinstance(config.bandwidth, str):
        return kernel_of(config, None)
    return kernel_of(config, nearest_neighbour_bandwidth_of_products(products, distinct, seed=config.seed))


def _nothing(products: InnerProducts) -> InnerProducts:
    return replace(products, tiles=np.empty(0))


def features_dtype(precision: str) -> np.dtype[Any]:
    """float64 features for a float64 solve, else float32 ones whose products are summed in float64."""
    return np.dtype(np.float64 if precision == "float64" else np.float32)
