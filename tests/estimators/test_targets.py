from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import DataError
from kernelgen.estimators.targets import decode_scores, encode_known, encode_labels, error_rate


@pytest.mark.parametrize("labels", [[3, 1, 2, 1], ["b", "a", "b"], [True, False], [-1.0, 1.0, -1.0]])
def test_decode_inverts_encode(labels: list) -> None:
    y = np.array(labels)
    classes, Y = encode_labels(y)
    np.testing.assert_array_equal(decode_scores(Y, classes), y)
    assert Y.shape == (len(y), 1 if len(classes) == 2 else len(classes))
    np.testing.assert_array_equal(encode_known(y, classes), Y)
    np.testing.assert_array_equal(encode_known(y[:1], classes), Y[:1])


@pytest.mark.parametrize("label", ["a", "bb", "d"])
def test_a_label_that_is_no_class_is_named(label: str) -> None:
    with pytest.raises(DataError, match=f"not announced: .*'{label}'"):
        encode_known(np.array(["b", label]), np.array(["b", "c"]))


def test_two_columns_and_one_give_the_same_decision() -> None:
    rng = np.random.default_rng(31)
    K = np.exp(-0.5 * np.subtract.outer(rng.normal(size=30), rng.normal(size=30)) ** 2)
    y = rng.integers(0, 2, 30)
    two = K @ np.eye(2)[y]
    _, Y = encode_labels(y)
    np.testing.assert_allclose((K @ Y)[:, 0], two[:, 1] - two[:, 0], atol=1e-13)


@pytest.mark.parametrize(("labels", "named"), [(["cat"] * 3, "'cat', in all 3"), ([7], "7, in all 1")])
def test_one_class_is_named(labels: list, named: str) -> None:
    with pytest.raises(DataError, match=f"one class, {named}"):
        encode_labels(np.array(labels))


def test_error_rate() -> None:
    assert error_rate(np.array([1, 2, 3, 4]), np.array([1, 2, 0, 0])) == 0.5
