"""Arrays of a card in, arrays of a card out: with a stand-in for CuPy's that says where it lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernelgen import factorize
from kernelgen.engines.cuda.device import using
from kernelgen.engines.cuda.host import Host
from kernelgen.errors import DataError, UsageError
from kernelgen.kernels.gaussian import Gaussian
from oracles import scattered


class OnCard(np.ndarray):
    """A NumPy array that says it lies on a card; it turns into a host array by `fetch` only."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {"version": 3}


class Card(Host):
    """A host whose uploads are copies that say so, and are counted."""

    def __init__(self) -> None:
        super().__init__(block=96)
        self.uploaded: list[int] = []

    def upload(self, values: np.ndarray) -> np.ndarray:
        if self.owns(values):
            return values
        self.uploaded.append(values.nbytes)
        return np.array(values).view(OnCard)

    def owns(self, array: Any) -> bool:
        return isinstance(array, OnCard)

    def fetch(self, array: np.ndarray) -> np.ndarray:
        return np.array(array)


def on_card(values: np.ndarray) -> OnCard:
    return values.view(OnCard)


def test_a_host_array_is_moved_once_and_that_is_recorded() -> None:
    X, Y = scattered(150, 6, seed=1, dtype="uint8"), np.ones((150, 2))
    with using(Card()) as card:
        factor = factorize(X, Gaussian(1.0), scale=1 / 64, engine="cuda", precision="mixed", tile=48)
        solution = factor.solve(Y)
        assert card.uploaded.count(X.nbytes) == 1
        assert solution.stats.seconds["move"] >= 0
        assert type(solution.alpha) is type(solution.fitted) is np.ndarray
        assert np.abs(factor.predict(X, solution.alpha) - Y).max() < 1e-8
        assert isinstance(factor.points.values, np.ndarray)
        assert not isinstance(factor.points.values, OnCard)


@pytest.mark.parametrize("engine", ["auto", "cuda"])
def test_what_comes_from_a_card_goes_back_to_it(engine: str) -> None:
    X, Y = scattered(150, 6, seed=2), np.ones(150)
    with using(Card()) as card:
        factor = factorize(on_card(X), Gaussian(1.0), engine=engine)
        assert factor.engine == "cuda"
        assert X.nbytes not in card.uploaded  # read where it lies
        assert "move" in factor.seconds
        solution = factor.solve(on_card(Y))
        assert isinstance(solution.alpha, OnCard)
        assert isinstance(solution.fitted, OnCard)
        assert isinstance(factor.leave_one_out(solution), OnCard)
        assert isinstance(factor.predict(on_card(X), solution.alpha), OnCard)
        plain = factor.predict(X, solution.alpha)
        assert not isinstance(plain, OnCard)
        assert np.abs(plain - Y).max() < 1e-8


def test_repeated_rows_of_a_card_are_merged() -> None:
    X = scattered(60, 6, seed=3)
    with using(Card()):
        factor = factorize(on_card(np.concatenate([X, X[:5]])), Gaussian(1.0))
        solution = factor.solve(on_card(np.r_[np.arange(60.0), np.arange(5.0)]))
        assert solution.certificate.n_merged_duplicates == 5
        assert np.abs(solution.fitted[60:] - np.arange(5)).max() < 1e-8


def test_another_engine_cannot_read_a_card() -> None:
    with pytest.raises(UsageError, match=r"the points lie on a CUDA device.*engine=\"portable\""):
        factorize(on_card(scattered(5, 2, seed=4)), Gaussian(1.0), engine="portable")


def test_float16_is_refused_there_too() -> None:
    with using(Card()), pytest.raises(DataError, match="float16"):
        factorize(on_card(scattered(5, 2, seed=5).astype(np.float16)), Gaussian(1.0))


def test_a_factor_of_a_card_is_saved_and_read_again(tmp_path: Any) -> None:
    X, Y = scattered(150, 6, seed=6), np.ones(150)
    with using(Card()):
        factor = factorize(X, Gaussian(1.0), engine="cuda", tile=48)
        expected = factor.solve(Y).alpha
        factor.save(tmp_path / "factor.safetensors")
        again = type(factor).load(tmp_path / "factor.safetensors")
        assert again.engine == "cuda"
        assert np.array_equal(again.solve(Y).alpha, expected)
