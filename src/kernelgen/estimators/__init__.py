"""Kernel interpolation with scikit-learn's conventions: :class:`KernelClassifier`, :class:`KernelRegressor`.

The two fit their training data exactly (``ridge=0.0``), go into pipelines, grids and ``clone`` like any
estimator, and keep what proves the fit: ``certificate_`` and ``solution_``. There is no algorithm here; the
floor below solves. :class:`GaborFeatures`, :class:`WaveletFeatures`, :class:`ScatteringFeatures` and
:class:`RandomConvFeatures` are transformers of images; :class:`ReLUMemorizerClassifier` and
:class:`ReLUMemorizerRegressor` are networks that fit their training set by construction.
:class:`~kernelgen.estimators.model.Model` is a fitted interpolant on its own, and
:mod:`~kernelgen.estimators.model_file` writes and reads it; neither needs scikit-learn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernelgen.estimators.classifier import KernelClassifier as KernelClassifier
    from kernelgen.estimators.memorizer import ReLUMemorizerClassifier as ReLUMemorizerClassifier
    from kernelgen.estimators.memorizer import ReLUMemorizerRegressor as ReLUMemorizerRegressor
    from kernelgen.estimators.regressor import KernelRegressor as KernelRegressor
    from kernelgen.estimators.transformers import GaborFeatures as GaborFeatures
    from kernelgen.estimators.transformers import RandomConvFeatures as RandomConvFeatures
    from kernelgen.estimators.transformers import ScatteringFeatures as ScatteringFeatures
    from kernelgen.estimators.transformers import WaveletFeatures as WaveletFeatures

_HOME = {
    "KernelClassifier": "kernelgen.estimators.classifier",
    "KernelRegressor": "kernelgen.estimators.regressor",
    "GaborFeatures": "kernelgen.estimators.transformers",
    "RandomConvFeatures": "kernelgen.estimators.transformers",
    "ReLUMemorizerClassifier": "kernelgen.estimators.memorizer",
    "ReLUMemorizerRegressor": "kernelgen.estimators.memorizer",
    "ScatteringFeatures": "kernelgen.estimators.transformers",
    "WaveletFeatures": "kernelgen.estimators.transformers",
}

__all__ = [
    "GaborFeatures",
    "KernelClassifier",
    "KernelRegressor",
    "RandomConvFeatures",
    "ReLUMemorizerClassifier",
    "ReLUMemorizerRegressor",
    "ScatteringFeatures",
    "WaveletFeatures",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'kernelgen.estimators' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
