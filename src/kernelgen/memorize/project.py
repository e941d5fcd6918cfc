"""From points to numbers on a line: x_i = <a, z_i>, streamed over blocks of rows.

The same row gives the same bits, whatever block or thread it falls into: each is summed by one compiled loop.
That is what makes a network fit in the block size of a memory map and be right in any other.

For bytes the direction is made of integers, small enough that every sum is an integer below 2^53: projections
are exact, and so is the test for ties. Real directions are rounded to 26 bits: a product with a float32 value
is then exact, and only sums round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, prange

from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.errors import UsageError
from kernelgen.memorize.double_double import two_product, two_sum

RULES = ("auto", "random", "best", "integer", "principal")
BLOCK_BYTES = 1 << 26
DIRECTION_BITS = 26
INTEGER_BITS = 30
PRINCIPAL_STEPS = 30

BlockProgress = Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """The weights that all units of the first layer share.

    Parameters
    ----------
    a : array, shape (d,)
        float64, or int64 where projections are exact.
    rule : str
        How it was found.
    """

    a: AnyArray
    rule: str

    @property
    def is_exact(self) -> bool:
        """Whether projections of integers are exact."""
        return self.a.dtype == np.int64


def resolve_rule(rule: Any, dtype: np.dtype[Any]) -> str:
    """The rule "auto" stands for: "integer" for bytes, "random" for floating-point numbers."""
    if rule not in RULES:
        raise UsageError(
            f"direction must be one of {', '.join(RULES)} or an array of shape (d,); got {rule!r}"
        )
    if rule == "integer" and dtype != np.uint8:
        raise UsageError(
            f"direction 'integer' is for uint8 points, whose sums are exact; these are {dtype}. Use 'random'"
        )
    if rule == "auto":
        return "integer" if dtype == np.uint8 else "random"
    return str(rule)


def random_direction(d: int, rng: np.random.Generator) -> Direction:
    """Standard normal, rounded to 26 bits."""
    return Direction(round_bits(rng.standard_normal(d)), "random")


def integer_direction(d: int, rng: np.random.Generator) -> Direction:
    """Integers drawn uniformly, as large as sums of d products with bytes below 2^53 allow (30 bits at most)."""
    bits = integer_bits(d)
    a = rng.integers(1, 2**bits, size=d, endpoint=True) * rng.choice([-1, 1], size=d)
    return Direction(a.astype(np.int64), "integer")


def integer_bits(d: int) -> int:
    """Bits of an integer direction: 255 d 2^bits <= 2^53, and at most 30."""
    bits = min(INTEGER_BITS, 53 - (255 * d).bit_length())
    if bits < 1:
        raise UsageError(f"{d} features are too many for exact integer projections; use direction='random'")
    return bits


def best_direction(X: AnyArray, rng: np.random.Generator, *, draws: int) -> Direction:
    """Of `draws` random directions the one with the largest smallest gap between neighbouring projections.

    Notes
    -----
    One pass over X, with 2 n d draws flops; n draws numbers are stored.
    """
    d = X.shape[1]
    A = round_bits(rng.standard_normal((d, draws)))
    projections = np.concatenate([X[rows].astype(np.float64) @ A for rows in row_slices(X)])
    projections.sort(axis=0)
    spread = np.maximum(projections[-1] - projections[0], np.finfo(float).tiny)
    gaps = np.diff(projections, axis=0).min(axis=0, initial=np.inf) / spread
    return Direction(np.ascontiguousarray(A[:, int(np.argmax(gaps))]), "best")


def principal_direction(X: AnyArray, rng: np.random.Generator) -> Direction:
    """The direction of largest variance, by 30 power iterations over blocks of rows; rounded to 26 bits."""
    mean = np.sum([X[rows].sum(axis=0, dtype=np.float64) for rows in row_slices(X)], axis=0) / len(X)
    a: AnyArray = rng.standard_normal((X.shape[1],))
    for _ in range(PRINCIPAL_STEPS):
        a = a / np.linalg.norm(a)
        total: AnyArray = np.zeros(len(a))
        for rows in row_slices(X):
            block = X[rows].astype(np.float64) - mean
            total += block.T @ (block @ a)
        if not np.any(total):  # all points are equal
            break
        a = total
    return Direction(round_bits(a / np.linalg.norm(a)), "principal")


def given_direction(a: Any, dtype: np.dtype[Any], d: int) -> Direction:
    """The caller's own: integers stay integers where the points are bytes and sums stay below 2^53."""
    a = np.asarray(a)
    if a.shape != (d,) or a.dtype.kind not in "iuf" or not np.all(np.isfinite(a)) or not np.any(a):
        raise UsageError(f"a direction must be {d} finite numbers, not all 0; got shape {a.shape}, {a.dtype}")
    if a.dtype.kind in "iu" and dtype == np.uint8:
        if 255 * int(np.abs(a.astype(object)).sum()) >= 2**53:
            raise UsageError("this integer direction is too large: 255 * sum |a_k| must be below 2^53")
        return Direction(a.astype(np.int64), "given")
    return Direction(a.astype(np.float64), "given")


