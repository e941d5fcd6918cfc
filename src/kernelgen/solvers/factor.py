"""A factor and everything it gives exactly: solutions of any label set, leave-one-out, predictions."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_non_negative, check_targets
from kernelgen.arrays.duplicates import Duplicates, check_labels_agree
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import AnyArray, FloatArray, Points
from kernelgen.engines.base import Engine, Heartbeat, TileFactor
from kernelgen.engines.choose import choose
from kernelgen.errors import UsageError
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.certificate import certify, estimate_inverse_norm
from kernelgen.solvers.conjgrad import column_norms
from kernelgen.solvers.memory import peak_of
from kernelgen.solvers.plan import Plan
from kernelgen.solvers.predict import predict
from kernelgen.solvers.progress import ProgressCallback, phase, share
from kernelgen.solvers.refine import Refined, refine
from kernelgen.solvers.residence import like, to_host
from kernelgen.solvers.result import Certificate, Solution, Stats, Status

EPS32 = float(np.finfo(np.float32).eps)


@dataclass(eq=False)
class Factor:
    """L with L L^T = K + ridge I, the points it belongs to, and everything one factor gives exactly.

    Made by :func:`~kernelgen.solvers.cholesky.factorize` or :meth:`load`.

    Attributes
    ----------
    points : Points or InnerProducts
        The rows of L: the caller's, less those merged into an equal earlier row. Inner products where the features
        were streamed (:func:`~kernelgen.solvers.products.factorize_products`); such a factor neither predicts by itself
        nor is saved.
    kernel : Kernel
    ridge : float
    precision : {"float32", "float64", "mixed"}
    engine : str
    plan : Plan
    n_samples : int
        The caller's rows, merged ones included.
    jitter : float
        Added to the diagonal of the matrix factored, in mixed precision, where float32 met a non-positive pivot. The
        factor is then the preconditioner of a near-by matrix; the system solved stays K alpha = Y.
    """

    points: Points | InnerProducts
    placed: Points | InnerProducts = field(repr=False)  # the same where the engine computes
    kernel: Kernel
    ridge: float
    precision: str
    engine: str
    plan: Plan
    n_samples: int
    tiles: TileFactor = field(repr=False)
    first: NDArray[np.int64] | None = field(
        repr=False
    )  # first equal row of each of the caller's; None: all differ
    jitter: float
    threads: int
    seconds: dict[str, float]
    peak_bytes: int
    held_bytes: int
    _norm: float | None = field(default=None, repr=False)  # |K + ridge I|_1
    _inverse_norm: float | None = field(default=None, repr=False)
    _diag_inverse: FloatArray | None = field(default=None, repr=False)

    @property
    def center(self) -> FloatArray | None:
        """What the kernel sees the points less of; None where they are as they came."""
        return None if isinstance(self.points, InnerProducts) else self.points.center

    @property
    def rows(self) -> NDArray[np.int64]:
        """The caller's rows that the rows of L stand for."""
        if self.first is None:
            return np.arange(self.n_samples)
        return np.flatnonzero(self.first == np.arange(self.n_samples))

    def solve(
        self,
        Y: Any,
        *,
        tol: float = 1e-10,
        max_iterations: int = 50,
        progress: ProgressCallback | None = None,
    ) -> Solution:
        """alpha with (K + ridge I) alpha = Y, certified in float64 from a regenerated K.

            mixed:    conjugate gradients on K in float64, preconditioned by the float32 factor
            float64:  L (L^T alpha) = Y, then the same conjugate gradients if the residual is above ``tol``
            float32:  L (L^T alpha) = Y, certified and left as it is

        Parameters
        ----------
        Y : array, shape (n,) or (n, c)
            Targets in the order of the caller's rows; equal rows need equal targets. For a CuPy array, ``alpha`` and
            ``fitted`` are CuPy arrays.
        tol : float
            Relative residual |Y - K alpha| / |Y| that every column must reach.
        max_iterations : int
            Products with K that refinement may spend, 0 for none.
        progress : callable

        Returns
        -------
        Solution
            Its status is ``solved`` where the tolerance is met; else ``not_converged``, or ``not_positive_definite``
            where a direction of non-positive curvature showed that K is not positive definite in float64. Precision
            "float32" is also solved where the residual is what that precision can promise: at most
            10 eps condition_estimate, and never above 1e-2.

        Raises
        ------
        ConflictingLabels
            Equal rows have different targets.
        DataError
            Y has the wrong shape, or holds values that are not finite.

        Notes
        -----
        Each product with K regenerates it: n^2 d flops, no memory beyond blocks of rows.
        """
        tol = check_non_negative(tol, "tol")
        if max_iterations < 0:
            raise UsageError(f"max_iterations must be at least 0, got {max_iterations}")
        targets, was_1d = check_targets(to_host(Y), self.n_samples)
        if self.first is not None:
            check_labels_agree(self._duplicates(), targets)
            targets = targets[self.rows]
        with peak_of(self._module) as memory:
            start = time.perf_counter()
            units = _binary_units(targets)
            alpha = self._direct(targets / units, max_iterations, progress)
            solved = time.perf_counter()
            refined = self._refine(targets / units, alpha, tol, max_iterations, progress)
            refined = replace(refined, alpha=refined.alpha * units, product=refined.product * units)
            certificate = self._certify(targets, refined, progress)
            seconds = {"solve": solved - start, "refine": time.perf_counter() - solved}
        status, message = self._verdict(refined, certificate, tol)
        return Solution(
            alpha=like(
                self._expand(refined.alpha, was_1d, merged=0.0).astype(self._alpha_dtype, copy=False), Y
            ),
            fitted=like(self._expand(refined.product - self.ridge * refined.alpha, was_1d), Y),
            status=status,
            certificate=certificate,
            stats=self._stats(seconds, refined.iterations, memory.bytes),
            message=message,
        )

    def diag_inverse(self, *, progress: ProgressCallback | None = None) -> FloatArray:
        """Diagonal of (K + ridge I)^-1 by (K^-1)_ii = |L^-1 e_i|^2, one value for each of ``rows``.

        Notes
        -----
        n^3 / 3 flops once; later calls return the same values. They carry the factor's own rounding: from a float32
        factor (precision "mixed" too) a relative error up to about eps_32 times the condition number, and with a
        jitter they belong to K + jitter I. :meth:`diag_inverse_error` measures it; use precision "float64" where they
        must be sharp.
        """
        if self._diag_inverse is None:
            with phase("diag_inverse", progress) as heartbeat:
                self._diag_inverse = self._module.diag_inverse(
                    self.tiles, threads=self.threads, heartbeat=heartbeat
                )
        return self._diag_inverse.copy()

    def diag_inverse_error(
        self,
        n_probes: int = 10,
        *,
        tol: float = 1e-6,
        seed: int = 0,
        progress: ProgressCallback | None = None,
    ) -> float:
        """Largest relative error of :meth:`diag_inverse` on random rows, whose columns of the inverse are solved.

            (K + ridge I) z = e_i - r:   (K^-1)_ii = z_i + z . r + r . K^-1 r,   the last term <= |r|^2 / lambda_min

        Parameters
        ----------
        n_probes : int
            Rows that are drawn, at most all of them.
        tol : float
            Of |r|, as for :meth:`solve`; the last term is left out.
        seed : int
            Of the rows drawn.

        Returns
        -------
        float
            NaN where a column was not solved to ``tol``, and for precision "float32", which has nothing sharper to
            compare with.

        Notes
        -----
        One :meth:`solve` of ``n_probes`` columns, and :meth:`diag_inverse`.
        """
        if n_probes < 1:
            raise UsageError(f"n_probes must be at least 1, got {n_probes}")
        diagonal, rows = self.diag_inverse(progress=progress), self.rows
        if self.precision == "float32":
            return float("nan")
        drawn = np.random.default_rng(seed).choice(len(rows), min(n_probes, len(rows)), replace=False)
        owner = np.arange(self.n_samples) if self.first is None else self.first
        E = (owner[:, None] == rows[drawn]).astype(np.float64)
        solution = self.solve(E, tol=tol, progress=progress)
        if solution.status is not Status.SOLVED:
            return float("nan")
        Z = solution.alpha[rows]
        R = (E - solution.fitted)[rows] - self.ridge * Z
        sharp = Z[drawn, np.arange(len(drawn))] + np.einsum("ij,ij->j", Z, R)
        return float(np.abs(diagonal[drawn] / sharp - 1.0).max())

    def leave_one_out(self, solution: Solution, *, progress: ProgressCallback | None = None) -> FloatArray:
        """Residuals y_i - f^{-i}(x_i) of the interpolants that miss one row each, of alpha's shape.

            y_i - f^{-i}(x_i) = alpha_i / (K^-1)_ii        (with a ridge: of K + ridge I)

        Exactly 0 on rows that have an equal row: their twin stays in. The accuracy is that of :meth:`diag_inverse`.
        """
        alpha = np.asarray(to_host(solution.alpha), dtype=np.float64)
        columns = alpha[:, None] if alpha.ndim == 1 else alpha
        residuals = np.zeros_like(columns)
        residuals[self.rows] = columns[self.rows] / self.diag_inverse(progress=progress)[:, None]
        if self.first is not None:
            repeats = np.flatnonzero(self.first != np.arange(self.n_samples))
            residuals[self.first[repeats]] = 0.0
        return like(residuals.reshape(alpha.shape), solution.alpha)

    def predict(self, X: Any, alpha: AnyArray, *, progress: ProgressCallback | None = None) -> AnyArray:
        """f(x) = sum_i k(x, x_i) alpha_i for each row x of X; alpha as in a Solution, of shape (n,) or (n, c).

        The values lie where X does.
        """
        if isinstance(self.placed, InnerProducts):
            raise UsageError(
                "this factor was made from inner products: predict with linear_scores, or cross_products "
                "and kernel_scores, of kernelgen.solvers.streamed, which make the features again"
            )
        alpha = np.asarray(to_host(alpha))
        if alpha.shape[:1] != (self.n_samples,):
            raise UsageError(
                f"alpha of shape {alpha.shape} does not have the {self.n_samples} rows of the factor"
            )
        own = alpha if self.first is None else alpha[self.rows]
        return predict(
            self.placed, self.kernel, own, X, engine=self.engine, threads=self.threads, progress=progress
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write the factor as safetensors: under a temporary name, synced, then renamed."""
        from kernelgen.solvers.factor_file import save_factor

        save_factor(self, path)

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        mmap: bool = True,
        kernel: Kernel | None = None,
        threads: int | None = None,
    ) -> Factor:
        """Read a saved factor, memory-mapped; ``kernel`` is needed where it was a Custom one."""
        from kernelgen.solvers.factor_file import load_factor

        return load_factor(path, mmap=mmap, kernel=kernel, threads=threads)

    # --- the parts of solve ---------------------------------------------------------------------------------------

    @property
    def _module(self) -> Engine:
        return choose(self.engine)

    @property
    def _alpha_dtype(self) -> Any:
        return np.float32 if self.precision == "float32" else np.float64

    def _duplicates(self) -> Duplicates:
        assert self.first is not None
        return Duplicates(self.first, int(np.count_nonzero(self.first != np.arange(self.n_samples))))

    def _precondition(self, R: FloatArray, heartbeat: Heartbeat | None = None) -> FloatArray:
        """(L L^T)^-1 R in the factor's precision, each column scaled to length 1 on the way."""
        sizes = column_norms(R)
        sizes = np.where(sizes > 0, sizes, 1.0)
        B = np.ascontiguousarray(R / sizes, dtype=self.tiles.storage.dtype)
        X = self._module.solve(self.tiles, B, threads=self.threads, heartbeat=heartbeat)
        return X.astype(np.float64) * sizes

    def _direct(
        self, Y: FloatArray, max_iterations: int, progress: ProgressCallback | None
    ) -> FloatArray | None:
        """First solution; None in mixed precision, where conjugate gradients begin at 0 and lose nothing by it."""
        if self.precision == "mixed" and max_iterations > 0:
            return None
        with phase("solve", progress) as heartbeat:
            alpha = self._precondition(Y, heartbeat)
        return alpha.astype(self._alpha_dtype).astype(np.float64)

    def _refine(
        self,
        Y: FloatArray,
        start: FloatArray | None,
        tol: float,
        max_iterations: int,
        progress: ProgressCallback | None,
    ) -> Refined:
        def multiply(P: FloatArray, beat: Heartbeat | None) -> FloatArray:
            product, row_sums = self._module.multiply(
                self.placed,  # type: ignore[arg-type]  # inner products know their engine
                self.kernel,
                P,
                ridge=self.ridge,
                threads=self.threads,
                heartbeat=beat,
            )
            self._norm = float(row_sums.max())
            return product

        with phase("refine", progress) as heartbeat:
            return refine(
                multiply,
                self._precondition,
                Y,
                start=start,
                tol=tol,
                max_iterations=0 if self.precision == "float32" else max_iterations,
                heartbeat=heartbeat,
            )

    def _certify(self, Y: FloatArray, refined: Refined, progress: ProgressCallback | None) -> Certificate:
        if self._inverse_norm is None:
            with phase("certificate", progress) as heartbeat:
                self._inverse_norm = estimate_inverse_norm(
                    lambda R, k: self._precondition(R, share(heartbeat, k, max(5, k + 1))),
                    self.points.n_samples,
                )
        assert self._norm is not None
        row = self.tiles.min_pivot_row
        return certify(
            refined.alpha,
            Y,
            refined.product,
            ridge=self.ridge,
            condition_estimate=self._norm * self._inverse_norm,
            min_pivot=self.tiles.min_pivot,
            min_pivot_row=int(self.rows[row]) if self.first is not None else row,
            factor_precision=str(self.tiles.storage.dtype),
            n_merged_duplicates=self.n_samples - self.points.n_samples,
            preconditioner_jitter=self.jitter,
        )

    def _verdict(self, refined: Refined, certificate: Certificate, tol: float) -> tuple[Status, str]:
        reached = refined.relative_residual
        if self.precision == "float32":
            tol = max(tol, min(10 * EPS32 * certificate.condition_estimate, 1e-2))
        found = f"relative residual {reached:.2e} (largest column), tolerance {tol:.2e}"
        if reached <= tol:
            return Status.SOLVED, f"solved: {found}"
        status = Status.NOT_POSITIVE_DEFINITE if refined.indefinite else Status.NOT_CONVERGED
        how = f"after {refined.iterations} iterations, condition about {certificate.condition_estimate:.1e}"
        return status, f"{status.value}: {found}, {how}; {status.advice(self.precision)}"

    def _expand(self, values: FloatArray, was_1d: bool, *, merged: float | None = None) -> FloatArray:
        """Values of the rows of L on the caller's rows: repeated, or ``merged`` on rows merged into another."""
        if self.first is not None:
            own, full = values, np.zeros((self.n_samples, values.shape[1]))
            full[self.rows] = own
            values = full[self.first] if merged is None else full
        return values[:, 0] if was_1d else values

    def _stats(self, seconds: dict[str, float], iterations: int, peak_bytes: int) -> Stats:
        seconds = {**self.seconds, **seconds}
        seconds["total"] = sum(seconds.values())
        return Stats(
            seconds=seconds,
            iterations=iterations,
            planned_bytes=self.plan.peak_bytes,
            peak_bytes=max(self.peak_bytes, self.held_bytes + peak_bytes),
            engine=self.engine,
            precision=self.precision,
            threads=self.threads,
            tile=self.tiles.tile,
        )


def _binary_units(Y: FloatArray) -> FloatArray:
    """Power of two near the largest entry of each column: division by it is exact, and keeps squares in range."""
    _, exponents = np.frexp(np.abs(Y).max(axis=0))
    units: FloatArray = np.ldexp(1.0, exponents)
    return units
