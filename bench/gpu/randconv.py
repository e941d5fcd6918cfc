"""Random convolutions streamed on the card: features and their inner products beside the product they consist of.

The floor is (2 n positions depth filters + n^2 D) flops at the speed of a float32 product of the same run. Images are
random bytes of CIFAR-10's shape where only the speed counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from kernelgen.arrays.points import Points
from kernelgen.engines.convolution import ConvolutionShape, FilterBank
from kernelgen.engines.cuda import convolve
from kernelgen.engines.cuda.device import device, using
from kernelgen.engines.cuda.host import Host
from kernelgen.engines.cuda.place import place
from kernelgen.engines.cuda.write_features import by_columns, place_filters
from kernelgen.errors import KernelgenError
from session import Session

CIFAR10 = ConvolutionShape(32, 32, 3, 32, 1, 1024, 6, 15, 6, True, None)
SHAPES = {
    "means": CIFAR10,
    "sums of normalized patches": ConvolutionShape(32, 32, 3, 32, 1, 1024, 6, 14, 13, False, 10.0),
    "odd sides, interleaved": ConvolutionShape(19, 17, 3, 51, 3, 1, 5, 6, 4, True, None),
    "one channel, normalized": ConvolutionShape(19, 17, 1, 17, 1, 323, 6, 20, 20, False, 0.5),
    "large patches, in three steps": ConvolutionShape(19, 17, 3, 51, 3, 1, 15, 2, 2, True, 0.5),
}
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1)
KEPT = (
    "data", "n_train", "n_features", "seconds", "planned_bytes", "status", "certificate", "bandwidth", "train_error",
    "test_error", "iterations", "tile", "command",
)  # fmt: skip


def run(session: Session) -> None:
    """Shapes of every recipe against NumPy in float64; the parts of a block; features, the sum, and CIFAR-10 whole."""
    check(session)
    n, filters = (12, 8) if session.smoke else (5000, 4096)
    images, bank = problem(session, n, filters, CIFAR10)
    ceiling = 2.0 * side(session) ** 3 / session.median_seconds(product(session))
    session.note("randconv", "float32_flops_per_second", ceiling)
    session.note("randconv", "parts", parts(session, images, bank))
    session.note("randconv", f"features n={n} F={filters}", features(session, images, bank, ceiling))
    session.on.release()
    session.note("randconv", f"streamed n={n} F={filters}", streamed(session, images, bank, ceiling))
    session.on.release()
    if session.has(240):
        session.note("randconv", "cifar10", cifar10(session))
    else:
        session.note("randconv", "cifar10", "skipped: out of time")


def problem(
    session: Session, n: int, filters: int, shape: ConvolutionShape, values: str = "uint8"
) -> tuple[Points, FilterBank]:
    """n images of random bytes, and random filters with a response of order 1."""
    X = session.bytes_points(n, shape.height * shape.width * shape.channels).astype(values)
    cells = (shape.features_per_filter // 2, 2, filters)
    bank = FilterBank(
        session.rng.standard_normal((filters, shape.depth)) / np.sqrt(shape.depth),
        0.1 * session.rng.standard_normal(filters),
        0.1,
        0.1 * session.rng.standard_normal(cells),
        session.rng.uniform(0.5, 2.0, cells),
    )
    return Points(X, 1 / 255), bank


def banks(bank: FilterBank, step: int) -> Iterator[FilterBank]:
    """The bank by blocks of filters."""
    for first in range(0, len(bank.filters), step):
        yield bank.part(first, first + step)


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
    for name, shape in SHAPES.items():
        for values in ("uint8", "float32"):
            images, bank = problem(session, n, filters, shape, values)
            with using(Host()):
                expected = features_of(images, shape, bank, "float64")
            G = expected @ expected.T
            for dtype, bound in (("float32", 1e-5), ("float64", 1e-12)):
                found, sums = features_of(images, shape, bank, dtype), sums_of(images, shape, bank, dtype)
                error = float(np.abs(found - expected).max() / np.abs(expected).max())
                gap = float(np.abs(sums - G).max() / G.max())
                what = f"{name}, {values}, {dtype}"
                session.note("randconv", f"errors of {what}", {"features": error, "products": gap})
                if not error <= bound or not gap <= min(bound, 1e-6):
                    session.fail("randconv", f"{what}: features off by {error:.1e}, products by {gap:.1e}")


def features_of(images: Points, shape: ConvolutionShape, bank: FilterBank, dtype: str) -> np.ndarray:
    """All features by the device in use, on the host."""
    on, width = device(), shape.features_per_filter * len(bank.filters)
    out = on.xp.full((images.n_samples, width), np.nan, dtype=dtype)
    return np.asarray(on.fetch(convolve.convolve(images, shape, bank, out=out, threads=1)), dtype=np.float64)


def sums_of(images: Points, shape: ConvolutionShape, bank: FilterBank, dtype: str) -> np.ndarray:
    """Inner products of all rows, filters in three blocks."""
    n = images.n_samples
    products = convolve.inner_products(None, n, convolve.default_tile(n), 0)
    for part in banks(bank, -(-len(bank.filters) // 3)):
        products = convolve.add_convolution_products(products, images, shape, part, dtype=dtype, threads=1)
    return np.array([products.full_row(i) for i in range(n)])


def parts(session: Session, images: Points, bank: FilterBank) -> dict[str, float]:
    """Seconds of a few images and one block of filters: by the fused kernel, contrasts apart, and by three steps."""
    on, shape, kind = session.on, CIFAR10, np.dtype(np.float32)
    bank = bank.part(0, 4 * convolve.SLAB)
    count, positions = len(bank.filters), shape.positions[0] * shape.positions[1]
    n = min(images.n_samples, 8 if session.smoke else 96)  # whose responses take 143 MB
    some, filters = place(Points(images.values[:n], images.scale)), place_filters(on, bank, kind)
    patches = on.xp.empty((n * positions, shape.depth), dtype=kind)
    responses = on.xp.empty((n * positions, count), dtype=kind)
    out = on.xp.empty((n, shape.features_per_filter * count), dtype=kind)
    columns = by_columns(on, filters, shape)
    steps = {
        "fused": lambda: on.convolve_and_pool(out, some.values, columns, filters, shape, scale=some.scale),
        "gather": lambda: on.gather_patches(patches, some.values, shape, some.scale),
        "multiply": lambda: on.multiply(responses, patches, filters.values, transpose_b=True),
        "pool": lambda: on.rectify_and_pool(out, responses, filters, shape),
    }
    found = {f"{name}_seconds": session.median_seconds(step) for name, step in steps.items()}
    flops = 2.0 * n * positions * shape.depth * count
    return {
        "images": n,
        "filters": count,
        **found,
        "fused_flops_per_second": flops / found["fused_seconds"],
        "multiply_flops_per_second": flops / found["multiply_seconds"],
        "fused_over_three_steps": found["fused_seconds"]
        / sum(found[f"{name}_seconds"] for name in ("gather", "multiply", "pool")),
    }


def features(session: Session, images: Points, bank: FilterBank, ceiling: float) -> dict[str, float]:
    """Time to make all features by blocks of filters, which overwrite each other."""
    step, placed, per_filter = 4 * convolve.SLAB, place(images), CIFAR10.features_per_filter
    out = session.on.xp.empty(images.n_samples * per_filter * step, dtype=np.float32)

    def call() -> None:
        for part in banks(bank, step):
            width = per_filter * len(part.filters)
            own = out[: images.n_samples * width].reshape(images.n_samples, width)
            convolve.convolve(placed, CIFAR10, part, out=own, threads=1)

    return speed(session.median_seconds(call, repeats=3), feature_flops(images, bank), ceiling)


def streamed(session: Session, images: Points, bank: FilterBank, ceiling: float) -> dict[str, float]:
    """Time of the whole sum, features included: what has to reach 0.8 of the ceiling."""
    n, placed, per_filter = images.n_samples, place(images), CIFAR10.features_per_filter
    step = convolve.SLAB * max(1, convolve.BLOCK_BYTES // (convolve.SLAB * per_filter * 4 * n))

    def call() -> None:
        products = convolve.inner_products(None, n, convolve.default_tile(n), 0)
        for part in banks(bank, step):
            products = convolve.add_convolution_products(
                products, placed, CIFAR10, part, dtype=np.float32, threads=1
            )

    flops = feature_flops(images, bank) + float(n) ** 2 * per_filter * len(bank.filters)
    return speed(session.median_seconds(call, repeats=3), flops, ceiling)


def speed(seconds: float, flops: float, ceiling: float) -> dict[str, float]:
    """Rate, and its share of the product's."""
    return {"seconds": seconds, "flops_per_second": flops / seconds, "of_ceiling": flops / seconds / ceiling}


def feature_flops(images: Points, bank: FilterBank) -> float:
    """Of the products of patches and filters."""
    down, across = CIFAR10.positions
    return 2.0 * images.n_samples * down * across * CIFAR10.depth * len(bank.filters)


def cifar10(session: Session) -> Any:
    """32,000 filters on all of CIFAR-10, end to end with ridge 0; then the ridge curve, from one more sum."""
    if session.smoke:
        return "skipped: a smoke run"
    try:
        from kernelgen.experiments.solve import SolveConfig, prepare_solve, solve_problem
        from kernelgen.experiments.solve_sweep import solve_sweep
        from kernelgen.experiments.sweep_record import Sweep

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
