from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kernelgen import Gaussian, KernelClassifier, Polynomial
from kernelgen.errors import (
    BudgetExceeded,
    ConflictingLabels,
    DataError,
    NotConverged,
    NotPositiveDefinite,
    UsageError,
)
from kernelgen.estimators.model import check_solved
from kernelgen.solvers.result import Status


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.uint8)
    return X[:400], y[:400], X[400:600], y[400:600]


@pytest.mark.parametrize("engine", ["auto", "portable"])
def test_it_interpolates_digits_and_proves_it(digits, engine) -> None:
    X, y, X_test, y_test = digits
    model = KernelClassifier(scale=1 / 16, engine=engine).fit(X, y)
    assert model.status_ == Status.SOLVED
    assert model.certificate_.train_error == 0.0
    assert model.certificate_.relative_residual < 1e-12
    assert model.solution_.certificate is model.certificate_
    assert model.score(X, y) == 1.0
    assert model.score(X_test, y_test) > 0.85
    assert model.dual_coef_.shape == (400, 10)
    assert not hasattr(model, "factor_")


def test_alpha_is_that_of_a_dense_solve(digits) -> None:
    X, y, *_ = digits
    model = KernelClassifier(bandwidth=1.1, scale=1 / 16).fit(X, y)
    x = X / 16
    K = np.exp(-0.5 * ((x[:, None] - x[None]) ** 2).sum(axis=2) / 1.1**2)
    alpha = np.linalg.solve(K, np.eye(10)[y])
    np.testing.assert_allclose(model.dual_coef_, alpha, atol=1e-12 * np.linalg.cond(K))


def test_bytes_stay_bytes(digits) -> None:
    X, y, X_test, _ = digits
    model = KernelClassifier(scale=1 / 16).fit(X, y)
    assert model.X_fit_.dtype == np.uint8
    assert np.shares_memory(model.X_fit_, X)
    np.testing.assert_array_equal(model.predict(X_test), model.predict(X_test.astype(float)))


def test_scale_and_auto_bandwidth_go_together(digits) -> None:
    X, y, *_ = digits
    raw, scaled = KernelClassifier().fit(X, y), KernelClassifier(scale=1 / 16).fit(X, y)
    assert raw.bandwidth_ == pytest.approx(16 * scaled.bandwidth_)
    np.testing.assert_allclose(raw.dual_coef_, scaled.dual_coef_, rtol=1e-8, atol=1e-10)


def test_two_classes_give_one_column(digits) -> None:
    X, y, X_test, _ = digits
    model = KernelClassifier(scale=1 / 16).fit(X, np.where(y > 4, "high", "low"))
    scores = model.decision_function(X_test)
    assert scores.shape == (len(X_test),)
    np.testing.assert_array_equal(model.predict(X_test), np.where(scores > 0, "low", "high"))


@pytest.mark.parametrize(
    "kernel",
    ["laplacian", Gaussian(bandwidth=1.0), Polynomial(degree=4, normalize=True), lambda q: np.exp(-q / 4)],
)
def test_other_kernels(digits, kernel) -> None:
    X, y, X_test, y_test = digits
    model = KernelClassifier(kernel, scale=1 / 16).fit(X, y)
    assert model.score(X, y) == 1.0
    assert model.score(X_test, y_test) > 0.85
    assert (model.bandwidth_ is None) == (model.kernel_.name in ("polynomial", "custom"))


def test_factor_is_kept_when_asked(digits) -> None:
    X, y, *_ = digits
    model = KernelClassifier(scale=1 / 16, keep_factor=True).fit(X, y)
    assert model.factor_.leave_one_out(model.solution_).shape == (400, 10)


def test_pipeline_grid_and_clone(digits) -> None:
    X, y, *_ = digits
    pipeline = make_pipeline(StandardScaler(), KernelClassifier()).set_output(transform="pandas")
    grid = GridSearchCV(pipeline, {"kernelclassifier__bandwidth": ["auto", 4.0]}, cv=2).fit(X, y)
    assert grid.best_score_ > 0.85
    assert list(grid.best_estimator_[-1].feature_names_in_[:2]) == ["x0", "x1"]
    model = KernelClassifier("polynomial", degree=5, ridge=0.1)
    assert clone(model).get_params() == model.get_params()


