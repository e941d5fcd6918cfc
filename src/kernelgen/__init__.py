"""Exact kernel interpolation, memorizing networks and the measures that do not explain generalization.

Start with :class:`KernelClassifier` (scikit-learn conventions) or, one floor below, with :func:`factorize`, which
factors a Gram matrix once and then solves ``K alpha = Y`` for any number of label sets, with a certificate of the
residual in float64. :func:`plan` tells bytes and seconds before anything is allocated. The same job from a shell is
``kernelgen solve``.

Names are loaded when first used, so that ``import kernelgen`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernelgen import errors as errors
    from kernelgen.estimators.classifier import KernelClassifier as KernelClassifier
    from kernelgen.estimators.memorizer import ReLUMemorizerClassifier as ReLUMemorizerClassifier
    from kernelgen.estimators.memorizer import ReLUMemorizerRegressor as ReLUMemorizerRegressor
    from kernelgen.estimators.regressor import KernelRegressor as KernelRegressor
    from kernelgen.estimators.sgd import SGDLinearClassifier as SGDLinearClassifier
    from kernelgen.estimators.sgd import SGDLinearRegressor as SGDLinearRegressor
    from kernelgen.estimators.transformers import GaborFeatures as GaborFeatures
    from kernelgen.estimators.transformers import RandomConvFeatures as RandomConvFeatures
    from kernelgen.estimators.transformers import ScatteringFeatures as ScatteringFeatures
    from kernelgen.estimators.transformers import WaveletFeatures as WaveletFeatures
    from kernelgen.kernels.custom import Custom as Custom
    from kernelgen.kernels.gaussian import Gaussian as Gaussian
    from kernelgen.kernels.laplacian import Laplacian as Laplacian
    from kernelgen.kernels.linear import Linear as Linear
    from kernelgen.kernels.polynomial import Polynomial as Polynomial
    from kernelgen.linear.config import SGDConfig as SGDConfig
    from kernelgen.linear.gradient_path import gradient_flow as gradient_flow
    from kernelgen.linear.gradient_path import ridge_path as ridge_path
    from kernelgen.linear.hessian import hessian as hessian
    from kernelgen.linear.kernel_sgd import kernel_sgd as kernel_sgd
    from kernelgen.linear.max_margin import max_margin as max_margin
    from kernelgen.linear.min_norm import MinimumNorm as MinimumNorm
    from kernelgen.linear.min_norm import minimum_norm as minimum_norm
    from kernelgen.linear.result import SGDResult as SGDResult
    from kernelgen.linear.ridgeless_risk import isotropic_risk as isotropic_risk
    from kernelgen.linear.ridgeless_risk import misspecified_risk as misspecified_risk
    from kernelgen.linear.rows import as_rows as as_rows
    from kernelgen.linear.sgd import sgd as sgd
    from kernelgen.linear.trace import Trace as Trace
    from kernelgen.memorize.build import Memorization as Memorization
    from kernelgen.memorize.build import build_memorizer as build_memorizer
    from kernelgen.memorize.network import ReluNetwork as ReluNetwork
    from kernelgen.solvers.cholesky import Factor as Factor
    from kernelgen.solvers.cholesky import factorize as factorize
    from kernelgen.solvers.plan import Plan as Plan
    from kernelgen.solvers.plan import plan as plan
    from kernelgen.solvers.result import Certificate as Certificate
    from kernelgen.solvers.result import Solution as Solution

__version__ = "0.1.0"

_HOME = {
    # factor once, solve many
    "factorize": "kernelgen.solvers.cholesky",
    "Factor": "kernelgen.solvers.cholesky",
    "plan": "kernelgen.solvers.plan",
    "Plan": "kernelgen.solvers.plan",
    "Solution": "kernelgen.solvers.result",
    "Certificate": "kernelgen.solvers.result",
    # kernels
    "Gaussian": "kernelgen.kernels.gaussian",
    "Laplacian": "kernelgen.kernels.laplacian",
    "Polynomial": "kernelgen.kernels.polynomial",
    "Linear": "kernelgen.kernels.linear",
    "Custom": "kernelgen.kernels.custom",
    # SGD and its limit, the minimum norm
    "sgd": "kernelgen.linear.sgd",
    "SGDConfig": "kernelgen.linear.config",
    "SGDResult": "kernelgen.linear.result",
    "Trace": "kernelgen.linear.trace",
    "as_rows": "kernelgen.linear.rows",
    "minimum_norm": "kernelgen.linear.min_norm",
    "MinimumNorm": "kernelgen.linear.min_norm",
    "max_margin": "kernelgen.linear.max_margin",
    "kernel_sgd": "kernelgen.linear.kernel_sgd",
    "gradient_flow": "kernelgen.linear.gradient_path",
    "ridge_path": "kernelgen.linear.gradient_path",
    "hessian": "kernelgen.linear.hessian",
    "isotropic_risk": "kernelgen.linear.ridgeless_risk",
    "misspecified_risk": "kernelgen.linear.ridgeless_risk",
    # scikit-learn estimators
    "KernelClassifier": "kernelgen.estimators.classifier",
    "KernelRegressor": "kernelgen.estimators.regressor",
    "SGDLinearClassifier": "kernelgen.estimators.sgd",
    "SGDLinearRegressor": "kernelgen.estimators.sgd",
    # scikit-learn transformers
    "GaborFeatures": "kernelgen.estimators.transformers",
    "WaveletFeatures": "kernelgen.estimators.transformers",
    "ScatteringFeatures": "kernelgen.estimators.transformers",
    "RandomConvFeatures": "kernelgen.estimators.transformers",
    "ReLUMemorizerClassifier": "kernelgen.estimators.memorizer",
    "ReLUMemorizerRegressor": "kernelgen.estimators.memorizer",
    # networks that memorize
    "build_memorizer": "kernelgen.memorize.build",
    "Memorization": "kernelgen.memorize.build",
    "ReluNetwork": "kernelgen.memorize.network",
}

__all__ = ["__version__", "errors", *_HOME]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module("kernelgen.errors")
    if name not in _HOME:
        raise AttributeError(f"module 'kernelgen' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
