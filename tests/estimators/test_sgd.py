"""SGDLinearRegressor and SGDLinearClassifier: scikit-learn's checks, partial_fit, and what they converge to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from kernelgen import SGDLinearClassifier, SGDLinearRegressor
from kernelgen.errors import DataError, NotConverged, UsageError
from kernelgen.linear.max_margin import max_margin


@parametrize_with_checks(
    [
        SGDLinearRegressor(),
        SGDLinearClassifier(),
        SGDLinearRegressor(fit_intercept=True, momentum=0.5),
        SGDLinearClassifier(loss="logistic", fit_intercept=True, step="1/L", batch=4),
        SGDLinearRegressor(average=False),
    ]
)
def test_estimator_check(estimator: Any, check: Any) -> None:
    check(estimator)


def problem(n: int = 20, d: int = 50, c: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, d)), rng.standard_normal(n if c is None else (n, c))


@pytest.mark.parametrize("c", [None, 3])
def test_the_regressor_is_the_minimum_norm_interpolant(c: int | None) -> None:
    X, y = problem(c=c)
    model = SGDLinearRegressor(epochs=2000).fit(X, y)
    assert model.status_ == "converged"
    assert np.abs(model.coef_.T - np.linalg.pinv(X) @ y).max() < 1e-8
    assert np.abs(model.predict(X) - y).max() < 1e-8
    assert not np.any(model.intercept_)


def test_an_intercept_is_a_feature_that_is_one() -> None:
    X, y = problem(100, 3)
    y = X @ [1.0, 2.0, 3.0] + 5.0
    model = SGDLinearRegressor(fit_intercept=True, epochs=5000, tol=1e-12).fit(X, y)
    reference = LinearRegression().fit(X, y)
    assert np.abs(model.coef_ - reference.coef_).max() < 1e-9
    assert model.intercept_ == pytest.approx(5.0)


def test_partial_fit_is_fit_one_epoch_at_a_time() -> None:
    X, y = problem()
    whole = SGDLinearRegressor(epochs=4, tol=0, momentum=0.3).fit(X, y)
    parts = SGDLinearRegressor(tol=0, momentum=0.3)
    for _ in range(4):
        parts.partial_fit(X, y)
    assert np.array_equal(whole.coef_, parts.coef_)
    assert parts.n_iter_ == 4


def test_warm_start_goes_on() -> None:
    X, y = problem()
    model = SGDLinearRegressor(epochs=2, tol=0, warm_start=True).fit(X, y).fit(X, y)
    assert np.array_equal(model.coef_, SGDLinearRegressor(epochs=4, tol=0).fit(X, y).coef_)
    with pytest.raises(UsageError, match=r"these data 2 output.*warm_start=False"):
        model.fit(X, np.stack([y, y], axis=1))
    with pytest.raises(
        UsageError, match=r"has 1 output\(s\) of 50 feature\(s\), these data 1 .* of 49 .*warm_start"
    ):
        model.fit(X[:, 1:], y)


def test_classes_by_name_and_the_margin() -> None:
    X, y = problem(8, 20)
    labels = np.where(y > 0, "yes", "no")
    square = SGDLinearClassifier(epochs=500).fit(X, labels)
    assert square.score(X, labels) == 1.0
    assert np.abs(square.decision_function(X) - np.sign(y)).max() < 1e-8
    logistic = SGDLinearClassifier(loss="logistic", step=0.5, batch=8, epochs=20_000).fit(X, labels)
    target = max_margin(X, np.sign(y)).weights
    w = logistic.coef_[0] / np.linalg.norm(logistic.coef_)
    assert np.linalg.norm(w - target / np.linalg.norm(target)) < 0.1


def test_partial_fit_of_a_classifier_needs_all_classes() -> None:
    X, y = problem()
    labels = np.digitize(y, [-0.5, 0.5])
    with pytest.raises(UsageError, match="classes"):
        SGDLinearClassifier().partial_fit(X, labels)
    model = SGDLinearClassifier().partial_fit(X[:5], labels[:5], classes=[0, 1, 2])
    model.partial_fit(X[5:], labels[5:])
    assert model.coef_.shape == (3, 50)
    with pytest.raises(DataError, match="not announced"):
        model.partial_fit(X, labels + 1)
    with pytest.raises(UsageError, match="differ"):
        model.partial_fit(X, labels, classes=[0, 1])


def test_a_run_that_diverges_is_an_error_with_a_safe_step() -> None:
    X, y = problem()
    with pytest.raises(NotConverged, match=r"step=[0-9.e-]+ converges"):
        SGDLinearRegressor(step=10.0).fit(X, y)
