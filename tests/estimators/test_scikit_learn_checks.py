"""scikit-learn's own checks of an estimator: all of them, none skipped by us."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from kernelgen import KernelClassifier, KernelRegressor, ReLUMemorizerClassifier, ReLUMemorizerRegressor

ESTIMATORS = [
    KernelClassifier(),
    KernelRegressor(),
    KernelClassifier(engine="portable"),
    KernelRegressor(engine="portable"),
    KernelClassifier(kernel="laplacian", precision="mixed"),
    KernelRegressor(kernel="laplacian", ridge=1e-3),
    ReLUMemorizerClassifier(),
    ReLUMemorizerRegressor(),
    ReLUMemorizerClassifier(builder="yun"),
    ReLUMemorizerRegressor(direction="best"),
]


@parametrize_with_checks(ESTIMATORS)
def test_estimator_check(estimator: Any, check: Any) -> None:
    check(estimator)
