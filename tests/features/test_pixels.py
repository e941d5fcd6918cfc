"""Pixels are passed through with their scale."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.datasets import load_dataset
from kernelgen.errors import UsageError
from kernelgen.features import FEATURES, make_features


def test_pixels_stay_bytes():
    data = load_dataset("digits")
    values, scale = make_features("pixels").apply(data.X_train, maximum=data.maximum)
    assert values is data.X_train
    assert scale == 1 / 16


@pytest.mark.parametrize("maximum", [0.0, -1.0, float("inf"), float("nan")])
def test_a_maximum_that_cannot_be(maximum):
    with pytest.raises(UsageError, match="maximum"):
        make_features("pixels").apply(np.zeros((1, 1)), maximum=maximum)


def test_unknown_features():
    with pytest.raises(UsageError, match="no features are called 'pixel'; there are pixels"):
        make_features("pixel")


def test_every_map_describes_itself():
    for name in FEATURES:
        assert make_features(name).describe()["name"] == name
