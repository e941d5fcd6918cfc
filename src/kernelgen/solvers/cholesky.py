"""Factor a Gram matrix once: K + ridge I = L L^T."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_non_negative, check_points, check_threads
from kernelgen.arrays.duplicates import find_duplicates
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import FloatArray, Points, center_of
from kernelgen.engines.base import Engine, Heartbeat, TileFactor
from kernelgen.engines.choose import choose, engine_name
from kernelgen.errors import BudgetExceeded, DataError, NotPositiveDefinite, UsageError
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.costs import factor_dtype
from kernelgen.solvers.factor import EPS32, Factor
from kernelgen.solvers.memory import peak_of
from kernelgen.solvers.plan import Plan, check_fits, plan, refused
from kernelgen.solvers.progress import ProgressCallback, phase
from kernelgen.solvers.release import release_on_error
from kernelgen.solvers.residence import engine_for, is_on_card, to_host
from kernelgen.solvers.rows import check_range, check_rows_nonzero, nearest_earlier_row

__all__ = ["Factor", "factorize"]


def factorize(
    X: Any,
    kernel: Kernel,
    *,
    scale: float = 1.0,
    ridge: float = 0.0,
    precision: str = "auto",
    engine: str = "auto",
    threads: int | None = None,
    tile: int | None = None,
    memory_budget: str | int | None = None,
    n_targets: int = 1,
    progress: ProgressCallback | None = None,
) -> Factor:
    """Factor K + ridge I = L L^T with K_ij = k(scale x_i, scale x_j), in half the memory of K and beside no copy of it.

    Parameters
    ----------
    X : array, shape (n, d), uint8, float32 or float64
        Read in place. Other integers become float64. A CuPy array is read where it lies by engine "cuda"; a NumPy
        array is moved to the card once, which ``Factor.seconds["move"]`` records.
    kernel : Kernel
    scale : float
        Multiplies X inside the kernel; bytes stay bytes (for images: X uint8, scale=1/255).
    ridge : float, not negative
        0 interpolates. Above 0 another problem is solved, kernel ridge regression.
    precision : {"auto", "float64", "mixed", "float32"}
        "mixed" factors in float32 and refines in float64, to the same residual as "float64" in half its memory.
        "auto" is float64 up to 8,192 rows and mixed above.
    engine : {"auto", "native", "portable", "cuda"}
        "auto" is "native", and "cuda" where X is a CuPy array.
    threads : int or None
        None means every core this process may use.
    tile : int or None
        Side of a tile, a multiple of 48. None leaves it to the plan: on a card the full square (one tile) where it
        fits, else panels of half its memory.
    memory_budget : int, str such as "8GB", or None
        None means the memory now available, with engine "cuda" the card's. A plan above it is refused before anything
        is allocated.
    n_targets : int
        Columns of Y that the plan allows for.
    progress : callable
        Receives :class:`~kernelgen.solvers.progress.Progress`; what it raises stops the work and frees the memory.

    Returns
    -------
    Factor

    Raises
    ------
    NotPositiveDefinite
        A pivot is not positive in the precision asked for, or n exceeds the rank the kernel can have. In mixed
        precision a non-positive pivot only costs a jitter in the preconditioner, recorded as ``Factor.jitter``.
    BudgetExceeded
        The plan needs more memory than the budget.
    DataError, UsageError, EngineUnavailable
        The points, an argument, or the engine cannot be used.

    Notes
    -----
    With ridge 0, rows that repeat an earlier row would make K singular: they are merged into it and counted in the
    certificate; targets must agree there. n^3 / 3 + n^2 d flops; nt (nt + 1) / 2 tile^2 numbers of memory.

    Examples
    --------
    >>> import numpy as np
    >>> from kernelgen import Gaussian, factorize
    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> solution = factorize(X, Gaussian(bandwidth=1.0), engine="portable").solve([1.0, 0.0, 1.0])
    >>> solution.status.value, solution.fitted.round(6).tolist()
    ('solved', [1.0, 0.0, 1.0])
    """
    if not isinstance(kernel, Kernel):
        raise UsageError(f"kernel must be a Kernel such as Gaussian(bandwidth=1.0), got {kernel!r}")
    ridge = check_non_negative(ridge, "ridge")
    given, engine, values = X, engine_for(X, engine), to_host(X)
    module, threads = choose(engine), check_threads(threads)
    points = check_points(values, scale=scale)
    check_rows_nonzero(points, kernel)
    n_samples, first = points.n_samples, None
    copied = (
        0
        if points.values is values or np.shares_memory(points.values, np.asarray(values))
        else points.values.nbytes
    )
    if ridge == 0:
        points, first = _merge(points)
        copied += points.values.nbytes if first is not None else 0
        _check_rank(points, kernel, _rows(first, n_samples))
    if module.memory() is not None:
        copied = 0  # the plan and the peak are of the card's memory
    job = plan(
        points.n_samples,
        points.n_features,
        n_targets,
        precision=precision,
        values_dtype=points.values.dtype,
        engine=engine,
        threads=threads,
        tile=tile,
        budget_bytes=memory_budget,
        held_bytes=copied,
    )
    check_fits(job)
    if kernel.uses_distance:
        points = center_of(points)
    check_range(points, kernel, factor_dtype(job.precision))
    start = time.perf_counter()
    try:
        with peak_of(module) as memory, release_on_error():
            placed = _place(module, points, given if points.values is values else None)
            moved = time.perf_counter()
            task = FactorTask(points, placed, kernel, ridge, job.precision, module, threads, job.tile)
            tiles, jitter = task.factor(_rows(first, n_samples), progress)
    except MemoryError as error:
        raise _out_of_memory(module, job, points.values.dtype, error) from None
    wall = time.perf_counter() - moved
    seconds = {"gram": tiles.gram_seconds, "factor": max(0.0, wall - tiles.gram_seconds)}
    if placed is not points:
        seconds = {"move": moved - start, **seconds}
    return Factor(
        points=points,
        placed=placed,
        kernel=kernel,
        ridge=ridge,
        precision=job.precision,
        engine=engine_name(module),
        plan=job,
        n_samples=n_samples,
        tiles=tiles,
        first=first,
        jitter=jitter,
        threads=threads,
        seconds=seconds,
        peak_bytes=copied + memory.bytes,
        held_bytes=copied + tiles.storage.nbytes + (placed.values.nbytes if placed is not points else 0),
    )


def _place(module: Engine, points: Points, given: Any | None) -> Points:
    """Points where the engine computes; the caller's own array on the card serves where it holds the same values."""
    if given is not None and is_on_card(given):
        return module.place(Points(given, points.scale, points.center))
    return module.place(points)


