"""Factor and solve: panels beside the full square, which cuSOLVER factors, in time and memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelgen import factorize
from kernelgen.arrays.points import Points
from kernelgen.engines import cuda
from kernelgen.engines.cuda.device import padded
from kernelgen.engines.cuda.operands import operand_bytes
from kernelgen.engines.cuda.place import place
from kernelgen.errors import EngineUnavailable, KernelgenError
from kernelgen.kernels.gaussian import Gaussian
from session import Session

SIZES = (10_000, 20_000, 50_000, 60_000)
FEATURES, TARGETS = 784, 10


def run(session: Session) -> None:
    """Engine calls at every size in both dtypes and layouts; tile sides; then whole solves with their certificates."""
    for n in (200, 300) if session.smoke else SIZES:
        for dtype in ("float32", "float64"):
            layouts(session, n, dtype)
    scan_tiles(session)
    scan_products(session)
    for n in (200,) if session.smoke else SIZES:
        for precision in ("float32", "float64", "mixed"):
            whole(session, n, precision)
    on_the_processor(session)


def points_of(session: Session, n: int) -> Points:
    """Random bytes under a bandwidth that leaves a moderate condition."""
    return Points(session.bytes_points(n, FEATURES), 1 / 255)


KERNEL = Gaussian(5.0)


def measured(
    session: Session, points: Points, dtype: str, tile: int, *, products: Any = "float32"
) -> dict[str, Any]:
    """Seconds (median of three factorizations) and peak elements over n^2 of one engine call."""
    n, on = points.n_samples, session.on
    times, grams, factor = [], [], None
    with cuda.memory().peak() as mark:
        for _ in range(1 if n > 50_000 and not session.has(240) else 3):
            factor = None  # its memory is the next one's
            factor, seconds = session.wall(
                lambda: cuda.factorize(
                    points, KERNEL, dtype=np.dtype(dtype), tile=tile, threads=1, products=products
                )
            )
            times.append(seconds)
            grams.append(factor.gram_seconds)
    assert factor is not None
    itemsize = np.dtype(dtype).itemsize
    seconds, gram = float(np.median(times)), float(np.median(grams))
    found = {
        "tile": tile,
        "seconds": seconds,
        "gram_seconds": gram,
        "cholesky_seconds": seconds - gram,
        "cholesky_flops_per_second": n**3 / 3 / max(seconds - gram, 1e-9),
        "peak_elements_over_n2": mark.bytes / itemsize / n**2,
        "of_them_points": operand_bytes(n, points.n_features, points.values.dtype, dtype) / itemsize / n**2,
        "pivot_row": factor.pivot_row,
    }
    B = on.xp.ones((n, TARGETS), dtype=dtype)
    found["solve_seconds"] = session.median_seconds(lambda: cuda.solve(factor, B, threads=1), repeats=3)
    return found


def layouts(session: Session, n: int, dtype: str) -> None:
    """Both layouts of one size; the speed of panels over that of the full square is the ratio asked for."""
    points = place(points_of(session, n))
    square, panels = padded(n, 48), session.on.tiles[-1 if session.smoke else 0]
    found: dict[str, Any] = {}
    for name, tile in (("square", square), ("panels", panels)):
        if not session.has(30):
            found[name] = "skipped: out of time"
            continue
        try:
            found[name] = measured(session, points, dtype, tile)
        except (MemoryError, KernelgenError) as error:
            found[name] = f"{type(error).__name__}: {error}"
        session.on.release()
    if all(isinstance(found[name], dict) for name in ("square", "panels")):
        found["panels_speed_over_square"] = (
            found["square"]["cholesky_seconds"] / found["panels"]["cholesky_seconds"]
        )
    session.note("solve", f"engine n={n} {dtype}", found)


def scan_tiles(session: Session) -> None:
    """Panels of other widths at one size."""
    n = 300 if session.smoke else 30_000
    points = place(points_of(session, n))
    for dtype in ("float32", "float64"):
        found = {}
        for tile in (48, 96) if session.smoke else (384, 768, 1152, 1536, 2304, 3072):
            if session.has(60):
                found[str(tile)] = measured(session, points, dtype, tile)["cholesky_flops_per_second"]
        session.note("solve", f"tiles n={n} {dtype}", found)
    session.on.release()


def scan_products(session: Session) -> None:
    """Panels with products on tensor cores: faster, and worth it only while the factor preconditions well."""
    n = 300 if session.smoke else 30_000
    points = place(points_of(session, n))
    found: dict[str, Any] = {}
    for products in ("float32", "tf32", "bf16x9"):
        if not session.has(60):
            break
        try:
            found[products] = measured(session, points, "float32", session.on.tiles[0], products=products)
        except Exception as error:  # an arithmetic this card or this cuBLAS does not have
            found[products] = f"{type(error).__name__}: {error}"
    session.note("solve", f"products n={n} float32", found)
    session.on.release()


def whole(session: Session, n: int, precision: str) -> None:
    """``factorize`` and ``solve`` from NumPy arrays, as a user calls them, and what the certificate says."""
    key = f"whole n={n} {precision}"
    if not session.has(40):
        session.note("solve", key, "skipped: out of time")
        return
    X = session.bytes_points(n, FEATURES)
    Y = session.rng.choice([-1.0, 1.0], (n, TARGETS))

    def call() -> Any:
        return factorize(
            X, KERNEL, scale=1 / 255, precision=precision, engine="cuda", n_targets=TARGETS
        ).solve(Y)

    try:
        solution, seconds = session.wall(call)
    except (MemoryError, KernelgenError) as error:
        session.note("solve", key, f"{type(error).__name__}: {error}")
        return
    stats = solution.stats.as_dict()
    session.note(
        "solve",
        key,
        {
            "wall_seconds": seconds,
            "status": solution.status.value,
            "relative_residual": solution.certificate.relative_residual,
            "condition_estimate": solution.certificate.condition_estimate,
            **{
                name: stats[name] for name in ("seconds", "iterations", "planned_bytes", "peak_bytes", "tile")
            },
        },
    )
    session.on.release()


def on_the_processor(session: Session) -> None:
    """The same at the smallest size by the native engine, where its core is there."""
    n = 200 if session.smoke else SIZES[0]
    X, Y = session.bytes_points(n, FEATURES), session.rng.choice([-1.0, 1.0], (n, TARGETS))
    try:
        solution, seconds = session.wall(
            lambda: factorize(X, KERNEL, scale=1 / 255, precision="mixed", engine="native").solve(Y)
        )
    except (EngineUnavailable, ImportError) as error:
        session.note("solve", f"native n={n} mixed", f"not measured: {error}")
        return
    session.note(
        "solve",
        f"native n={n} mixed",
        {"wall_seconds": seconds, "relative_residual": solution.certificate.relative_residual},
    )
