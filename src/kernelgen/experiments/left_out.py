"""Leave-one-out errors in closed form: what a model without each row says of that row, from one factor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.points import FloatArray
from kernelgen.engines.choose import choose
from kernelgen.estimators.targets import decode_scores, error_rate
from kernelgen.solvers.costs import Phase, factor_dtype
from kernelgen.solvers.factor import Factor
from kernelgen.solvers.plan import Plan
from kernelgen.solvers.progress import ProgressCallback
from kernelgen.solvers.result import Solution

PROBES = 10
"""Columns of the inverse that are solved, to check its diagonal by."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An error rate, and how far the factor is to be trusted with it.

    Attributes
    ----------
    error : float
        Share of rows whose label is missed by the model of all other rows.
    inverse_error : float or None
        Largest relative error found of (K^-1)_ii; None where nothing sharper could be solved.
    """

    error: float
    inverse_error: float | None


def leave_one_out(
    factor: Factor,
    solution: Solution,
    Y: FloatArray,
    classes: NDArray[Any],
    progress: ProgressCallback | None = None,
) -> LeftOut:
    """Decide each label by the model of all other rows: f^{-i}(x_i) = y_i - alpha_i / (K^-1)_ii.

    Parameters
    ----------
    factor : Factor
        Of K + ridge I.
    solution : Solution
        Of the targets `Y`, shape (n, c).

    Notes
    -----
    n^3 / 3 flops, and another solve. A relative error of (K^-1)_ii is one of the row's whole residual, in which its
    label is the largest entry or not: small ones change no label but close calls.
    """
    predicted = Y - factor.leave_one_out(solution, progress=progress)
    error = error_rate(decode_scores(predicted, classes), decode_scores(Y, classes))
    inverse_error = factor.diag_inverse_error(PROBES, progress=progress)
    return LeftOut(error, inverse_error if np.isfinite(inverse_error) else None)


def plan_left_out(plan: Plan) -> Plan:
    """Add the phase "left out", after the refinement: as much work as the factor and the refinement once more."""
    names = [phase.name for phase in plan.phases]
    at = names.index("refine")
    factor, refine = plan.phases[names.index("factor")], plan.phases[at]
    workspace = choose(plan.engine).workspace_bytes(
        plan.n_samples,
        plan.n_features,
        np.float64,
        factor_dtype(plan.precision),
        plan.n_targets,
        plan.threads,
        plan.tile,
        "diag_inverse",
    )
    more = (
        10 * 8 * plan.n_samples * max(0, PROBES - plan.n_targets)
    )  # ten arrays, as refinement holds of the targets
    left_out = Phase(
        "left out",
        refine.bytes + workspace + more,
        factor.flops + refine.flops,
        factor.seconds + refine.seconds,
    )
    peak = max(plan.peak_bytes, left_out.bytes)
    fits = peak <= plan.budget_bytes
    return replace(
        plan,
        phases=(*plan.phases[: at + 1], left_out, *plan.phases[at + 1 :]),
        seconds=plan.seconds + left_out.seconds,
        peak_bytes=peak,
        fits=fits,
        suggestion="no leave-one-out errors" if plan.fits and not fits else plan.suggestion,
    )