def _out_of_memory(module: Engine, job: Plan, values_dtype: Any, error: MemoryError) -> MemoryError:
    """What a failed allocation on a card becomes: the plan refused, for the memory there is now."""
    own = module.memory()
    if own is None or isinstance(error, BudgetExceeded):
        return error
    own.release()
    return refused(job, own.available_bytes(), values_dtype)


def _merge(points: Points) -> tuple[Points, NDArray[np.int64] | None]:
    """Points without repeated rows, and each row's first equal one; (points, None) where all differ."""
    duplicates = find_duplicates(points.values)
    if not duplicates.n_duplicates:
        return points, None
    return points.take(duplicates.unique_rows), duplicates.first


def _rows(first: NDArray[np.int64] | None, n_samples: int) -> NDArray[np.int64]:
    everyone = np.arange(n_samples)
    return everyone if first is None else np.flatnonzero(first == everyone)


def _check_rank(points: Points, kernel: Kernel, rows: NDArray[np.int64]) -> None:
    """With ridge 0, more points than K's largest possible rank can never be interpolated."""
    bound = kernel.rank_bound(points.n_features)
    if bound is not None and points.n_samples > bound:
        raise NotPositiveDefinite(
            f"{points.n_samples} distinct rows, but K of the {kernel.name} kernel in {points.n_features} dimensions "
            f"has rank at most {bound}: no more rows than that can be interpolated. Use at most {bound} rows, a higher "
            "degree or a Gaussian kernel, or a ridge above 0 (another problem)",
            row=int(rows[bound]),
        )


