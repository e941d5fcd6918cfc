"""Bytes, seconds and blocks of a solve with streamed features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kernelgen.arrays.checks import check_threads, parse_bytes
from kernelgen.datasets.dataset import Dataset
from kernelgen.engines.choose import choose as choose_engine
from kernelgen.engines.choose import choose_convolutions
from kernelgen.engines.convolve import WIDENED_ROWS
from kernelgen.experiments.feature_points import layout_of
from kernelgen.experiments.solve_record import SolveConfig
from kernelgen.experiments.solve_streamed import features_dtype
from kernelgen.features.base import FeatureMap, float_dtype
from kernelgen.features.random_conv import RandomConv
from kernelgen.solvers.costs import Phase
from kernelgen.solvers.memory import available_to
from kernelgen.solvers.plan import Plan, resolve_precision
from kernelgen.solvers.products import plan_products
from kernelgen.solvers.streamed import SCORED_ROWS, filters_per_block


def plan_streamed(config: SolveConfig, data: Dataset, features: FeatureMap, *, n_targets: int) -> Plan:
    """Bytes and seconds of streaming, factoring and predicting, of the engine's memory; nothing is allocated.

    On the host the filters' fit is a phase, too; on a card it leaves next to nothing there.
    """
    assert isinstance(features, RandomConv)
    module, convolving = choose_engine(config.engine), choose_convolutions(config.engine)
    n, m, layout = len(data.X_train), len(data.X_test), layout_of(data)
    precision, threads = resolve_precision(config.precision, n), check_threads(config.threads)
    dtype, values = features_dtype(precision), data.X_train.dtype
    shape = features.shape(layout)
    rates, on_card = module.measure_rates(threads), module.memory() is not None
    rate, depth = rates[str(dtype)], shape.features_per_filter * features.filters
    down, across = shape.positions
    made = 2.0 * down * across * shape.depth * features.filters  # flops of one image's features
    tile = convolving.default_tile(n)
    tiles = module.storage_elements(n, tile) * 8
    bank = 0 if on_card else features.bank_bytes(layout)  # a card has the part of it that a block needs
    placed = float_dtype(values) if features.constants().images == "whitened" else values

    def streaming(name: str, parts: Sequence[int], sums: int, flops: float) -> Phase:
        """Of features of some rows; each block reads and writes `sums` bytes."""
        rows = sum(parts)
        step = min(filters_per_block(convolving, shape, rows, dtype), features.filters)
        blocks = -(-features.filters // step)
        grouped = sums > 0 and not on_card  # products read rows in whole tiles
        padded = sum(-(-part // tile) * tile for part in parts) if grouped else rows
        widened = 0 if sums or on_card else 3 * n_targets  # primal weights: the sum, a part of it, and both
        if widened and dtype != np.float64:
            widened += min(max(parts), WIDENED_ROWS)
        block = (padded * dtype.itemsize + widened * 8) * step * shape.features_per_filter
        block += convolving.workspace_bytes((rows, placed), shape, step, dtype)
        images = 0 if on_card else features.image_bytes(rows, layout, values)
        moved = (
            convolving.traffic_bytes(rows, shape, features.filters, dtype, blocks=blocks) + blocks * 2 * sums
        )
        return Phase(
            name,
            bank + images + sums + block,
            flops,
            flops / rate + moved / rates["bandwidth"],
            blocks=blocks,
            filters_per_block=step,
        )

    gram = streaming("gram", [n], tiles, n * made + float(n) ** 2 * depth)
    cross = 0 if config.kernel == "linear" else 8 * n * m
    predict = streaming("predict", [n, m], cross, (n + m) * made + (2.0 * n * m * depth if cross else 0.0))
    if cross:  # K(test, train) is made of these products, a few rows at a time
        scored = bank + cross + 3 * 8 * min(m, SCORED_ROWS) * n
        predict = replace(predict, bytes=max(predict.bytes, scored))
    fitting = () if on_card else (_fit_phase(features, data, n * made, rates["float64"]),)
    nothing = convolving.inner_products(np.empty(0), n, tile, depth)
    budget = available_to(module) if config.memory_budget is None else parse_bytes(config.memory_budget) or 0
    inner = plan_products(
        nothing, n_targets=n_targets, precision=precision, threads=threads, budget_bytes=budget
    )
    solving = tuple(replace(each, bytes=each.bytes + tiles + bank) for each in inner.phases)
    phases = (*fitting, gram, *solving, *((predict,) if m else ()))
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
        suggestion=None if fits else _suggestion(max(phases, key=lambda each: each.bytes)),
    )


def _suggestion(largest: Phase) -> str:
    if largest.name == "features":
        return "fewer filters, a smaller patch, or n_patches below 100,000: drawing and whitening filters takes most"
    return "fewer rows: the inner products alone take about 4 n^2 bytes"


def _fit_phase(features: RandomConv, data: Dataset, made: float, rate: float) -> Phase:
    """Drawing and whitening the filters; `made` flops are those of all features, which statistics need."""
    n, layout = len(data.X_train), layout_of(data)
    flops = features.fit_flops(n, layout) + (made if features.constants().standardize else 0.0)
    return Phase("features", features.fit_bytes(n, layout, data.X_train.dtype), flops, flops / rate)
