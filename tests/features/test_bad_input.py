"""What users do: wrong names and numbers, wrong shapes, one image, constant images, NaN."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import DataError, UsageError
from kernelgen.features import FEATURES, FeatureValues, Layout, make_features

SMALL = {
    "pixels": "pixels",
    "gabor": "gabor:pool=2,stride=2",
    "wavelet": "wavelet:level=1,wavelet=haar",
    "scattering": "scattering:scales=1",
    "standardize": "standardize",
}
LAYOUT = Layout(16, (4, 4, 1))


def fit_apply(spec: str, X: np.ndarray, layout: Layout = LAYOUT) -> np.ndarray:
    return make_features(spec).fit_apply(FeatureValues(X), layout)[1].values


def test_the_small_specs_cover_all_maps() -> None:
    assert set(SMALL) == set(FEATURES) - {"randconv"}  # which needs images with contrast: test_random_conv.py


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "no features are called ''; there are pixels, gabor"),
        (
            "gabr",
            "no features are called 'gabr'; there are pixels, gabor, wavelet, scattering, randconv, standardize",
        ),
        ("gabor+", "no features are called '' in 'gabor[+]'"),
        ("gabor+standard", "called 'standard' in"),
        ("gabor:frequency=1", "no parameter 'frequency' .*there are .*frequencies"),
        ("pixels:a=1", "'pixels' have no parameter 'a' .*they have none"),
        ("gabor:pool", "write pool=VALUE, once"),
        ("gabor:pool=2,pool=3", "write pool=VALUE, once"),
        ("gabor:pool=two", "pool of features 'gabor' must be a whole number, got 'two'"),
        ("gabor:pool=2.5", "whole number"),
        ("gabor:width=wide", "must be a number"),
        ("gabor:root=yes", "true or false, got 'yes'"),
        ("gabor:pool=0", "pool must be at least 1"),
        ("gabor:orientations=0", "orientations must be at least 1"),
        ("gabor:frequencies=0.6", "cycles a pixel"),
        ("gabor:frequencies=0.1/nan", "cycles a pixel"),
        ("gabor:width=-1", "width must be a positive"),
        ("gabor:aspect=inf", "aspect must be a positive"),
        ("gabor:nonlinearity=relu", "nonlinearity must be one of 'modulus'"),
        ("gabor:window=hann", "window must be one of"),
        ("gabor:boundary=wrap", "boundary must be one of"),
        ("gabor:normalize=l1", "normalize must be one of"),
        ("wavelet:wavelet=db1000", "no discrete wavelet is called 'db1000'; perhaps .*families: "),
        ("wavelet:wavelet=morl", "no discrete wavelet is called 'morl'"),
        ("wavelet:wavelet=foo", "called 'foo'; families: haar, db, sym, coif, bior, rbio, dmey$"),
        ("wavelet:level=0", "level must be at least 1"),
        ("wavelet:kind=lifted", "kind must be one of"),
        ("wavelet:mode=mirror", "mode must be one of"),
        ("scattering:scales=0", "scales must be from 1 to 10"),
        ("scattering:order=3", "order must be 0, 1 or 2"),
        ("scattering:stride=0", "stride must be at least 1"),
        ("scattering:orientations=0", "orientations must be at least 1"),
    ],
)
def test_a_spec_that_cannot_be(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_features(spec)


@pytest.mark.parametrize(
    ("spec", "layout", "message"),
    [
        ("gabor:pool=7", Layout(24, (4, 6, 1)), "window of 7 pixels is larger than the image's side of 4"),
        ("scattering:scales=3", LAYOUT, "4 x 4 pixels is too small for scales=3.*at least 2.scales = 8"),
        ("wavelet:level=3,wavelet=haar", LAYOUT, "too small for level=3 of wavelet 'haar' .*at most 2"),
        ("wavelet:level=1,wavelet=db8,kind=packet", LAYOUT, "level is at most 0; use a shorter wavelet"),
        ("gabor", Layout(16), "made from images, and these rows of 16 values are not known"),
        (
            "gabor:pool=2+gabor",
            LAYOUT,
            "made from images, and these rows of.*put no other features before these",
        ),
    ],
)
def test_images_that_cannot_be(spec: str, layout: Layout, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_features(spec).output(layout, np.float64)
    with pytest.raises(UsageError, match=message):
        fit_apply(spec, np.zeros((2, layout.n_values)), layout)


def test_a_shape_that_does_not_match() -> None:
    with pytest.raises(DataError, match=r"image_shape 4 x 4 x 3 .* has 48 values, a row has 16"):
        Layout(16, (4, 4, 3))
    with pytest.raises(UsageError, match="height, width, channels"):
        Layout(16, (4, 4))
    with pytest.raises(UsageError, match="height, width, channels"):
        Layout(0, (4, 0, 1))


@pytest.mark.parametrize("name", SMALL)
def test_rows_of_another_length(name: str) -> None:
    fitted = make_features(SMALL[name]).fit(FeatureValues(np.zeros((3, 16))), LAYOUT)
    for wrong in (np.zeros((3, 17)), np.zeros(16)):
        with pytest.raises(DataError, match=r"do not fit .* made for 16 values a row"):
            fitted.apply(FeatureValues(wrong))


@pytest.mark.parametrize("name", [name for name in SMALL if name != "pixels"])
@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (1e200, "too large")])
def test_values_that_cannot_be(name: str, value: float, word: str) -> None:
    X = np.ones((40, 16))
    fitted = make_features(SMALL[name]).fit(FeatureValues(X), LAYOUT)
    X[33, 5] = value
    with pytest.raises(DataError, match=rf"{word}.* in row 33, column 5"):
        fitted.apply(FeatureValues(X))
    with pytest.raises(DataError, match=word):
        fit_apply(SMALL[name], X)


@pytest.mark.parametrize(
    "spec",
    [
        "pixels",
        "standardize",
        *(
            f"{SMALL[name]},normalize={how}"
            for name in ("gabor", "wavelet", "scattering")
            for how in ("none", "image")
        ),
        "gabor:pool=2,stride=2+standardize",
    ],
)
@pytest.mark.parametrize("value", [0.0, 0.7, 1.0])
def test_constant_images_and_one_image_have_finite_features(spec: str, value: float) -> None:
    for rows in (1, 3):
        values = fit_apply(spec, np.full((rows, 16), value))
        assert np.isfinite(values).all()
        if "standardize" in spec:
            assert np.array_equal(values, np.zeros_like(values))


def test_one_pixel() -> None:
    assert fit_apply("gabor:pool=1,stride=1", np.ones((2, 1)), Layout(1, (1, 1, 1))).shape[0] == 2


@pytest.mark.parametrize("spec", [*SMALL.values(), "gabor:pool=2,stride=2+standardize"])
def test_no_rows_have_no_features(spec: str) -> None:
    fitted = make_features(spec).fit(FeatureValues(np.ones((2, 16))), LAYOUT)
    n_features = len(fitted.feature_names())
    assert fitted.apply(FeatureValues(np.zeros((0, 16)))).values.shape == (0, n_features)