def round_bits(values: FloatArray, bits: int = DIRECTION_BITS) -> FloatArray:
    """Values with mantissas of so many bits."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits))


def project(X: AnyArray, a: AnyArray, *, progress: BlockProgress | None = None) -> AnyArray:
    """<a, z> for each row z of X, shape (n,): int64 and exact for int64 `a` and bytes, else float64.

    Parameters
    ----------
    X : array, shape (n, d)
        May be a memory map: 64 MB of it are touched at a time.
    progress : callable, optional
        Told the fraction done after each block.

    Notes
    -----
    2 n d flops, and X is read once.
    """
    is_exact = a.dtype == np.int64 and X.dtype == np.uint8
    a = a if is_exact else a.astype(np.float64)
    out = np.empty(len(X), dtype=np.int64 if is_exact else np.float64)
    for rows in row_slices(X):
        (_dot_integers if is_exact else _dot)(np.asarray(X[rows]), a, out[rows])
        if progress is not None:
            progress(rows.stop / len(X))
    return out


def project_double_double(X: AnyArray, a: AnyArray) -> tuple[FloatArray, FloatArray]:
    """<a, z> for each row to about 32 digits, as high and low parts."""
    high, low = np.empty(len(X)), np.empty(len(X))
    short = X.dtype != np.float64 and np.array_equal(a, round_bits(a.astype(np.float64)))
    for rows in row_slices(X):
        _dot_double_double(np.asarray(X[rows]), a.astype(np.float64), short, high[rows], low[rows])
    return high, low


def project_exactly(X: AnyArray, a: AnyArray) -> tuple[list[int], int]:
    """Integers p_i and an exponent e with <a, z_i> = p_i 2^-e exactly, for finite floating-point numbers."""
    Z, exponent = as_integers(X)
    direction, direction_exponent = as_integers(a)
    return list(Z @ direction), exponent + direction_exponent


def as_integers(values: AnyArray) -> tuple[AnyArray, int]:
    """Python integers and an exponent e with values = integers * 2^-e exactly."""
    if values.dtype.kind in "iu":
        return values.astype(object), 0
    mantissa, exponent = np.frexp(values.astype(np.float64))
    whole = np.ldexp(mantissa, 53).astype(np.int64).astype(object)
    exponent = np.where(mantissa == 0, exponent.max(initial=0), exponent).astype(np.int64) - 53
    lowest = min(int(exponent.min(initial=0)), 0)
    shifts = (exponent - lowest).astype(object)
    return whole * 2**shifts, -lowest


def row_slices(X: AnyArray) -> Iterator[slice]:
    """Slices of rows of about 64 MB."""
    step = max(1, BLOCK_BYTES // max(1, X.shape[1] * X.dtype.itemsize))
    for start in range(0, len(X), step):
        yield slice(start, min(start + step, len(X)))


@njit(cache=True, parallel=True, fastmath={"reassoc"})
def _dot(X, a, out):  # type: ignore[no-untyped-def]
    for i in prange(X.shape[0]):
        total = 0.0
        for k in range(X.shape[1]):
            total += X[i, k] * a[k]
        out[i] = total


@njit(cache=True, parallel=True)
def _dot_integers(X, a, out):  # type: ignore[no-untyped-def]
    for i in prange(X.shape[0]):
        total = 0
        for k in range(X.shape[1]):
            total += X[i, k] * a[k]
        out[i] = total


@njit(cache=True, parallel=True)
def _dot_double_double(X, a, short, high, low):  # type: ignore[no-untyped-def]
    for i in prange(X.shape[0]):
        total, rest = 0.0, 0.0
        for k in range(X.shape[1]):
            if short:
                total, e = two_sum(total, X[i, k] * a[k])
                rest += e
            else:
                p, f = two_product(float(X[i, k]), a[k])
                total, e = two_sum(total, p)
                rest += e + f
        high[i], low[i] = two_sum(total, rest)
