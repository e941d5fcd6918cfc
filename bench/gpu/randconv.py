"""Random convolutions streamed on the card: features and their inner products beside the product they consist of.

The floor is (2 n positions depth filters + n^2 D) flops at the speed of a float32 product of the same run. Images are
random bytes of CIFAR-10's shape where only the speed counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from kernelgen.engines.cuda import convolve
from kernelgen.engines.cuda.device import device, using
from kernelgen.engines.cuda.host import Host
from kernelgen.engines.cuda.place import place
from kernelgen.errors import KernelgenError
from kernelgen.features.base import FeatureValues
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import RECIPES, FittedRandomConv, RandomConv
from session import Session

LAYOUT = Layout(3072, (32, 32, 3), "planes")
SMALL = Layout(19 * 17 * 3, (19, 17, 3))
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1)
KEPT = (
    "data", "n_train", "n_features", "seconds", "planned_bytes", "status", "certificate", "bandwidth", "train_error",
    "test_error", "iterations", "tile", "command",
)  # fmt: skip


def run(session: Session) -> None:
    """Every recipe against NumPy in float64; the parts of a block; features, the streamed sum, and CIFAR-10 whole."""
    check(session)
    n, filters = (12, 8) if session.smoke else (5000, 4096)
    fitted, X = problem(session, n, filters)
    ceiling = 2.0 * side(session) ** 3 / session.median_seconds(product(session))
    session.note("randconv", "float32_flops_per_second", ceiling)
    session.note("randconv", "parts", parts(session, fitted, X))
    session.note("randconv", f"features n={n} F={filters}", features(session, fitted, X, ceiling))
    session.on.release()
    session.note("randconv", f"streamed n={n} F={filters}", streamed(session, fitted, X, ceiling))
    session.on.release()
    if session.has(240):
        session.note("randconv", "cifar10", cifar10(session))
    else:
        session.note("randconv", "cifar10", "skipped: out of time")


def problem(
    session: Session, n: int, filters: int, layout: Layout = LAYOUT, **changes: Any
) -> tuple[FittedRandomConv, FeatureValues]:
    """A fitted map and n images."""
    X = FeatureValues(session.bytes_points(n, layout.n_values), 1 / 255)
    return RandomConv(**{"filters": filters, "n_patches": 5_000} | changes).fit(X, layout), X


def side(session: Session) -> int:
    """Of the product that is the ceiling."""
    return 256 if session.smoke else 8192


def product(session: Session) -> Any:
    """One float32 product."""
    n = side(session)
    A, C = session.filled(n, n, np.float32), session.on.xp.zeros((n, n), dtype=np.float32)
    return lambda: session.on.multiply(C, A, A, transpose_b=True)


def check(session: Session) -> None:
    """Features and inner products in both precisions against the same loops in NumPy's float64."""
    n, filters = (9, 7) if session.smoke else (300, 300)
    for recipe, layout in [*((recipe, SMALL) for recipe in RECIPES), ("coates_ng", LAYOUT)]:
        fitted, X = problem(
            session, n, filters, layout, recipe=recipe, bias=0.1, standardize=False, source="gaussian"
        )
        with using(Host()):
            expected = features_of(fitted, X, "float64")
        G = expected @ expected.T
        for dtype, bound in (("float32", 1e-5), ("float64", 1e-12)):
            error = float(np.abs(features_of(fitted, X, dtype) - expected).max() / np.abs(expected).max())
            gap = float(np.abs(sums_of(fitted, X, dtype) - G).max() / G.max())
            what = f"{recipe}, {layout.image_shape[0]} x {layout.image_shape[1]}, {dtype}"
            session.note("randconv", f"errors of {what}", {"features": error, "products": gap})
            if not error <= bound or not gap <= min(bound, 1e-6):
                session.fail("randconv", f"{what}: features off by {error:.1e}, products by {gap:.1e}")


def features_of(fitted: FittedRandomConv, X: FeatureValues, dtype: str) -> np.ndarray:
    """All features by the device in use, on the host."""
    on, bank = device(), fitted.bank
    out = on.xp.full(
        (len(X.values), fitted.shape.features_per_filter * len(bank.filters)), np.nan, dtype=dtype
    )
    found = on.fetch(convolve.convolve(fitted.images(X), fitted.shape, bank, out=out, threads=1))
    return np.asarray(found, dtype=np.float64)


