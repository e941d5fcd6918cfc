from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kernelgen import ReLUMemorizerClassifier, ReLUMemorizerRegressor
from kernelgen.errors import ConflictingLabels, DataError, UsageError

BUILDERS = [{}, {"depth": 20}, {"builder": "yun"}, {"builder": "bubeck"}, {"direction": "best"}]


def cloud(n: int = 150, d: int = 6) -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, d)), rng


@pytest.mark.parametrize("options", BUILDERS, ids=str)
def test_random_classes_are_fitted(options: dict) -> None:
    X, rng = cloud()
    y = rng.choice(["ash", "beech", "cedar"], 150)
    model = ReLUMemorizerClassifier(**options).fit(X, y)
    assert model.score(X, y) == 1.0
    assert model.certificate_.label_errors == 0
    assert set(model.predict(100 * X)) <= {"ash", "beech", "cedar"}


def test_bytes_are_fitted_exactly_and_by_bit_extraction() -> None:
    X, y = load_digits(return_X_y=True)
    X, y = X[:200].astype(np.uint8), np.random.default_rng(0).permutation(y[:200])
    exact = ReLUMemorizerClassifier().fit(X, y)
    assert (exact.certificate_.exact, exact.certificate_.max_residual, exact.score(X, y)) == (True, 0.0, 1.0)
    assert ReLUMemorizerClassifier(builder="vardi").fit(X, y).score(X, y) == 1.0


@pytest.mark.parametrize("n_outputs", [None, 1, 3])
@pytest.mark.parametrize("depth", [None, 9])
def test_targets_are_fitted_in_their_shape(n_outputs: int | None, depth: int | None) -> None:
    X, rng = cloud()
    Y = rng.standard_normal(150 if n_outputs is None else (150, n_outputs))
    model = ReLUMemorizerRegressor(depth).fit(X, Y)
    assert model.predict(X).shape == Y.shape
    assert np.abs(model.predict(X) - Y).max() < 1e-8
    if depth:
        far = model.predict(1000 * rng.standard_normal((200, 6)))
        assert Y.min() - 1e-8 <= far.min()
        assert far.max() <= Y.max() + 1e-8


def test_errors_are_those_of_the_floor_below() -> None:
    X, rng = cloud()
    with pytest.raises(UsageError, match="depth"):
        ReLUMemorizerClassifier(depth=151).fit(X, rng.integers(0, 2, 150))
    fresh = X.copy()
    X[7] = X[3]
    with pytest.raises(ConflictingLabels, match="rows 3 and 7"):
        ReLUMemorizerRegressor().fit(X, np.arange(150.0))
    with pytest.raises(ValueError, match="inconsistent numbers"):
        ReLUMemorizerRegressor().fit(X, np.arange(149.0))
    with pytest.raises(ValueError, match="infinity"):
        ReLUMemorizerRegressor().fit(np.where(X[0, 0] == X, np.inf, X), np.arange(150.0))
    with pytest.raises(DataError, match="general position"):
        ReLUMemorizerRegressor(builder="bubeck").fit(np.hstack([fresh, fresh]), np.arange(150.0))


def test_pipelines_and_clones() -> None:
    X, rng = cloud()
    y = rng.integers(0, 3, 150)
    model = make_pipeline(StandardScaler(), ReLUMemorizerClassifier(depth=12, random_state=3))
    assert clone(model).fit(X, y).score(X, y) == 1.0


def test_random_state() -> None:
    X, rng = cloud()
    y = rng.integers(0, 3, 150)

    def direction(state) -> list[float]:
        return ReLUMemorizerClassifier(random_state=state).fit(X, y).network_.direction.tolist()

    assert direction(1) == direction(1) != direction(2)
    assert direction(np.random.RandomState(5)) == direction(np.random.RandomState(5))
    assert direction(None)
