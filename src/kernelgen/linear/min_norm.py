"""The reference: the minimum-norm interpolant, or least-squares solution, through the exact solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from kernelgen.arrays.checks import check_points, check_targets
from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.errors import NotPositiveDefinite
from kernelgen.kernels.linear import Linear
from kernelgen.linear.row_space import RowSpace, direct_solve
from kernelgen.solvers.certificate import estimate_inverse_norm
from kernelgen.solvers.cholesky import Factor, factorize

EPS = float(np.finfo(np.float64).eps)
LARGEST_CONDITION = (
    1e13  # of the Gram matrix, beyond which Cholesky cannot tell full rank from rank deficient
)


@dataclass(frozen=True, slots=True, eq=False)
class MinimumNorm:
    """w = w_0 + X^+ (y - X w_0): of all least-squares solutions the one nearest to w_0.

    Parameters
    ----------
    weights : float64 array, shape (d,) or (d, c) as the targets were
    norm : float
        |W|_F.
    rank : int
        Of X, as decided.
    rank_rule : str
        How: which pivots or singular values were kept, and how far the smallest is from the threshold.
    relative_residual : float
        |X W - Y|_F / |Y|_F: at rounding level where the targets can be interpolated, else the least-squares residual.
    interpolates : bool
        Whether every target is met, to within what the condition of X allows.
    condition : float
        Estimate of |X| |X^+|.
    method : {"cholesky", "normal equations", "svd"}
    row_space : RowSpace
        Projects onto span{x_i}.
    """

    weights: FloatArray
    norm: float
    rank: int
    rank_rule: str
    relative_residual: float
    interpolates: bool
    condition: float
    method: str
    row_space: RowSpace

    @property
    def message(self) -> str:
        """One sentence on what SGD can and cannot reach."""
        if self.interpolates:
            return (
                f"rank {self.rank}: X w = y has solutions; SGD from w_0 converges to the one nearest to w_0"
            )
        return (
            f"rank {self.rank}: no w fits all targets, and the least-squares residual is {self.relative_residual:.3e} "
            "of |Y|. Full-batch gradient descent converges to the least-squares solution nearest to w_0; SGD with a "
            "constant step keeps moving around it at a distance that grows with the step (its average is near it), and "
            'with step="kaczmarz" around the solution of the problem whose rows are divided by their lengths'
        )


def minimum_norm(X: Any, Y: Any, *, start: Any = None, threads: int | None = None) -> MinimumNorm:
    """Solve for the point that SGD from ``start`` converges to.

        n <= d:  w = X^T alpha,  X X^T alpha = y         n > d:  X^T X w = X^T y

    Parameters
    ----------
    X : array, shape (n, d)
    Y : array, shape (n,) or (n, c)
    start : array, shape (d,) or (d, c), optional
        w_0, 0 by default.
    threads : int, optional

    Returns
    -------
    MinimumNorm

    Raises
    ------
    DataError
        Shapes that do not match, or values that are not finite.

    Notes
    -----
    The smaller of the two Gram matrices is factored by the tile Cholesky in float64 and refined; its condition is that
    of X squared. Where a pivot is not positive, or the condition estimate is above 1e13, the rank is decided by the
    singular values of X instead: those above max(n, d) eps sigma_1 count. Rows of zeros are left out, and rows that
    repeat another add nothing to the rank. n^3/3 + n^2 d flops for n <= d; the SVD about 10 times that.

    References
    ----------
    G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed., sections 5.5 and 5.3 (normal equations).

    Examples
    --------
    >>> found = minimum_norm([[3.0, 4.0]], [5.0])
    >>> found.weights.round(12).tolist(), found.rank, found.interpolates
    ([0.6, 0.8], 1, True)
    """
    points = check_points(X)
    A: FloatArray = points.as_float64(slice(None))
    targets, was_1d = check_targets(Y, points.n_samples)
    offset = np.zeros((A.shape[1], targets.shape[1]))
    if start is not None:
        offset += np.asarray(start, dtype=np.float64).reshape(A.shape[1], -1)
    wanted = targets - A @ offset
    space = _factored(A, threads) or _decomposed(A)
    W = offset + space.least_squares(A, wanted)
    misfit = float(np.linalg.norm(A @ W - targets))
    size = float(np.linalg.norm(targets)) or 1.0
    rounding = 32 * EPS * max(A.shape) * space.condition * max(size, float(np.linalg.norm(wanted)))
    return MinimumNorm(
        weights=W[:, 0] if was_1d else W,
        norm=float(np.linalg.norm(W)),
        rank=space.rank,
        rank_rule=space.rule,
        relative_residual=misfit / size,
        interpolates=misfit <= max(rounding, 1e-10 * size * (space.rank == len(A))),
        condition=space.condition,
        method=space.method,
        row_space=space,
    )


def _factored(A: FloatArray, threads: int | None) -> RowSpace | None:
    """The row space from a Cholesky factor of the smaller Gram matrix; None where that cannot vouch for full rank."""
    n, d = A.shape
    wide = n <= d
    used = np.flatnonzero(A.any(axis=1)) if wide else np.arange(n)
    source: AnyArray = A[used] if wide else np.ascontiguousarray(A.T)
    if not len(used) or not source.any(axis=1).all():
        return None
    try:
        factor: Factor = factorize(source, Linear(), precision="float64", threads=threads)
        if factor.first is not None:
            return None  # repeated rows: the singular values tell the rank and what their targets allow
    except NotPositiveDefinite:
        return None
    condition = _condition(source, factor)
    if not condition <= LARGEST_CONDITION:
        return None
    rule = (
        f"full rank {len(source)}: every pivot of {'X X^T' if wide else 'X^T X'} is positive in float64, the smallest "
        f"{factor.tiles.min_pivot:.3g}, and its condition is about {condition:.1e} <= {LARGEST_CONDITION:.0e}"
    )
    return RowSpace(
        method="cholesky" if wide else "normal equations",
        rank=len(source),
        rule=rule,
        condition=float(np.sqrt(condition)),
        rows=source if wide else None,
        factor=factor,
        used=used,
    )


def _condition(source: FloatArray, factor: Factor) -> float:
    """|K|_2, by power iteration, times an estimate of |K^-1|_1 >= |K^-1|_2."""
    v = np.ones(len(source))
    top = 0.0
    for _ in range(20):
        image = source @ (source.T @ v)
        top = float(np.linalg.norm(image))
        v = image / top
    return top * estimate_inverse_norm(lambda R, _: direct_solve(factor, R), len(source))


def _decomposed(A: FloatArray) -> RowSpace:
    """The row space from singular values."""
    U, s, V = scipy.linalg.svd(A, full_matrices=False, check_finite=False)
    threshold = max(A.shape) * EPS * float(s[0])
    rank = int(np.count_nonzero(s > threshold))
    smallest = float(s[rank - 1]) if rank else 0.0
    following = f", the next is {s[rank]:.3g}" if rank < len(s) else ""
    rule = (
        f"rank {rank} of at most {len(s)}: singular values above max(n, d) eps sigma_1 = {threshold:.3g} count; the "
        f"smallest kept is {smallest:.3g}{following}"
    )
    return RowSpace(
        method="svd",
        rank=rank,
        rule=rule,
        condition=float(s[0]) / smallest if rank else 1.0,
        left=U[:, :rank],
        values=s[:rank],
        right=V[:rank],
    )
