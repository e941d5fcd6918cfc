"""From raw rows to the points of a kernel: what the features of a data set cost, and making them."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace

from kernelgen.arrays.checks import check_points, check_threads
from kernelgen.arrays.points import Points
from kernelgen.datasets.dataset import Dataset
from kernelgen.engines.choose import choose
from kernelgen.errors import DataError
from kernelgen.features.base import FeatureMap, FeatureValues, FittedMap, Output
from kernelgen.features.chain import share_of
from kernelgen.features.layout import Layout
from kernelgen.solvers.costs import Phase, format_bytes
from kernelgen.solvers.plan import Plan
from kernelgen.solvers.progress import ProgressCallback, phase

_TIMED_ROWS = 256  # enough blocks for all threads


@dataclass(frozen=True)
class FeaturePoints:
    """Training and test points, and the fitted map that made them."""

    fitted: FittedMap
    train: Points
    test: Points


def layout_of(data: Dataset) -> Layout:
    """How rows of a data set are read."""
    return Layout(data.n_features, data.image_shape, data.layout or "interleaved")


def stored_bytes(output: Output, n_rows: int) -> int:
    """Bytes of the features of so many rows; 0 where they are the rows themselves."""
    return n_rows * output.row_bytes if output.peak_bytes else 0


def add_features(
    plan: Plan, features: FeatureMap, data: Dataset, *, threads: int | None, then_bytes: int = 0
) -> Plan:
    """The plan with a first phase, which makes the features; its seconds are those of a few rows, scaled up.

    ``then_bytes`` are what that phase allocates once the features are there.
    """
    layout = layout_of(data)
    output = features.output(layout, data.X_train.dtype)
    n_train, n_test = plan.n_samples, plan.n_test
    if output.peak_bytes == 0:
        return plan
    making = max(n_train * output.peak_bytes, n_train * output.row_bytes + n_test * output.peak_bytes)
    fitting = features.fit_bytes(n_train, layout, data.X_train.dtype)
    held = (n_train + n_test) * output.row_bytes
    flops = (n_train + n_test) * output.flops
    sample = FeatureValues(data.X_train[:_TIMED_ROWS], 1.0 / data.maximum)
    try:
        seconds = _seconds(features, sample, layout, threads) * (n_train + n_test) / len(sample.values)
    except DataError:  # these few have fewer patches than filters, or no contrast; all of them may do
        seconds = flops / choose("native").measure_rates(check_threads(threads))[str(output.dtype)]
    made = Phase("features", max(making, fitting, held + then_bytes), flops, seconds)
    peak = max(made.bytes, plan.peak_bytes)
    fits = peak <= plan.budget_bytes
    return replace(
        plan,
        phases=(made, *plan.phases),
        seconds=plan.seconds + seconds,
        peak_bytes=peak,
        fits=fits,
        suggestion=None
        if fits
        else f"all {n_train} rows need a budget of {format_bytes(peak)} with these features; fewer rows or features "
        "need less",
    )


def _seconds(features: FeatureMap, sample: FeatureValues, layout: Layout, threads: int | None) -> float:
    """Of making the features of the sample."""
    few = FeatureValues(sample.values[:2], sample.scale)
    with suppress(DataError):
        features.fit_apply(few, layout, threads=threads)  # once for what is loaded and compiled at first use
    start = time.perf_counter()
    features.fit_apply(sample, layout, threads=threads)
    return time.perf_counter() - start


def make_points(
    features: FeatureMap,
    data: Dataset,
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> FeaturePoints:
    """Fit the map to the training rows, and make the features of both parts.

    Raises
    ------
    DataError
        Raw values that are not finite.
    UsageError
        The map needs images, or larger ones.
    """
    layout, scale = layout_of(data), 1.0 / data.maximum
    n_train, n_test = len(data.X_train), len(data.X_test)
    steps = [0.0, n_train / (n_train + n_test), 1.0]
    with phase("features", progress) as beat:
        fitted, (values, made_scale) = features.fit_apply(
            FeatureValues(data.X_train, scale), layout, threads=threads, progress=share_of(beat, steps, 0)
        )
        train = check_points(values, name="the training set", scale=made_scale)
        test = fitted.apply(
            FeatureValues(data.X_test, scale), threads=threads, progress=share_of(beat, steps, 1)
        )
    return FeaturePoints(fitted, train, Points(*test))
