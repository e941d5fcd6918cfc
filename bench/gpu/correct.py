"""Every kernel in every precision against float64 on the processor, from fresh random inputs, before any timing."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import scipy.linalg

from kernelgen import factorize
from kernelgen.arrays.points import Points, center_of
from kernelgen.engines import cuda, portable
from kernelgen.engines.cuda.blocks import write_block
from kernelgen.engines.cuda.operands import prepare
from kernelgen.engines.cuda.place import place
from kernelgen.errors import NotPositiveDefinite
from kernelgen.kernels.custom import Custom
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.linear import Linear
from kernelgen.kernels.polynomial import Polynomial
from session import Session

EPS = {"float32": float(np.finfo(np.float32).eps), "float64": float(np.finfo(np.float64).eps)}


def run(session: Session) -> None:
    """Gram matrices, products, factors in both layouts, solves, predictions, pivots."""
    n, d = (150, 9) if session.smoke else (4096, 48)
    bandwidth = np.sqrt(d)
    kernels = [
        (Gaussian(bandwidth), 0.0),
        (Laplacian(bandwidth), 0.0),
        (Polynomial(3, coef0=1.0, normalize=True), 0.1),
        (Linear(), 1.0),
        (Custom(lambda q: 1.0 / (1.0 + q)), 0.0),
    ]
    checks = worst = 0
    for kernel, ridge in kernels:
        for values in ("uint8", "float32", "float64"):
            X = draw(session, n, d, values)
            points = Points(X, 1 / 64 if values == "uint8" else 1.0)
            points = center_of(points) if kernel.uses_distance else points
            start = time.perf_counter()
            K = portable.gram(points, None, kernel, dtype=np.dtype("float64"), threads=cores(session))
            label = f"{kernel.name} of {values}"
            done, ratio = check_gram(session, points, kernel, K, label)
            checks, worst = checks + done, max(worst, ratio)
            if values != "float32":
                done, ratio = check_factor(session, points, kernel, K, ridge, label)
                checks, worst = checks + done, max(worst, ratio)
            session.note("correct", label, f"{time.perf_counter() - start:.2f} s")
    checks += check_failing_pivot(session)
    session.note("correct", "checks", checks)
    session.note("correct", "largest_error_over_tolerance", worst)


def cores(session: Session) -> int:
    """Threads of the reference."""
    return int(session.result["machine"]["cores"])


def draw(session: Session, n: int, d: int, values: str) -> np.ndarray:
    """Fresh random rows."""
    if values == "uint8":
        return session.bytes_points(n, d)
    return session.rng.standard_normal((n, d)).astype(values)


def check(session: Session, what: str, error: float, bound: float) -> float:
    """Error over bound; a failure where it exceeds 1 or is nan."""
    if not error <= bound:
        session.fail("correct", f"{what}: error {error:.2e} above {bound:.2e}")
    return error / bound


def check_gram(session: Session, points: Points, kernel: Any, K: np.ndarray, label: str) -> tuple[int, float]:
    """Dense K in both precisions, its panels written over nan, a product and its row sums."""
    n, d = points.n_samples, points.n_features
    largest = float(np.abs(K).max())
    sharp = 100.0 if kernel.name == "laplacian" else 1.0  # the root turns an error e near 0 into sqrt(e)
    ratios = []
    for dtype in ("float32", "float64"):
        bound = 32.0 * sharp * d * EPS[dtype] * max(1.0, largest)
        found = cuda.gram(points, None, kernel, dtype=np.dtype(dtype), threads=1)
        ratios.append(check(session, f"{label}, K in {dtype}", float(np.abs(found - K).max()), bound))
        if not np.array_equal(found, found.T):
            session.fail("correct", f"{label}, K in {dtype} is not symmetric")
        on = session.on
        x = prepare(on, place(points), kernel, np.dtype(dtype))
        panel = on.xp.full((n, n), np.nan, dtype=dtype)
        write_block(on, panel, x, x, kernel, n_features=d, offset=0, ridge=0.5)
        host = on.fetch(panel)
        error = float(np.abs(host - K - 0.5 * np.eye(n)).max()) if np.isfinite(host).all() else np.inf
        ratios.append(check(session, f"{label}, block in {dtype}, every element written", error, bound))
    P = session.rng.standard_normal((n, 3))
    product, sums = cuda.multiply(points, kernel, P, ridge=0.5, threads=1)
    bound = 32.0 * sharp * (n + d) * EPS["float64"] * max(1.0, largest) * float(np.abs(P).max())
    expected = K @ P + 0.5 * P
    ratios.append(check(session, f"{label}, K P", float(np.abs(product - expected).max()), bound))
    expected = np.abs(K + 0.5 * np.eye(n)).sum(axis=1)
    error = float(np.abs(sums - expected).max() / expected.max())
    ratios.append(check(session, f"{label}, row sums", error, 32.0 * sharp * d * n * EPS["float64"]))
    return len(ratios), max(ratios)


def check_factor(
    session: Session, points: Points, kernel: Any, K: np.ndarray, ridge: float, label: str
) -> tuple[int, float]:
    """Factor, solve, diagonal of the inverse, leave-one-out and prediction, in panels and as a full square."""
    n = points.n_samples
    A = K + ridge * np.eye(n)
    norm = float(np.abs(A).sum(axis=1).max())
    inverse = scipy.linalg.inv(A, check_finite=False)
    condition = norm * float(np.abs(inverse).sum(axis=1).max())
    Y = session.rng.standard_normal((n, 3))
    exact = scipy.linalg.cho_solve(scipy.linalg.cho_factor(A, lower=True, check_finite=False), Y)
    tiles = (None, 48, 96) if session.smoke else (None, 384, 1536)
    ratios = []
    for precision in ("float64", "mixed", "float32"):
        own = EPS["float64" if precision == "float64" else "float32"]
        trusted = condition * own < 1e-3  # beyond it a factor may fail, and must say so
        for tile in tiles:
            what = f"{label}, {precision}, tile {tile}"
            try:
                factor = factorize(
                    points.values, kernel, scale=points.scale, ridge=ridge, precision=precision,
                    engine="cuda", tile=tile,
                )  # fmt: skip
            except NotPositiveDefinite as error:
                if trusted:
                    session.fail("correct", f"{what}: {error}")
                continue
            solution = factor.solve(Y)
            eps = EPS["float32" if precision == "float32" else "float64"]
            if solution.status.value != "solved":
                if trusted:
                    session.fail("correct", f"{what}: {solution.message}")
                continue
            residual = np.linalg.norm(Y - A @ solution.alpha) / np.linalg.norm(Y)
            allowed = 1e-9 if precision != "float32" else min(1.0, 20 * eps * condition)
            ratios.append(check(session, f"{what}, residual", float(residual), allowed))
            error = float(np.linalg.norm(solution.alpha - exact) / np.linalg.norm(exact))
            ratios.append(
                check(session, f"{what}, alpha", error, condition * max(allowed, 16 * n * EPS["float64"]))
            )
            error = float(np.abs(factor.diag_inverse() / np.diagonal(inverse) - 1).max())
            ratios.append(check(session, f"{what}, diagonal of the inverse", error, 8 * n * own * condition))
            test = draw(session, 100, points.n_features, points.values.dtype.name)
            across = portable.gram(
                Points(test, points.scale, points.center), points, kernel, dtype=np.dtype("float64"),
                threads=1,
            )  # fmt: skip
            expected = across @ solution.alpha
            error = float(np.abs(factor.predict(test, solution.alpha) - expected).max())
            size = float((np.abs(across) @ np.abs(solution.alpha)).max())
            ratios.append(
                check(session, f"{what}, predictions", error, 64 * (n + points.n_features) * eps * size)
            )
    return len(ratios), max(ratios, default=0.0)


def check_failing_pivot(session: Session) -> int:
    """The first pivot that is not positive is found in either layout: K = I with one zero on the diagonal."""
    n = 130 if session.smoke else 1000
    checks = 0
    for dtype in ("float32", "float64"):
        for tile in (48, 96, 144 if session.smoke else 1008):
            for row in (0, 1, 47, 48, n - 1):
                X = np.eye(n)
                X[row] = 0.0
                factor = cuda.factorize(Points(X), Polynomial(1), dtype=np.dtype(dtype), tile=tile, threads=1)
                checks += 1
                if factor.pivot_row != row:
                    session.fail(
                        "correct", f"pivot {factor.pivot_row}, not {row} ({dtype}, tile {tile}, n {n})"
                    )
    return checks
