"""What float64 or exact integers cannot hold is refused, never certified."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen import ReLUMemorizerClassifier, build_memorizer
from kernelgen.errors import ConflictingLabels, DataError, UsageError


@pytest.mark.parametrize(
    ("builder", "scale"), [("zhang", 1e-310), ("zhang", 1e-309), ("yun", 1e-310), ("bubeck", 1e-310)]
)
def test_weights_beyond_float64_are_refused(builder: str, scale: float) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(DataError):
        build_memorizer(scale * rng.standard_normal((20, 4)), rng.integers(0, 5, 20), builder=builder)


def test_integer_labels_beyond_float64_are_refused() -> None:
    with pytest.raises(DataError, match="2\\^53"):
        build_memorizer(np.ones((2, 3)), np.array([2**53, 2**53 + 1]))
    with pytest.raises(DataError, match="2\\^53"):
        build_memorizer(np.eye(5), 2**60 + np.arange(5))
    with pytest.raises(ConflictingLabels):
        build_memorizer(np.ones((2, 3)), np.array([2**53 - 1, 2**53]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_bit_extraction_reads_bytes_of_any_dtype(dtype: type) -> None:
    rng = np.random.default_rng(1)
    X, y = rng.integers(0, 256, (60, 30)).astype(np.uint8), rng.integers(0, 4, 60)
    model = ReLUMemorizerClassifier(builder="vardi").fit(X, y)
    assert model.score(X.astype(dtype), y) == 1.0
    with pytest.raises(DataError, match=r"reads bytes; X has 0\.5"):
        model.predict(np.full((1, 30), 0.5))


@pytest.mark.parametrize("options", [{"draws": 0}, {"draws": -1}, {"seed": -1}, {"seed": 1.5}])
def test_counts_and_seeds_are_whole_numbers(options: dict) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        build_memorizer(np.eye(4), np.arange(4), direction="best", **options)


def test_slopes_beyond_float64_are_refused() -> None:
    x = np.array([0.0, 1e-200, 1.0])[:, None]
    with pytest.raises(DataError, match="too close together"):
        build_memorizer(x, np.array([0.0, 1e120, 0.0]), direction=np.ones(1))
