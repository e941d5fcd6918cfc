from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelgen.errors import UsageError
from kernelgen.randomization.corruptions import corrupted_labels, parse_labels, random_labels, true_labels

X = np.empty((2000, 1))
Y = np.random.default_rng(73).choice([3, 5, 8, 9], size=2000, p=[0.7, 0.1, 0.1, 0.1])


def corrupt(probability: float, seed: int = 11) -> np.ndarray:
    return corrupted_labels(X, Y, np.random.default_rng(seed), probability=probability)[1]


@given(st.floats(0, 1), st.integers(0, 2**32))
def test_it_is_pure_and_seeded(probability: float, seed: int) -> None:
    before = Y.copy()
    first, second = corrupt(probability, seed), corrupt(probability, seed)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(Y, before)
    assert first.dtype == Y.dtype
    assert set(first) <= {3, 5, 8, 9}


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_the_share_that_changes_is_p_times_one_minus_one_over_c(probability: float) -> None:
    share = probability * (1 - 1 / 4)
    spread = np.sqrt(share * (1 - share) / len(Y))
    assert abs(np.mean(corrupt(probability) != Y) - share) <= 5 * spread


def test_corruptions_of_one_seed_are_nested() -> None:
    some, more = corrupt(0.3), corrupt(0.6)
    changed = some != Y
    np.testing.assert_array_equal(some[changed], more[changed])


def test_random_is_corrupted_with_probability_one() -> None:
    np.testing.assert_array_equal(random_labels(X, Y, np.random.default_rng(4))[1], corrupt(1.0, seed=4))


def test_true_labels_come_back_untouched() -> None:
    rng = np.random.default_rng(5)
    assert true_labels(X, Y, rng)[1] is Y
    assert rng.random() == np.random.default_rng(5).random()


def test_names() -> None:
    assert parse_labels("true") is true_labels
    assert parse_labels("random") is random_labels
    labels = parse_labels("corrupted:0.3")(X, Y, np.random.default_rng(11))[1]
    np.testing.assert_array_equal(labels, corrupt(0.3))


BAD_NAMES = [
    *("", "wrong", "corrupted", "corrupted:", "corrupted:x"),
    *("corrupted:-0.1", "corrupted:2", "corrupted:nan"),
]


@pytest.mark.parametrize("text", BAD_NAMES)
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"label|P is"):
        parse_labels(text)
