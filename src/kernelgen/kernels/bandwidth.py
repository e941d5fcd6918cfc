"""The default bandwidth: about the distance between neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_positive
from kernelgen.arrays.duplicates import find_duplicates
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import FloatArray, Points, center_of
from kernelgen.errors import UsageError

_COLUMNS = 4096  # rows of the points met at a time
_SAME = 1e-6  # of a row's norm: features that differ by the rounding of float32 are the same


def rule_multiple(bandwidth: float | str) -> float | None:
    """What the rule's distance is multiplied by: 1 for ``"auto"``, X for ``"auto:X"``, None for a number.

    Raises
    ------
    UsageError
        The bandwidth is none of these.

    Examples
    --------
    >>> rule_multiple("auto"), rule_multiple("auto:2.5"), rule_multiple(5.0)
    (1.0, 2.5, None)
    """
    if not isinstance(bandwidth, str):
        check_positive(bandwidth, "bandwidth")
        return None
    rule, colon, multiple = bandwidth.partition(":")
    try:
        if rule == "auto":
            return check_positive(float(multiple) if colon else 1.0, "the multiple of the rule")
    except ValueError:
        pass
    raise UsageError(
        f"bandwidth is a positive number, 'auto', or 'auto:X' with X positive; got {bandwidth!r}"
    )


def nearest_neighbour_bandwidth(points: Points, *, n_rows: int = 1000, seed: int = 0) -> float:
    """Median distance from a row to its nearest distinct neighbour, in the units the kernel sees.

    Parameters
    ----------
    points : Points
        At least two distinct rows.
    n_rows : int
        Rows sampled (without replacement) for the median; each is compared with all rows.
    seed : int
        Of the sample; no sample is drawn where ``n_rows`` covers the points.

    Returns
    -------
    bandwidth : float

    Raises
    ------
    UsageError
        There is no second distinct row to measure a distance to.

    Notes
    -----
    With h the median of the nearest distances, half of the rows have no neighbour within h. In many dimensions
    distances concentrate: most others are far beyond h, the Gaussian kernel's off-diagonal mass stays thin and the
    smallest eigenvalue well above rounding (MNIST: about 1e-2). It does not help against single near duplicates (a
    pair at distance s costs a pivot of about s^2 / h^2), nor in few dimensions with many points, where
    neighbours of neighbours fill every ball: there choose a smaller bandwidth, or the Laplacian kernel.

    Work 2 r n d for r sampled rows; distances come from float64 products (exact for bytes), and each nearest one is
    computed again by subtraction.

    Examples
    --------
    >>> import numpy as np
    >>> nearest_neighbour_bandwidth(Points(np.array([[0.0], [1.0], [3.0], [6.0], [10.0]])))
    2.0
    """
    rows = find_duplicates(points.values).unique_rows
    if len(rows) < 2:
        raise UsageError(
            'bandwidth="auto" measures distances between distinct rows, and there is only one: '
            "give the bandwidth as a number"
        )
    sample = rows
    if len(rows) > n_rows:
        sample = np.sort(np.random.default_rng(seed).choice(rows, n_rows, replace=False))
    nearest = _nearest_rows(center_of(points), sample, rows)
    gaps = points.as_float64(sample) - points.as_float64(nearest)
    return float(np.median(np.linalg.norm(gaps, axis=1)))


def nearest_neighbour_bandwidth_of_products(
    products: InnerProducts, rows: NDArray[np.int64] | None = None, *, n_rows: int = 1000, seed: int = 0
) -> float:
    """The same rule where only inner products are there.

        |x - z|^2 = |x|^2 + |z|^2 - 2 <x, z>

    Parameters
    ----------
    products : InnerProducts
    rows : int64 array or None
        Rows that are distinct, in ascending order; None: all of them are.
    n_rows, seed
        As for :func:`nearest_neighbour_bandwidth`.

    Raises
    ------
    UsageError
        There is one row, or most have the features of another.
    """
    rows = np.arange(products.n_samples) if rows is None else rows
    if len(rows) < 2:
        raise UsageError(
            "bandwidth='auto' needs distances between distinct rows, and there is only one: "
            "give the bandwidth as a number"
        )
    sample = rows if len(rows) <= n_rows else np.random.default_rng(seed).choice(rows, n_rows, replace=False)
    norms = products.squared_norms()
    nearest = np.empty(len(sample))
    for k, row in enumerate(sample):
        squares = norms[row] + norms - 2.0 * products.full_row(row)
        squares[row] = np.inf
        nearest[k] = squares[rows].min()
    distance = float(np.median(np.sqrt(np.maximum(nearest, 0.0))))
    if distance <= _SAME * float(np.sqrt(np.median(norms[sample]))):
        raise UsageError(
            "bandwidth='auto' is the median distance to the nearest neighbour, and it is 0: half of the distinct rows "
            "or more have the features of another. Give the bandwidth as a number, or choose features that tell the "
            "rows apart"
        )
    return distance


def rule_bytes(n_samples: int, n_features: int, *, n_rows: int = 1000) -> int:
    """Bytes that :func:`nearest_neighbour_bandwidth` allocates: its sample, a block of points, their distances."""
    r, c = min(n_samples, n_rows), min(n_samples, _COLUMNS)
    return 8 * (3 * r + 2 * c) * n_features + 3 * 8 * r * c


def _nearest_rows(points: Points, sample: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """For each sampled row the other row nearest to it."""
    x = points.raw_float64(sample)
    best = np.full(len(sample), np.inf)
    nearest = np.zeros(len(sample), dtype=np.int64)
    for start in range(0, len(rows), _COLUMNS):
        columns = rows[start : start + _COLUMNS]
        q = _partial_distances(x, points.raw_float64(columns))
        q[sample[:, None] == columns] = np.inf
        closest = np.argmin(q, axis=1)
        value = q[np.arange(len(sample)), closest]
        nearer = value < best
        best[nearer], nearest[nearer] = value[nearer], columns[closest[nearer]]
    return nearest


def _partial_distances(x: FloatArray, z: FloatArray) -> FloatArray:
    """|z|^2 - 2 <x, z>: the squared distance less |x|^2, which orders neighbours of one x all the same."""
    q: FloatArray = np.einsum("ij,ij->i", z, z) - 2.0 * (x @ z.T)
    return q