def sums_of(fitted: FittedRandomConv, X: FeatureValues, dtype: str) -> np.ndarray:
    """Inner products of all rows, filters in three blocks."""
    n, count = len(X.values), len(fitted.bank.filters)
    products = convolve.inner_products(None, n, convolve.default_tile(n), 0)
    for part in fitted.parts(-(-count // 3)):
        products = convolve.add_convolution_products(
            products, fitted.images(X), fitted.shape, part, dtype=dtype, threads=1
        )
    return np.array([products.full_row(i) for i in range(n)])


def parts(session: Session, fitted: FittedRandomConv, X: FeatureValues) -> dict[str, float]:
    """Seconds of the three steps of a few images and one block of filters: what a fused kernel could save."""
    on, shape, kind = session.on, fitted.shape, np.dtype(np.float32)
    bank = fitted.bank.part(0, 4 * convolve.SLAB)
    count, positions = len(bank.filters), shape.positions[0] * shape.positions[1]
    n = min(len(X.values), convolve._images_at_once(shape, count, kind))
    images = place(fitted.images(FeatureValues(X.values[:n], X.scale)))
    filters = convolve._placed(on, bank, kind)
    patches = on.xp.empty((n * positions, shape.depth), dtype=kind)
    responses = on.xp.empty((n * positions, count), dtype=kind)
    out = on.xp.empty((n, shape.features_per_filter * count), dtype=kind)
    multiply = session.median_seconds(
        lambda: on.multiply(responses, patches, filters.values, transpose_b=True)
    )
    return {
        "images": n,
        "filters": count,
        "gather_seconds": session.median_seconds(
            lambda: on.gather_patches(patches, images.values, shape, images.scale)
        ),
        "multiply_seconds": multiply,
        "multiply_flops_per_second": 2.0 * n * positions * shape.depth * count / multiply,
        "pool_seconds": session.median_seconds(lambda: on.rectify_and_pool(out, responses, filters, shape)),
    }


def features(
    session: Session, fitted: FittedRandomConv, X: FeatureValues, ceiling: float
) -> dict[str, float]:
    """Time to make all features by blocks of filters, which overwrite each other."""
    shape, count = fitted.shape, len(fitted.bank.filters)
    step = min(count, 4 * convolve.SLAB)
    images = place(fitted.images(X))
    out = session.on.xp.empty((len(X.values), shape.features_per_filter * step), dtype=np.float32)

    def call() -> None:
        for part in fitted.parts(step):
            own = out[:, : shape.features_per_filter * len(part.filters)]
            convolve.convolve(images, shape, part, out=own, threads=1)

    seconds = session.median_seconds(call, repeats=3)
    flops = feature_flops(fitted, len(X.values))
    return {"seconds": seconds, "flops_per_second": flops / seconds, "of_ceiling": flops / seconds / ceiling}


def streamed(
    session: Session, fitted: FittedRandomConv, X: FeatureValues, ceiling: float
) -> dict[str, float]:
    """Time of the whole sum, features included; its ratio to the floor is what has to reach 0.8."""
    n, D = len(X.values), fitted.shape.features_per_filter * len(fitted.bank.filters)
    images, shape = place(fitted.images(X)), fitted.shape
    slab_bytes = convolve.SLAB * shape.features_per_filter * 4 * n
    step = convolve.SLAB * max(1, convolve.BLOCK_BYTES // slab_bytes)

    def call() -> None:
        products = convolve.inner_products(None, n, convolve.default_tile(n), 0)
        for part in fitted.parts(step):
            products = convolve.add_convolution_products(
                products, images, shape, part, dtype=np.float32, threads=1
            )

    seconds = session.median_seconds(call, repeats=3)
    flops = feature_flops(fitted, n) + float(n) ** 2 * D
    return {"seconds": seconds, "flops_per_second": flops / seconds, "of_ceiling": flops / seconds / ceiling}


def feature_flops(fitted: FittedRandomConv, n: int) -> float:
    """Of the products of patches and filters."""
    down, across = fitted.shape.positions
    return 2.0 * n * down * across * fitted.shape.depth * len(fitted.bank.filters)


def cifar10(session: Session) -> Any:
    """32,000 filters on all of CIFAR-10, end to end with ridge 0; then the ridge curve, from one more sum."""
    if session.smoke:
        return "skipped: a smoke run"
    try:
        from kernelgen.experiments.solve import SolveConfig, prepare_solve, solve_problem
        from kernelgen.experiments.solve_sweep import Sweep, solve_sweep

        config = SolveConfig(
            dataset="cifar10", data_dir=session.data_dir, offline=True, features="randconv32k",
            bandwidth="auto:2", engine="cuda",
        )  # fmt: skip
        problem = prepare_solve(config)
        record, seconds = session.wall(lambda: solve_problem(problem))
        found = {
            "wall_seconds": seconds,
            "planned_seconds": problem.plan.seconds,
            **{key: value for key, value in record.as_dict().items() if key in KEPT},
        }
        session.on.release()
        if session.has(2.0 * seconds):
            with_ridge = prepare_solve(replace(config, ridge=RIDGES[0]))
            curve = solve_sweep(with_ridge, Sweep(RIDGES, ("auto:2",), "none"))
            found["test_errors_by_ridge"] = {str(fit.ridge): fit.test_error for fit in curve.fits}
    except (ImportError, KernelgenError, OSError) as error:
        return f"not run: {type(error).__name__}: {error}"
    return found
