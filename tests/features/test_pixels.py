"""Pixels are passed through with their scale."""

from __future__ import annotations

from kernelgen.datasets import load_dataset
from kernelgen.features import FeatureValues, Layout, make_features


def test_pixels_stay_bytes() -> None:
    data = load_dataset("digits")
    _, (values, scale) = make_features("pixels").fit_apply(FeatureValues(data.X_train, 1 / 16), Layout(64))
    assert values is data.X_train
    assert scale == 1 / 16