@dataclass(frozen=True, slots=True)
class FactorTask:
    """One factorization: the matrix, the precision and where it is computed."""

    points: Points | InnerProducts
    placed: Points | InnerProducts  # the same where the engine computes
    kernel: Kernel
    ridge: float
    precision: str
    module: Engine
    threads: int
    tile: int

    def factor(self, rows: NDArray[np.int64], progress: ProgressCallback | None) -> tuple[TileFactor, float]:
        """Tiles and jitter, told as the phase "factor"."""
        with phase("factor", progress) as heartbeat:
            return self._attempt(rows, heartbeat)

    def _attempt(self, rows: NDArray[np.int64], heartbeat: Heartbeat | None) -> tuple[TileFactor, float]:
        """One retry with a jitter in mixed precision, where the factor is only a preconditioner."""
        tiles = self._run(0.0, heartbeat)
        if tiles.pivot_row < 0:
            return tiles, 0.0
        pivot = tiles.pivot_row
        del tiles  # a failed factor must not stay beside the next one
        self._check_values(pivot, rows)
        if self.precision != "mixed":
            raise self._not_positive_definite(pivot, rows)
        jitter = self._jitter(heartbeat)
        tiles = self._run(jitter, heartbeat)
        if tiles.pivot_row >= 0:
            pivot = tiles.pivot_row
            del tiles
            raise self._not_positive_definite(pivot, rows, jitter)
        return tiles, jitter

    def _run(self, jitter: float, heartbeat: Heartbeat | None) -> TileFactor:
        return self.module.factorize(
            self.placed,  # type: ignore[arg-type]  # inner products know their engine
            self.kernel,
            ridge=self.ridge + jitter,
            dtype=factor_dtype(self.precision),
            tile=self.tile,
            threads=self.threads,
            heartbeat=heartbeat,
        )

    def _jitter(self, heartbeat: Heartbeat | None) -> float:
        """8 eps_32 |K + ridge I|_1: above the backward error of a float32 factor, by its usual growth."""
        nothing = np.zeros((self.points.n_samples, 1))
        _, row_sums = self.module.multiply(
            self.placed,  # type: ignore[arg-type]  # see _run
            self.kernel,
            nothing,
            ridge=self.ridge,
            threads=self.threads,
            heartbeat=heartbeat,
        )
        return 8.0 * EPS32 * float(row_sums.max())

    def _check_values(self, pivot: int, rows: NDArray[np.int64]) -> None:
        """A pivot also fails where the kernel gave nan, inf, or a value beyond the factor's range."""
        K = self._kernel_row(pivot)
        largest = np.finfo(factor_dtype(self.precision)).max
        bad = np.flatnonzero(~(np.abs(K) <= largest))
        if len(bad):
            raise DataError(
                f"the kernel's value for rows {rows[pivot]} and {rows[bad[0]]} is {K[bad[0]]}, which precision "
                f'"{self.precision}" cannot hold; scale the points, or use normalize=True or precision="float64"'
            )

    def _kernel_row(self, row: int) -> FloatArray:
        """K_row,0 .. K_row,row in float64."""
        if isinstance(self.points, InnerProducts):
            norms = self.points.squared_norms()
            values: FloatArray = self.kernel.evaluate_products(
                self.points.row(row), norms[row], norms[: row + 1]
            )
            return values
        one = self.points.take(np.array([row]))
        K = self.module.gram(one, self.points, self.kernel, dtype=np.dtype(np.float64), threads=self.threads)
        first: FloatArray = K[0, : row + 1]
        return first

    def _not_positive_definite(
        self, pivot: int, rows: NDArray[np.int64], jitter: float = 0.0
    ) -> NotPositiveDefinite:
        found = nearest_earlier_row(self.points, pivot, normalize=self.kernel.normalize)
        row = int(rows[pivot])
        where = f"the pivot of row {row} is not positive in {factor_dtype(self.precision)}"
        if jitter:
            where += f", even with {jitter:.1e} added to the preconditioner's diagonal"
        if found is None:
            return NotPositiveDefinite(f"K is not positive definite: {where}. {self._advice()}", row=row)
        partner, distance = int(rows[found[0]]), found[1]
        return NotPositiveDefinite(
            f"K is not positive definite: {where}. The earlier row nearest to it is row {partner}, "
            f"at distance {distance:.3g}. {self._advice()}",
            row=row,
            partner=partner,
            distance=distance,
        )

    def _advice(self) -> str:
        options = [] if self.precision == "float64" else ['precision="float64"']
        if self.precision == "float32":
            options.insert(0, 'precision="mixed"')
        if "bandwidth" in self.kernel.describe():
            options.append("a smaller bandwidth")
        options += ["leaving out one of the two rows", "a ridge above 0 (another problem, asked for by name)"]
        return "Try " + ", ".join(options[:-1]) + ", or " + options[-1]
