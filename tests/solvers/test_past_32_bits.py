"""n = 46,341 is where n^2 passes 2^31 and 32-bit sizes break; the certificate shares no index with the factor."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen import Gaussian, factorize


@pytest.mark.slow
@pytest.mark.parametrize("n", [46_340, 46_341, 47_104])
def test_both_sides_of_2_to_the_31_are_solved(n: int) -> None:
    rng = np.random.default_rng(n)
    X = rng.integers(0, 256, (n, 64)).astype(np.uint8)
    solution = factorize(X, Gaussian(bandwidth=1.5), scale=1 / 255, precision="mixed").solve(
        rng.standard_normal((n, 4))
    )
    assert solution.status == "solved", solution.message
    assert solution.certificate.relative_residual <= 1e-10
