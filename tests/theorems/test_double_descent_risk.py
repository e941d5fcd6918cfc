"""Measured risk of minimum-norm least squares on Gaussian rows matches the formulas of Hastie et al."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import UsageError
from kernelgen.experiments.double_descent import gaussian_curve
from kernelgen.linear.ridgeless_risk import isotropic_risk, misspecified_risk


@pytest.mark.parametrize("see_all", [True, False])
def test_measured_and_formula(see_all: bool) -> None:
    curve = gaussian_curve(100, 30, seed=0, see_all=see_all)
    for point in curve["points"]:
        finite_n = 3 * point["formula"] / 100 / abs(point["ratio"] - 1)  # the limit is for n -> infinity
        assert abs(point["risk"] - point["formula"]) <= 4 * point["standard_error"] + finite_n, point


def test_known_values() -> None:
    """For n > d + 1 isotropic Gaussian rows the variance term is exactly noise^2 d / (n - d - 1)."""
    n, d = 10_000, 5000
    assert isotropic_risk(d / n, signal=3.0, noise=2.0) == pytest.approx(4 * d / (n - d - 1), rel=1e-3)
    assert isotropic_risk(1.0, signal=1.0, noise=0.1) == np.inf
    assert isotropic_risk(1.0, signal=1.0, noise=0.0) == 0.0
    assert isotropic_risk(1e9, signal=2.0, noise=1.0) == pytest.approx(4.0)
    assert misspecified_risk(2.0, signal=1.0, noise=0.5, share=1.0) == isotropic_risk(
        2.0, signal=1.0, noise=0.5
    )


def test_refusals() -> None:
    with pytest.raises(UsageError, match="ratio"):
        isotropic_risk(0.0, signal=1.0, noise=1.0)
    with pytest.raises(UsageError, match="share"):
        misspecified_risk(1.0, signal=1.0, noise=1.0, share=1.5)
