"""What a solver gives back: status, certificate, statistics and the solution itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from kernelgen.arrays.points import AnyArray, FloatArray


class Status(StrEnum):
    """How a solve ended; each member knows what to try next."""

    SOLVED = "solved"
    NOT_POSITIVE_DEFINITE = "not_positive_definite"
    NOT_CONVERGED = "not_converged"

    def advice(self, precision: str) -> str:
        """What a caller who solved in ``precision`` can do about it."""
        if self is Status.SOLVED:
            return "the residual is within its tolerance"
        sharper = "" if precision == "float64" else 'precision="float64", '
        return f"try {sharper}{_ADVICE[self]}"


_ADVICE = {
    Status.NOT_POSITIVE_DEFINITE: (
        "a smaller bandwidth, or a ridge above 0 (another problem, asked for by name)"
    ),
    Status.NOT_CONVERGED: "more iterations, a smaller bandwidth, or a larger tolerance",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """Proof of a solution, in float64 from a regenerated K (with a ridge: of K + ridge I).

    Parameters
    ----------
    max_residual : float
        max |K alpha - Y|.
    relative_residual : float
        |K alpha - Y|_F / |Y|_F.
    min_pivot, min_pivot_row : float, int
        Smallest pivot of the factor, in the factor's precision, and the caller's row it belongs to.
    condition_estimate : float
        |K|_1 times an estimate of |K^-1|_1 from the factor: a lower bound of the condition number in practice sharp
        to a small factor, as far as the factor's own precision can see (not above about 1 / eps).
    rkhs_norm : float
        sqrt(sum_c alpha_c^T K alpha_c), which is sqrt(sum alpha * Y) with ridge 0; nan where the sum is negative.
    train_error : float or None
        Share of training labels missed; filled in by classifiers.
    n_merged_duplicates : int
        Rows merged into an equal earlier row.
    preconditioner_jitter : float
        Added to the diagonal of the preconditioner's matrix, never to the system solved; 0 where none was needed.
    factor_precision : str
        ``"float32"`` or ``"float64"``: the precision of the pivots above.
    """

    max_residual: float
    relative_residual: float
    min_pivot: float
    min_pivot_row: int
    condition_estimate: float
    rkhs_norm: float
    train_error: float | None = None
    n_merged_duplicates: int = 0
    preconditioner_jitter: float = 0.0
    factor_precision: str = "float64"

    def as_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON: values that are not finite become None."""
        return {field.name: _json_value(getattr(self, field.name)) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Stats:
    """What a solve took.

    Parameters
    ----------
    seconds : dict
        Wall time: ``gram``, ``factor``, ``solve``, ``refine`` (certificate included) and ``total``.
    iterations : int
        Conjugate gradient iterations, each one product with K.
    planned_bytes, peak_bytes : int
        Memory above the start of ``factorize``: as planned, and as measured; with engine "cuda" the card's, as its
        pool took it from the driver.
    engine, precision : str
    threads, tile : int
    """

    seconds: dict[str, float]
    iterations: int
    planned_bytes: int
    peak_bytes: int
    engine: str
    precision: str
    threads: int
    tile: int

    def as_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients alpha with K alpha = Y, how well they solve it, and what it took.

    Parameters
    ----------
    alpha : array, shape (n, c) or (n,) as the targets were; float64, or float32 under precision "float32"
        Zero on rows merged into an equal earlier row.
    fitted : float64 array of alpha's shape
        K alpha: the interpolant's values at the training rows, regenerated in float64.
    status : Status
        ``solved``, ``not_positive_definite`` or ``not_converged``; alpha is the best found in every case.
    certificate : Certificate
    stats : Stats
    message : str
        One sentence on the status, with numbers and what to try.
    """

    alpha: AnyArray
    fitted: FloatArray
    status: Status
    certificate: Certificate
    stats: Stats
    message: str


def _json_value(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
