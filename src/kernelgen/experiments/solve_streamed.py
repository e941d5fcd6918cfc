"""Solve with features that are never stored: their inner products are streamed, then factored like any Gram matrix."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_threads, parse_bytes
from kernelgen.arrays.duplicates import check_labels_agree, find_duplicates
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import FloatArray
from kernelgen.datasets.dataset import Dataset
from kernelgen.engines.base import TILE
from kernelgen.engines.choose import choose
from kernelgen.errors import EngineUnavailable
from kernelgen.estimators.model import check_solved
from kernelgen.estimators.targets import decode_scores, encode_labels, error_rate
from kernelgen.experiments.feature_points import layout_of
from kernelgen.experiments.solve_record import SolveConfig, SolveProblem, SolveRecord, kernel_of, make_record
from kernelgen.features.base import FeatureMap, FeatureValues
from kernelgen.features.random_conv import FittedRandomConv, RandomConv
from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth_of_products
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.costs import Phase
from kernelgen.solvers.memory import available_bytes
from kernelgen.solvers.plan import Plan, resolve_precision
from kernelgen.solvers.products import factorize_products, plan_products
from kernelgen.solvers.progress import ProgressCallback, phase
from kernelgen.solvers.streamed import filters_per_block, kernel_scores, linear_scores, stream_products


def is_streamed(features: FeatureMap) -> bool:
    """Whether the features are streamed: random convolutions by themselves."""
    return isinstance(features, RandomConv)


def plan_streamed(config: SolveConfig, data: Dataset, features: FeatureMap, *, n_targets: int) -> Plan:
    """Bytes and seconds of streaming, factoring and predicting; nothing is allocated."""
    assert isinstance(features, RandomConv)
    if config.engine not in ("auto", "native"):
        raise EngineUnavailable(
            f'random convolutions run in the native engine only, not in "{config.engine}"'
        )
    n, m = len(data.X_train), len(data.X_test)
    precision, threads = resolve_precision(config.precision, n), check_threads(config.threads)
    dtype = features_dtype(precision)
    shape = features.shape(layout_of(data))
    rates = choose("native").measure_rates(threads)
    rate, depth = rates[str(dtype)], shape.features_per_filter * features.filters
    down, across = shape.positions
    made = 2.0 * down * across * shape.depth * features.filters  # flops of one image's features
    step = min(filters_per_block(shape, n, dtype), features.filters)
    block = step * shape.features_per_filter * dtype.itemsize
    tiles = choose("native").storage_elements(n, TILE) * 8
    gram_flops = n * made + float(n) ** 2 * depth
    predict_flops = (n + m) * made + (0 if config.kernel == "linear" else 2.0 * n * m * depth)
    blocks = -(-features.filters // step)
    gram = Phase(
        "gram",
        tiles + n * block,
        gram_flops,
        gram_flops / rate + blocks * 2 * tiles / rates["bandwidth"],
    )
    cross = 0 if config.kernel == "linear" else 8 * n * m
    predict = Phase("predict", (n + m) * block + cross, predict_flops, predict_flops / rate)
    nothing = InnerProducts(np.empty(0), n, TILE, depth)
    budget = available_bytes() if config.memory_budget is None else parse_bytes(config.memory_budget) or 0
    inner = plan_products(
        nothing, n_targets=n_targets, precision=precision, threads=threads, budget_bytes=budget
    )
    solving = tuple(replace(each, bytes=each.bytes + tiles) for each in inner.phases)
    phases = (gram, *solving, *((predict,) if m else ()))
    peak = max(each.bytes for each in phases)
    fits = peak <= budget
    return replace(
        inner,
        n_test=m,
        phases=phases,
        input_bytes=data.X_train.nbytes,
        peak_bytes=peak,
        seconds=sum(each.seconds for each in phases),
        fits=fits,
        suggestion=None if fits else "fewer rows: the inner products alone take about 4 n^2 bytes",
    )


def solve_streamed(problem: SolveProblem, progress: ProgressCallback | None) -> SolveRecord:
    """Fit the filters, stream the inner products, factor, solve, predict by streaming again, and record it all."""
    config, data = problem.config, problem.data
    features, threads = problem.features, check_threads(config.threads)
    assert isinstance(features, RandomConv)
    scale, start = 1.0 / data.maximum, time.perf_counter()
    everyone = FeatureValues(data.X_train, scale)
    with phase("features", progress) as beat:
        fitted = features.fit(everyone, layout_of(data), threads=threads, progress=beat)
    made = time.perf_counter()
    classes, Y = encode_labels(problem.y_train)
    train, first = everyone, None
    if config.ridge == 0:  # equal images would make K singular
        duplicates = find_duplicates(data.X_train)
        if duplicates.n_duplicates:
            check_labels_agree(duplicates, Y)
            train, first = FeatureValues(data.X_train[duplicates.unique_rows], scale), duplicates.first
    dtype = features_dtype(problem.plan.precision)
    products = stream_products(
        fitted, train, dtype=dtype, threads=threads, checkpoint=config.resume, progress=progress
    )
    streamed = time.perf_counter()
    kernel = problem.kernel or kernel_of(
        config, nearest_neighbour_bandwidth_of_products(products, seed=config.seed)
    )
    chosen = time.perf_counter()
    factor = factorize_products(
        products,
        kernel,
        ridge=config.ridge,
        precision=problem.plan.precision,
        threads=threads,
        n_targets=Y.shape[1],
        first=first,
        progress=progress,
    )
    solution = check_solved(factor.solve(Y, progress=progress))
    train_error = error_rate(decode_scores(solution.fitted, classes), problem.y_train)
    norms = products.squared_norms()
    del factor, products  # their memory is not needed to predict
    solved = time.perf_counter()
    alpha = solution.alpha if first is None else solution.alpha[first == np.arange(len(first))]
    test = FeatureValues(data.X_test, scale)
    test_error = None
    if len(data.X_test):
        scores = _scores(
            fitted, train, test, kernel, alpha.astype(np.float64), norms, dtype, threads, progress
        )
        test_error = error_rate(decode_scores(scores, classes), data.y_test)
    stop = time.perf_counter()
    stats = solution.stats
    return make_record(
        problem,
        kernel,
        solution,
        n_features=fitted.shape.features_per_filter * features.filters,
        train_error=train_error,
        test_error=test_error,
        seconds={
            **stats.seconds,
            "load": problem.seconds["load"],
            "features": made - start,
            "gram": stats.seconds["gram"] + streamed - made,
            "bandwidth": chosen - streamed,
            "predict": stop - solved,
            "total": stop - start,
        },
        planned_bytes=problem.plan.peak_bytes,
    )


def features_dtype(precision: str) -> np.dtype[Any]:
    """float64 features for a float64 solve, else float32 ones whose products are summed in float64."""
    return np.dtype(np.float64 if precision == "float64" else np.float32)


def _scores(
    fitted: FittedRandomConv,
    train: FeatureValues,
    test: FeatureValues,
    kernel: Kernel,
    alpha: FloatArray,
    norms: FloatArray,
    dtype: np.dtype[Any],
    threads: int,
    progress: ProgressCallback | None,
) -> FloatArray:
    """In the primal for the linear kernel, whose test Gram matrix is then not needed."""
    if kernel.name == "linear":
        return linear_scores(fitted, train, test, alpha, dtype=dtype, threads=threads, progress=progress)
    return kernel_scores(
        fitted, train, test, kernel, alpha, norms, dtype=dtype, threads=threads, progress=progress
    )
