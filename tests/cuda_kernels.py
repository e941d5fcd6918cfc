"""Every instantiation of the CUDA engine's kernel, for tests that compile it and that run it on the host."""

from __future__ import annotations

import itertools

from kernelgen.engines.cuda.card import kernel_name
from kernelgen.kernels.custom import Custom
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.linear import Linear
from kernelgen.kernels.polynomial import Polynomial

KERNELS = [
    Gaussian(1.5),
    Laplacian(2.0),
    Polynomial(3, gamma=0.5, coef0=1.0),
    Polynomial(4, normalize=True),
    Linear(),
    Custom(lambda q: 1 / (1 + q)),
    Custom(lambda q: 1 / (1 + q), of="distance"),
    Custom(lambda q: q + 1, of="product"),
]
TYPES = [("float32", "float32"), ("float64", "float64"), ("float32", "int32"), ("float64", "int32")]


def name_of(kernel, K, products) -> str:
    """The instantiation a kernel and two dtypes need."""
    return kernel_name("quantity" if kernel.name == "custom" else kernel.name, kernel.of, K, products)


NAMES = sorted({name_of(kernel, *types) for kernel, types in itertools.product(KERNELS, TYPES)})
