"""Leave-one-out errors in closed form: what a model without each row says of that row, from one factor."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from kernelgen.arrays.points import FloatArray
from kernelgen.estimators.targets import decode_scores, error_rate
from kernelgen.solvers.factor import Factor
from kernelgen.solvers.progress import ProgressCallback
from kernelgen.solvers.result import Solution


def leave_one_out_error(
    factor: Factor,
    solution: Solution,
    Y: FloatArray,
    classes: NDArray[Any],
    progress: ProgressCallback | None = None,
) -> float:
    """Share of rows whose label is missed by the model of all other rows: f^{-i}(x_i) = y_i - alpha_i / (K^-1)_ii.

    Parameters
    ----------
    factor : Factor
        Of K + ridge I.
    solution : Solution
        Of the targets `Y`, shape (n, c).

    Notes
    -----
    n^3 / 3 flops; see :meth:`kernelgen.solvers.factor.Factor.leave_one_out` for its accuracy.
    """
    predicted = Y - factor.leave_one_out(solution, progress=progress)
    return error_rate(decode_scores(predicted, classes), decode_scores(Y, classes))
