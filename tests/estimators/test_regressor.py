from __future__ import annotations

import numpy as np
import pytest

from kernelgen import KernelRegressor
from kernelgen.errors import ConflictingLabels, UsageError

RNG = np.random.default_rng(83)
X = RNG.normal(size=(60, 3))
Y = RNG.normal(size=(60, 2))


@pytest.mark.parametrize("engine", ["auto", "portable"])
@pytest.mark.parametrize("y", [Y[:, 0], Y, Y[:, :1]], ids=["1d", "two columns", "one column"])
def test_it_passes_through_the_data(y, engine) -> None:
    model = KernelRegressor(engine=engine).fit(X, y)
    assert model.dual_coef_.shape == y.shape
    np.testing.assert_allclose(model.predict(X), y, atol=1e-9)
    assert model.certificate_.train_error is None


def test_columns_are_solved_one_by_one() -> None:
    both = KernelRegressor(bandwidth=1.0).fit(X, Y)
    first = KernelRegressor(bandwidth=1.0).fit(X, Y[:, 0])
    np.testing.assert_allclose(both.predict(X + 0.1)[:, 0], first.predict(X + 0.1), atol=1e-9)


def test_a_ridge_shrinks_the_fit() -> None:
    model = KernelRegressor(bandwidth=1.0, ridge=0.5).fit(X, Y)
    K = np.exp(-0.5 * ((X[:, None] - X[None]) ** 2).sum(axis=2))
    alpha = np.linalg.solve(K + 0.5 * np.eye(60), Y)
    np.testing.assert_allclose(model.dual_coef_, alpha, atol=1e-12)
    np.testing.assert_allclose(model.predict(X), K @ alpha, atol=1e-12)


def test_float32_stays_float32() -> None:
    model = KernelRegressor(precision="float32").fit(X.astype(np.float32), Y)
    assert model.X_fit_.dtype == np.float32
    assert model.predict(X).dtype == np.float32


def test_one_sample_needs_a_bandwidth() -> None:
    with pytest.raises(UsageError, match="1 sample; give bandwidth"):
        KernelRegressor().fit(X[:1], [2.0])
    assert KernelRegressor(bandwidth=1.0).fit(X[:1], [2.0]).predict(X[:1]) == pytest.approx(2.0)


def test_equal_rows() -> None:
    twice = np.vstack([X, X[4]])
    model = KernelRegressor(bandwidth=1.0).fit(twice, np.r_[Y[:, 0], Y[4, 0]])
    assert model.n_merged_duplicates_ == 1
    np.testing.assert_allclose(model.predict(twice)[[4, 60]], Y[4, 0], atol=1e-9)
    with pytest.raises(ConflictingLabels, match="4 and 60"):
        KernelRegressor(bandwidth=1.0).fit(twice, np.r_[Y[:, 0], Y[4, 0] + 1e-9])


def test_a_shift_of_the_data_changes_nothing() -> None:
    near, far = KernelRegressor(bandwidth=1.0).fit(X, Y), KernelRegressor(bandwidth=1.0).fit(X + 1e6, Y)
    np.testing.assert_allclose(far.predict(X + 1e6 + 0.1), near.predict(X + 0.1), atol=1e-6)
