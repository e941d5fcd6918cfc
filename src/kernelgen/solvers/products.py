"""Factor a Gram matrix whose inner products are there already: one sum of features, many kernels and ridges."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_choice, check_non_negative, check_threads
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.engines.choose import choose, engine_name
from kernelgen.errors import NotPositiveDefinite
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.cholesky import FactorTask
from kernelgen.solvers.costs import Phase, factor_dtype
from kernelgen.solvers.factor import Factor
from kernelgen.solvers.memory import available_to, peak_of
from kernelgen.solvers.plan import Plan, check_fits
from kernelgen.solvers.progress import ProgressCallback
from kernelgen.solvers.release import release_on_error


def factorize_products(
    products: InnerProducts,
    kernel: Kernel,
    *,
    ridge: float = 0.0,
    precision: str = "mixed",
    threads: int | None = None,
    memory_budget: int | None = None,
    n_targets: int = 1,
    first: NDArray[np.int64] | None = None,
    progress: ProgressCallback | None = None,
) -> Factor:
    """Factor K + ridge I = L L^T with K a kernel of inner products; the products stay as they are.

    A bandwidth, a ridge or another label set needs no new pass over the features. What ``solve`` certifies is the K of
    these products in float64.

    Parameters
    ----------
    products : InnerProducts
        Those that lie on a card are factored there: they say which engine reads them.
    kernel : Kernel
        Of distances or products of the features; their scale is 1.
    ridge : float, not negative
    precision : {"mixed", "float64", "float32"}
        Of the factor and of ``solve``; the products are in float64.
    memory_budget : int or None
        Bytes for everything beside the products.
    first : int64 array, shape (n_samples,), or None
        First equal row of each of the caller's rows, where repeated ones were left out of the products.

    Raises
    ------
    NotPositiveDefinite
        A pivot is not positive; with ridge 0 a linear kernel of fewer features than rows never is.
    BudgetExceeded
    """
    check_choice(precision, "precision", ("mixed", "float64", "float32"))
    ridge, threads = check_non_negative(ridge, "ridge"), check_threads(threads)
    module = choose(products.engine)
    bound = kernel.rank_bound(products.n_features)
    if ridge == 0 and bound is not None and products.n_samples > bound:
        raise NotPositiveDefinite(
            f"{products.n_samples} distinct rows, but K of the {kernel.name} kernel on {products.n_features} features "
            f"has rank at most {bound}: use more filters, a Gaussian kernel, or a ridge above 0 (another problem)",
            row=bound,
        )
    job = plan_products(
        products, n_targets=n_targets, precision=precision, threads=threads, budget_bytes=memory_budget
    )
    check_fits(job)
    n_samples = products.n_samples if first is None else len(first)
    task = FactorTask(products, products, kernel, ridge, precision, module, threads, products.tile)
    everyone = np.arange(n_samples)
    rows = everyone if first is None else np.flatnonzero(first == everyone)
    start = time.perf_counter()
    with peak_of(module) as memory, release_on_error():
        tiles, jitter = task.factor(rows, progress)
    wall = time.perf_counter() - start
    return Factor(
        points=products,
        placed=products,
        kernel=kernel,
        ridge=ridge,
        precision=precision,
        engine=engine_name(module),
        plan=job,
        n_samples=n_samples,
        tiles=tiles,
        first=first,
        jitter=jitter,
        threads=threads,
        seconds={"gram": tiles.gram_seconds, "factor": max(0.0, wall - tiles.gram_seconds)},
        peak_bytes=memory.bytes,
        held_bytes=tiles.storage.nbytes,
    )


def plan_products(
    products: InnerProducts, *, n_targets: int, precision: str, threads: int, budget_bytes: int | None
) -> Plan:
    """Bytes and seconds of the factor and of a solve, beside the products, which are read once for each of them."""
    module, n = choose(products.engine), products.n_samples
    rates = module.measure_rates(threads)
    dtype = factor_dtype(precision)
    storage = module.storage_elements(n, products.tile) * dtype.itemsize

    def workspace(name: Any, kind: np.dtype[Any]) -> int:
        return module.workspace_bytes(n, 0, np.float64, kind, n_targets, threads, products.tile, name)

    column = 8 * n * n_targets if module.memory() is None else 0  # beside a card's memory, on the host
    flops = n**3 / 3
    once = products.tiles.nbytes / rates["bandwidth"]
    solving = 3 * column + workspace("solve", dtype)
    passes = 4 if precision == "mixed" else 1
    phases = (
        Phase("factor", storage + workspace("factor", dtype), flops, flops / rates[str(dtype)] + once),
        Phase(
            "refine",
            storage + 10 * column + max(solving, workspace("multiply", np.dtype(np.float64))),
            passes * 4.0 * n**2 * n_targets,
            passes * (once + 2 * storage / rates["bandwidth"]),
        ),
    )
    peak, budget = (
        max(each.bytes for each in phases),
        available_to(module) if budget_bytes is None else budget_bytes,
    )
    return Plan(
        n_samples=n,
        n_features=products.n_features,
        n_targets=n_targets,
        n_test=0,
        precision=precision,
        engine=engine_name(module),
        threads=threads,
        tile=products.tile,
        phases=phases,
        input_bytes=products.tiles.nbytes,
        peak_bytes=peak,
        seconds=sum(each.seconds for each in phases),
        budget_bytes=budget,
        fits=peak <= budget,
        suggestion=None if peak <= budget else 'precision="mixed" or fewer rows',
    )
