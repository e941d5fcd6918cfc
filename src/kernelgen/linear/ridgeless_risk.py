"""Risk of minimum-norm least squares in the limit of many rows and features: the line double descent should follow."""

from __future__ import annotations

import numpy as np

from kernelgen.arrays.checks import check_non_negative, check_positive
from kernelgen.errors import UsageError


def isotropic_risk(ratio: float, *, signal: float, noise: float) -> float:
    """Excess risk E <x, w - w*>^2 of the minimum-norm least-squares fit, rows isotropic, as n, d -> infinity.

        ratio = d/n < 1:   noise^2 ratio / (1 - ratio)
        ratio = d/n > 1:   signal^2 (1 - 1/ratio) + noise^2 / (ratio - 1)

    Parameters
    ----------
    ratio : float, positive
        d / n.
    signal : float
        |w*|.
    noise : float
        Standard deviation of the targets around <x, w*>.

    Returns
    -------
    risk : float
        Infinite at ratio 1 with noise.

    References
    ----------
    T. Hastie, A. Montanari, S. Rosset, R. J. Tibshirani, "Surprises in high-dimensional ridgeless least squares
    interpolation", Annals of Statistics 50 (2022), theorem 1, equation (7) of arXiv:1903.08560.

    Examples
    --------
    >>> isotropic_risk(0.5, signal=1.0, noise=1.0), isotropic_risk(2.0, signal=1.0, noise=1.0)
    (1.0, 1.5)
    """
    ratio, signal, noise = _checked(ratio, signal, noise)
    if ratio < 1:
        return noise**2 * ratio / (1 - ratio)
    if ratio == 1:
        return np.inf if noise else 0.0
    return signal**2 * (1 - 1 / ratio) + noise**2 / (ratio - 1)


def misspecified_risk(ratio: float, *, signal: float, noise: float, share: float) -> float:
    """The same where only d of the features are seen and a part 1 - share of the signal's variance is in the others.

    The unseen part acts as noise: noise^2 becomes noise^2 + (1 - share) signal^2, and stays as a floor.

        risk = (1 - share) signal^2 + isotropic_risk(ratio, sqrt(share) signal, sqrt(noise^2 + (1 - share) signal^2))

    References
    ----------
    Hastie et al. 2022, section 5.2, theorem 4 of arXiv:1903.08560 (misspecified model, isotropic features).

    Examples
    --------
    >>> misspecified_risk(0.5, signal=1.0, noise=0.0, share=0.5)
    1.0
    """
    if not 0 <= share <= 1:
        raise UsageError(f"share must be in [0, 1], got {share!r}")
    ratio, signal, noise = _checked(ratio, signal, noise)
    unseen = (1 - share) * signal**2
    return unseen + isotropic_risk(
        ratio, signal=np.sqrt(share) * signal, noise=float(np.sqrt(noise**2 + unseen))
    )


def _checked(ratio: float, signal: float, noise: float) -> tuple[float, float, float]:
    return (
        check_positive(ratio, "ratio"),
        check_non_negative(signal, "signal"),
        check_non_negative(noise, "noise"),
    )
