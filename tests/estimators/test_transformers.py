"""The transformers: scikit-learn's checks, the maps' own defaults, shapes of images, names, dtypes."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import kernelgen
from kernelgen import (
    GaborFeatures,
    KernelClassifier,
    RandomConvFeatures,
    ScatteringFeatures,
    WaveletFeatures,
)
from kernelgen.errors import DataError, UsageError
from kernelgen.estimators.transformers import ROW_PARAMETERS
from kernelgen.features import FeatureValues, Gabor, Layout, RandomConv, Scattering, Wavelet

# The checks' rows are no images: of 1 to 20 values. "square" makes images of them, and the maps are small enough
# for 2 x 2 pixels. No check is left out.
TRANSFORMERS = [
    GaborFeatures(image_shape="square", pool=1, stride=1, frequencies=(0.3,), orientations=2),
    WaveletFeatures(image_shape="square", wavelet="haar", level=1),
    ScatteringFeatures(image_shape="square", scales=1, orientations=2),
    RandomConvFeatures(image_shape="square", filters=3, patch=1, pool=1, stride=1, source="gaussian"),
]


@parametrize_with_checks(TRANSFORMERS)
def test_transformer_check(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize(
    ("transformer", "features"),
    [
        (GaborFeatures, Gabor),
        (WaveletFeatures, Wavelet),
        (ScatteringFeatures, Scattering),
        (RandomConvFeatures, RandomConv),
    ],
)
def test_defaults_are_those_of_the_map(transformer: Any, features: Any) -> None:
    ours = {
        name: parameter.default
        for name, parameter in inspect.signature(transformer).parameters.items()
        if name not in ROW_PARAMETERS
    }
    assert ours == {item.name: item.default for item in fields(features)}


def digits() -> tuple[np.ndarray, np.ndarray]:
    return load_digits(return_X_y=True)


def test_the_map_and_the_transformer_agree() -> None:
    X, _ = digits()
    made = GaborFeatures(pool=3, stride=1, scale=1 / 16).fit_transform(X)
    direct = Gabor(pool=3, stride=1).fit_apply(FeatureValues(X, 1 / 16), Layout(64, (8, 8, 1)))[1]
    np.testing.assert_array_equal(made, direct.values)


@pytest.mark.parametrize(
    ("dtype", "out"), [("float64", "float64"), ("float32", "float32"), ("uint8", "float32")]
)
def test_dtypes_are_kept(dtype: str, out: str) -> None:
    X = digits()[0][:10].astype(dtype)
    assert ScatteringFeatures(scales=2).fit_transform(X).dtype == out


def test_names_name_the_columns() -> None:
    X, _ = digits()
    transformer = WaveletFeatures(pool=2, stride=2).fit(X)
    names = transformer.get_feature_names_out()
    assert len(set(names)) == transformer.transform(X[:2]).shape[1] == len(names)
    frame = clone(transformer).set_output(transform="pandas").fit_transform(X[:3])
    assert list(frame.columns) == list(names)


def test_channels_and_layouts() -> None:
    planes = np.random.default_rng(0).random((4, 3, 6, 5))
    arguments = {"pool": 2, "stride": 2, "image_shape": (6, 5, 3)}
    made = GaborFeatures(layout="planes", **arguments).fit_transform(planes.reshape(4, -1))
    interleaved = planes.transpose(0, 2, 3, 1).reshape(4, -1)
    np.testing.assert_array_equal(GaborFeatures(**arguments).fit_transform(interleaved), made)


@pytest.mark.parametrize(
    ("arguments", "n_values", "error", "message"),
    [
        ({}, 60, DataError, "60 values, which is no square image"),
        ({"image_shape": (8, 8)}, 60, DataError, "8 x 8 x 1 .* has 64 values, a row has 60"),
        ({"image_shape": "round"}, 64, UsageError, "image_shape is None, 'square' or"),
        ({"image_shape": (8,)}, 64, UsageError, "height, width"),
        ({"layout": "rows"}, 64, UsageError, "order must be one of"),
        ({"pool": 9}, 64, UsageError, "larger than the image's side of 8"),
        ({"scale": -1.0, "pool": 2}, 64, UsageError, "scale must be a positive"),
    ],
)
def test_what_cannot_be(arguments: dict, n_values: int, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        GaborFeatures(**arguments).fit(np.ones((3, n_values)))


def test_in_a_pipeline_and_a_grid() -> None:
    X, y = digits()
    pipeline = make_pipeline(
        GaborFeatures(pool=3, stride=1, scale=1 / 16), StandardScaler(), KernelClassifier()
    )
    assert pipeline.fit(X[:600], y[:600]).score(X[600:], y[600:]) > 0.9
    assert set(pipeline.named_steps) == {"gaborfeatures", "standardscaler", "kernelclassifier"}


def test_names_at_the_top() -> None:
    assert kernelgen.GaborFeatures is GaborFeatures
