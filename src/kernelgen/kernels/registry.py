"""Kernels by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernelgen.errors import UsageError
from kernelgen.kernels.base import Kernel
from kernelgen.kernels.custom import Custom
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.linear import Linear
from kernelgen.kernels.polynomial import Polynomial

KERNELS = ("gaussian", "laplacian", "polynomial", "linear")


def make_kernel(
    kernel: str | Kernel | Callable[[Any], Any],
    *,
    bandwidth: float | None = None,
    degree: int = 3,
    gamma: float = 1.0,
    coef0: float = 0.0,
    normalize: bool = False,
) -> Kernel:
    """A kernel from its name and the parameters it uses; the others are ignored.

    Parameters
    ----------
    kernel : str, Kernel or callable
        One of ``KERNELS``; a Kernel is returned as it is; a function of an array of squared distances becomes a
        :class:`~kernelgen.kernels.custom.Custom`.
    bandwidth : float
        Gaussian and Laplacian.
    degree, gamma, coef0, normalize
        Polynomial.
    """
    if isinstance(kernel, Kernel):
        return kernel
    if kernel in ("gaussian", "laplacian"):
        if bandwidth is None or isinstance(bandwidth, str):
            raise UsageError(f"kernel={kernel!r} needs a bandwidth, a positive number; got {bandwidth!r}")
        return Gaussian(bandwidth) if kernel == "gaussian" else Laplacian(bandwidth)
    if kernel == "polynomial":
        return Polynomial(degree, gamma, coef0, normalize)
    if kernel == "linear":
        return Linear()
    if callable(kernel):
        return Custom(kernel)
    raise UsageError(
        f"kernel must be one of {', '.join(map(repr, KERNELS))}, a Kernel or a callable; got {kernel!r}"
    )


def kernel_from_description(description: dict[str, Any]) -> Kernel:
    """The kernel whose ``describe()`` gave this; not for Custom, whose function is not in it."""
    parameters = dict(description)
    name = parameters.pop("name", None)
    if name not in KERNELS:
        raise UsageError(f"a kernel named {name!r} cannot be made from its description")
    return make_kernel(name, **parameters)
