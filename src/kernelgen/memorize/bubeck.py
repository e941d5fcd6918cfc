"""Four units for every d points: Bubeck, Eldan, Lee and Mikulincer (2020), for points in general position.

Take d points S. In general position there is one hyperplane through them, <u, z> = 1, and no other point is
on it; and one v with <v, z_i> = y_i on S. With eps half the smallest distance |<u, z> - 1| of another point
and delta small enough,

    g(z) = (relu(<u + delta v, z> - 1 + eps) - relu(<u, z> - 1 + eps)
          - relu(<u + delta v, z> - 1 - eps) + relu(<u, z> - 1 - eps)) / delta

is <v, z> on the slab around the hyperplane, so y_i on S, and 0 at every other point. The sum over groups of d
fits all labels with 4 ceil(n/d) units: the theorem (Baum's 1988 count n/d for signs, times four for real
labels).

General position is checked, not assumed: a group whose points are dependent, or whose hyperplane meets
another point, is refused. Images, with their constant corners, are not in general position.

Where float64 stops: delta is about eps / max |<v, z>| and the labels come back as differences divided by it,
so the error is about 1e-16 / delta: it grows with n and with the condition of the groups of points. The
certificate measures it.

References
----------
S. Bubeck, R. Eldan, Y. T. Lee, D. Mikulincer, "Network size and size of the weights in memorization with
two-layers neural networks", NeurIPS 2020, arXiv:2006.02855: Baum's construction with 4 ceil(n/d) ReLU units.
"""

from __future__ import annotations

import numpy as np

from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.errors import DataError, UsageError
from kernelgen.memorize.layer import Layer
from kernelgen.memorize.network import ReluNetwork

SINGULAR = 1e-12
TOUCHES = 1e-12
LARGEST_N = 50_000


def build_bubeck(X: AnyArray, Y: FloatArray, *, seed: int = 0) -> ReluNetwork:
    """Fit labels with 4 ceil(n/d) units of one hidden layer.

    Parameters
    ----------
    X : array, shape (n, d)
        In general position: groups of d points are independent, their hyperplanes meet no other point.
    Y : float64 array, shape (n, 1)
    seed : int
        Of the order in which points are grouped.

    Raises
    ------
    UsageError
        More than one output, or more than 50,000 points: every hyperplane is compared with every point.
    DataError
        The points are not in general position; the message names rows.

    Notes
    -----
    n/d systems of d equations: O(n d^2) flops; each hyperplane is compared with all points: 2 n^2 flops.
    """
    if Y.shape[1] != 1:
        raise UsageError(f"builder 'bubeck' fits one label column; got {Y.shape[1]}. Use builder='zhang'")
    n, d = X.shape
    if n > LARGEST_N:
        raise UsageError(f"builder 'bubeck' is for at most {LARGEST_N:,} points; got {n:,}")
    points, y = X.astype(np.float64), Y[:, 0]
    order = np.random.default_rng(seed).permutation(n)
    W, bias, out = [], [], []
    for begin in range(0, n, d):
        rows = order[begin : begin + d]
        u, v = _hyperplane(points, y, rows, order[:begin])
        eps, delta = _slab(points, rows, u, v)
        tilted = u + delta * v
        W += [tilted, u, tilted, u]
        bias += [eps - 1, eps - 1, -eps - 1, -eps - 1]
        out += [1 / delta, -1 / delta, -1 / delta, 1 / delta]
    layers = Layer.from_dense(np.array(W), np.array(bias)), Layer.from_dense(np.array([out]), None)
    return ReluNetwork(layers, None, "bubeck")


def bubeck_units(n: int, d: int) -> int:
    """4 ceil(n/d).

    Examples
    --------
    >>> bubeck_units(1000, 20)
    200
    """
    return 4 * -(-n // d)


def bubeck_formula(n: int, d: int) -> int:
    """Weights and biases: d + 2 for each unit."""
    return bubeck_units(n, d) * (d + 2)


def _hyperplane(
    points: FloatArray, y: FloatArray, rows: AnyArray, others: AnyArray
) -> tuple[FloatArray, FloatArray]:
    """u with <u, z> = 1 on the rows, v with <v, z> = y there; a last, short group is filled with earlier points."""
    d = points.shape[1]
    short = d - len(rows)
    Z = points[rows]
    if short and len(others) >= short:  # hyperplanes that pass between earlier points: those get <u, z> = 2
        Z = np.vstack([Z, points[others[:short]]])
    sigma = np.linalg.svd(Z, compute_uv=False)
    if sigma[-1] <= SINGULAR * sigma[0]:
        listed = ", ".join(str(row) for row in sorted(rows.tolist())[:5])
        raise DataError(
            f"the points are not in general position: rows {listed}{', ...' if len(rows) > 5 else ''} (0-based) are "
            f"linearly dependent to 12 digits, so no one hyperplane goes through {len(rows)} of them. Use "
            "builder='zhang', drop constant features, or another seed"
        )
    ones, labels = np.full(len(Z), 2.0), np.zeros(len(Z))
    ones[: len(rows)], labels[: len(rows)] = 1.0, y[rows]
    if len(Z) == d:
        solution = np.linalg.solve(Z, np.column_stack([ones, labels]))
    else:
        solution = np.linalg.lstsq(Z, np.column_stack([ones, labels]), rcond=None)[0]
    return solution[:, 0], solution[:, 1]


def _slab(points: FloatArray, rows: AnyArray, u: FloatArray, v: FloatArray) -> tuple[float, float]:
    """Half-width eps of the slab around the hyperplane, and the step delta."""
    distance = np.abs(points @ u - 1)
    distance[rows] = np.inf
    nearest = int(np.argmin(distance))
    gap = min(float(distance[nearest]), 1.0)
    if gap <= TOUCHES:
        raise DataError(
            f"the points are not in general position: row {nearest} (0-based) lies on the hyperplane through rows "
            f"{', '.join(str(row) for row in sorted(rows.tolist())[:5])}, ... to 12 digits. Use builder='zhang'"
        )
    reach = float(np.abs(points @ v).max())
    eps = gap / 2
    step = eps / (reach if reach > 0 else 1.0) / 2
    return eps, float(2.0 ** np.floor(np.log2(step)))  # a power of two: dividing by it rounds nothing
