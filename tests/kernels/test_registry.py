"""Kernels by name, and back from their description."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import UsageError
from kernelgen.kernels.custom import Custom
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.linear import Linear
from kernelgen.kernels.polynomial import Polynomial
from kernelgen.kernels.registry import kernel_from_description, make_kernel


def test_names_take_the_parameters_they_use() -> None:
    given = {"bandwidth": 2.0, "degree": 4, "gamma": 0.5, "coef0": 1.0, "normalize": True}
    assert make_kernel("gaussian", **given) == Gaussian(2.0)
    assert make_kernel("laplacian", **given) == Laplacian(2.0)
    assert make_kernel("polynomial", **given) == Polynomial(4, 0.5, 1.0, True)
    assert make_kernel("linear", **given) == Linear()
    assert make_kernel(np.exp) == Custom(np.exp)
    kernel = Gaussian(3.0)
    assert make_kernel(kernel) is kernel


@pytest.mark.parametrize(
    "kernel", [Gaussian(2.0), Laplacian(0.5), Polynomial(2, 1.5, 1.0, True), Linear()], ids=str
)
def test_descriptions_lead_back(kernel: Gaussian) -> None:
    assert kernel_from_description(kernel.describe()) == kernel


def test_refusals() -> None:
    with pytest.raises(UsageError, match="bandwidth"):
        make_kernel("gaussian")
    with pytest.raises(UsageError, match="'rbf'"):
        make_kernel("rbf", bandwidth=1.0)
    with pytest.raises(UsageError, match="custom"):
        kernel_from_description(Custom(np.exp).describe())
