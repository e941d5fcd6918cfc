"""Texts, descriptions and states: three ways of writing a map down that give it back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from kernelgen.errors import DataError, UsageError
from kernelgen.features import FEATURES, Chain, FeatureValues, Gabor, Layout, make_features
from kernelgen.features.registry import features_from_description

SPECS = [
    *FEATURES,
    "gabor:frequencies=0.3/0.1,orientations=5,root=false,width=1e-1",
    "wavelet:wavelet=haar,level=1,kind=packet",
    "scattering:stride=2,scales=2",
    "standardize:deviation=false",
    "gabor+standardize",
    "standardize+gabor:pool=3+standardize",
]
LAYOUT = Layout(256, (16, 16, 1))
X = 255 * np.random.default_rng(0).random((6, 256))


@pytest.mark.parametrize("spec", SPECS)
def test_a_map_comes_back_from_its_spec_and_its_description(spec: str) -> None:
    features = make_features(spec)
    assert make_features(features.spec) == features
    assert features_from_description(json.loads(json.dumps(features.describe()))) == features


@pytest.mark.parametrize("spec", SPECS)
def test_a_fitted_map_comes_back_from_its_state(spec: str) -> None:
    features = make_features(spec)
    fitted, made = features.fit_apply(FeatureValues(X, 0.5), LAYOUT)
    again = features.restore(LAYOUT, fitted.state())
    other = np.random.default_rng(1).random((4, 256))
    rows = FeatureValues(other, 0.5)
    np.testing.assert_array_equal(again.apply(rows).values, fitted.apply(rows).values)
    np.testing.assert_array_equal(fitted.apply(FeatureValues(X, 0.5)).values, made.values)
    assert again.feature_names() == fitted.feature_names()


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_the_output_is_as_announced(spec: str, dtype: str) -> None:
    rows = FeatureValues(X.astype(dtype))
    announced = make_features(spec).output(LAYOUT, dtype)
    fitted, made = make_features(spec).fit_apply(rows, LAYOUT)
    assert made.values.shape[1] == announced.layout.n_values == len(fitted.feature_names())
    assert len(set(fitted.feature_names())) == announced.layout.n_values
    assert made.values.dtype == announced.dtype
    assert made.values.flags.c_contiguous
    assert announced.row_bytes == made.values.nbytes // len(X)


def test_several_values_and_signs_of_numbers() -> None:
    assert make_features("gabor:width=3e+0,frequencies=1e-1").describe()["width"] == 3.0
    assert make_features("gabor:frequencies=0.25/0.125") == Gabor(frequencies=(0.25, 0.125))
    assert make_features("scattering:stride=none").describe()["stride"] is None


def test_names_in_a_chain_say_what_was_standardized() -> None:
    fitted = make_features("gabor+standardize").fit(FeatureValues(X), LAYOUT)
    assert fitted.feature_names()[0].startswith("gabor_f")
    assert fitted.feature_names()[0].endswith("_standardize")
    assert (
        make_features("standardize+gabor")
        .fit(FeatureValues(X), LAYOUT)
        .feature_names()[0]
        .startswith("gabor_f")
    )


@pytest.mark.parametrize(
    "description",
    [{}, {"name": "x"}, {"name": "gabor", "colour": 1}, {"name": "gabor", "pool": 0}, {"name": "chain"}],
)
def test_descriptions_that_cannot_be(description: dict) -> None:
    with pytest.raises(UsageError):
        features_from_description(description)


@pytest.mark.parametrize(
    ("spec", "state"),
    [
        ("gabor", {"mean": np.zeros(256)}),
        ("standardize", {}),
        ("standardize", {"mean": np.zeros(3), "divisor": np.ones(3)}),
        ("standardize", {"mean": np.zeros(256), "divisor": np.zeros(256)}),
        ("standardize", {"mean": np.full(256, np.nan), "divisor": np.ones(256)}),
        ("gabor+standardize", {"mean": np.zeros(256)}),
        ("pixels+standardize", {"1.mean": np.zeros(256), "1.divisor": np.ones(256), "2.mean": np.zeros(1)}),
    ],
)
def test_states_that_cannot_be(spec: str, state: dict) -> None:
    with pytest.raises(DataError):
        make_features(spec).restore(LAYOUT, state)


def test_an_empty_chain() -> None:
    with pytest.raises(UsageError, match="at least one map"):
        Chain()