def test_pandas_in(digits) -> None:
    X, y, X_test, _ = digits
    frame = pd.DataFrame(X).add_prefix("p")
    model = KernelClassifier(scale=1 / 16).fit(frame, pd.Series(y))
    assert model.X_fit_.dtype == np.uint8
    assert model.feature_names_in_[0] == "p0"
    plain = KernelClassifier(scale=1 / 16).fit(X, y)
    np.testing.assert_array_equal(model.predict(pd.DataFrame(X_test).add_prefix("p")), plain.predict(X_test))


def test_progress_is_reported(digits) -> None:
    X, y, *_ = digits
    phases = []
    report = lambda p: phases.append(p.phase)  # noqa: E731
    KernelClassifier(scale=1 / 16, engine="portable", progress=report).fit(X, y)
    assert "factor" in phases


def test_one_class_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="two classes; y has one class, 'cat', in all 3"):
        KernelClassifier().fit([[0.0], [1.0], [2.0]], ["cat"] * 3)


def test_merged_duplicates_are_recorded(digits) -> None:
    X, y, X_test, _ = digits
    plain = KernelClassifier(bandwidth=1.0, scale=1 / 16).fit(X, y)
    model = KernelClassifier(bandwidth=1.0, scale=1 / 16).fit(np.vstack([X, X[:3]]), np.r_[y, y[:3]])
    assert (plain.n_merged_duplicates_, model.n_merged_duplicates_) == (0, 3)
    assert model.dual_coef_.shape == (403, 10)
    np.testing.assert_array_equal(model.dual_coef_[400:], 0)
    np.testing.assert_allclose(model.decision_function(X_test), plain.decision_function(X_test), atol=1e-9)
    assert model.certificate_.train_error == 0.0


def test_conflicting_labels_are_named_unless_a_ridge_is_asked_for(digits) -> None:
    X, y, *_ = digits
    X, y = np.vstack([X, X[7:8]]), np.r_[y, (y[7] + 1) % 10]
    with pytest.raises(ConflictingLabels, match="7 and 400") as caught:
        KernelClassifier(scale=1 / 16).fit(X, y)
    assert caught.value.pairs == ((7, 400),)
    model = KernelClassifier(scale=1 / 16, ridge=1e-3).fit(X, y)
    assert model.certificate_.train_error > 0


def test_too_many_rows_for_a_linear_kernel_is_an_error(digits) -> None:
    X, y, *_ = digits
    with pytest.raises(NotPositiveDefinite, match="rank at most 64"):
        KernelClassifier("linear").fit(X, y)


def test_a_huge_bandwidth_names_the_row_and_what_to_try(digits) -> None:
    X, y, *_ = digits
    with pytest.raises(NotPositiveDefinite, match="smaller bandwidth") as caught:
        KernelClassifier(bandwidth=1e9, scale=1 / 16).fit(X, y)
    assert 0 <= caught.value.row < len(X)


@pytest.mark.parametrize("bandwidth", [-1.0, 0.0, np.nan, "wide"])
def test_a_bandwidth_that_is_none(bandwidth) -> None:
    with pytest.raises(UsageError, match="bandwidth"):
        KernelClassifier(bandwidth=bandwidth).fit([[0.0], [1.0]], [0, 1])


def test_over_budget_is_refused(digits) -> None:
    X, y, *_ = digits
    with pytest.raises(BudgetExceeded):
        KernelClassifier(memory_budget="100kB").fit(X, y)


def test_equal_rows_leave_no_bandwidth_to_choose() -> None:
    with pytest.raises((ConflictingLabels, UsageError), match="row"):
        KernelClassifier().fit(np.ones((3, 2)), [0, 1, 0])


def test_statuses_become_errors(digits) -> None:
    from dataclasses import replace

    X, y, *_ = digits
    solution = KernelClassifier(scale=1 / 16).fit(X, y).solution_
    assert check_solved(solution) is solution
    with pytest.raises(NotConverged, match="try this"):
        check_solved(replace(solution, status=Status.NOT_CONVERGED, message="try this"))
    with pytest.raises(NotPositiveDefinite, match="try that"):
        check_solved(replace(solution, status=Status.NOT_POSITIVE_DEFINITE, message="try that"))


def test_wrong_width_and_nan_are_value_errors(digits) -> None:
    X, y, *_ = digits
    model = KernelClassifier(scale=1 / 16).fit(X, y)
    with pytest.raises(ValueError, match="64 features"):
        model.predict(X[:, :63])
    with pytest.raises(ValueError, match="NaN"):
        KernelClassifier().fit(np.where(X == 5, np.nan, X), y)
    assert issubclass(DataError, ValueError)
