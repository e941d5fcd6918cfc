"""Double-double arithmetic for compiled loops: a number is the unevaluated sum of two float64, about 32 digits.

    two_sum(a, b):      s + e = a + b       exactly
    two_product(a, b):  p + e = a * b       exactly, while nothing overflows or underflows

References
----------
T. J. Dekker, "A floating-point technique for extending the available precision", Numerische Mathematik 18 (1971).
Y. Hida, X. S. Li, D. H. Bailey, "Algorithms for quad-double precision floating point arithmetic", ARITH-15 (2001).
"""

from __future__ import annotations

from numba import njit

_SPLITTER = 134217729.0  # 2^27 + 1: cuts 53 bits into 26 and 27


@njit(cache=True)
def two_sum(a, b):  # type: ignore[no-untyped-def]
    """Sum and its rounding error (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@njit(cache=True)
def quick_two_sum(a, b):  # type: ignore[no-untyped-def]
    """Sum and its rounding error, for |a| >= |b| or a = 0 (Dekker)."""
    s = a + b
    return s, b - (s - a)


@njit(cache=True)
def two_product(a, b):  # type: ignore[no-untyped-def]
    """Product and its rounding error (Dekker, Veltkamp)."""
    p = a * b
    t = _SPLITTER * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLITTER * b
    b_high = t - (t - b)
    b_low = b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


@njit(cache=True)
def add(a_high, a_low, b_high, b_low):  # type: ignore[no-untyped-def]
    """Sum of two double-doubles; accurate under cancellation."""
    s, e = two_sum(a_high, b_high)
    t, f = two_sum(a_low, b_low)
    s, e = quick_two_sum(s, e + t)
    return quick_two_sum(s, e + f)


@njit(cache=True)
def multiply(a_high, a_low, b_high, b_low):  # type: ignore[no-untyped-def]
    """Product of two double-doubles."""
    p, e = two_product(a_high, b_high)
    return quick_two_sum(p, e + (a_high * b_low + a_low * b_high))
