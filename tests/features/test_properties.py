"""What must hold of every map, whatever its filters: laws of scale, shift, rotation, constants, blocks and threads."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.features import FeatureValues, Layout, make_features
from kernelgen.features.blocks import map_rows
from oracles import tolerance

PLAIN = [
    "gabor:pool=4,stride=4,root=false,normalize=none",
    "scattering:scales=2,root=false,normalize=none",
    "wavelet:pool=4,stride=4,root=false,normalize=none",
    "wavelet:kind=decimated,root=false,normalize=none",
    "wavelet:kind=packet,wavelet=haar,root=false,normalize=none",
]
LAYOUT = Layout(256, (16, 16, 1))


def images(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 256))


def apply(spec: str, X: np.ndarray, layout: Layout = LAYOUT, scale: float = 1.0, **options) -> np.ndarray:
    return make_features(spec).fit(FeatureValues(X), layout).apply(FeatureValues(X, scale), **options).values


@pytest.mark.parametrize("spec", PLAIN)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), scale=st.floats(1e-6, 1e6))
def test_homogeneous(spec: str, seed: int, scale: float) -> None:
    X = images(2, seed)
    once = apply(spec, X)
    close = tolerance(np.float64, n=256, norm=scale * np.abs(once).max())
    np.testing.assert_allclose(apply(spec, X, scale=scale), scale * once, rtol=0, atol=close)


@pytest.mark.parametrize("spec", PLAIN)
@settings(max_examples=10)
@given(seed=st.integers(0, 2**31), scale=st.floats(1e-6, 1e6))
def test_normalized_features_do_not_see_contrast(spec: str, seed: int, scale: float) -> None:
    X = images(2, seed)
    unit = spec.replace("normalize=none", "normalize=image")
    once = apply(unit, X)
    np.testing.assert_allclose(np.linalg.norm(once, axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(apply(unit, scale * X), once, rtol=0, atol=tolerance(np.float64, n=256))


@pytest.mark.parametrize("spec", PLAIN)
@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_both_precisions_agree(spec: str, seed: int) -> None:
    X = images(3, seed).astype(np.float32)
    narrow, wide = apply(spec, X), apply(spec, X.astype(np.float64))
    assert (narrow.dtype, wide.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(
        narrow, wide, rtol=0, atol=tolerance(np.float32, n=16, norm=np.abs(wide).max())
    )


@pytest.mark.parametrize("spec", [*PLAIN, "pixels", "standardize", "gabor+standardize"])
def test_bytes_are_their_values(spec: str) -> None:
    X = np.random.default_rng(2).integers(0, 256, (5, 256), dtype=np.uint8)
    layout = Layout(256, (16, 16, 1))
    of_bytes = make_features(spec).fit_apply(FeatureValues(X, 1 / 255), layout)[1]
    of_reals = make_features(spec).fit_apply(FeatureValues(X.astype(np.float32), 1 / 255), layout)[1]
    assert of_bytes.values.dtype == (np.uint8 if spec == "pixels" else np.float32)
    np.testing.assert_allclose(of_bytes.scale * of_bytes.values, of_reals.scale * of_reals.values, rtol=1e-6)


@pytest.mark.parametrize(
    ("spec", "cells", "shift"),
    [
        (
            "gabor:pool=4,stride=4,window=box,boundary=zero,normalize=none,frequencies=0.3/0.2,lowpass=true,root=false",
            (6, 6),
            4,
        ),
        (
            "gabor:pool=3,stride=1,window=box,boundary=zero,nonlinearity=rectified,normalize=none,frequencies=0.3,root=false",
            (22, 22),
            1,
        ),
        ("wavelet:kind=stationary,wavelet=haar,level=1,pool=4,stride=4,normalize=none,root=false", (6, 6), 4),
    ],
)
def test_a_shifted_image_has_shifted_features(spec: str, cells: tuple[int, int], shift: int) -> None:
    image = np.zeros((24, 24))
    image[8:14, 8:14] = np.random.default_rng(0).random((6, 6))
    layout = Layout(576, (24, 24, 1))
    still = apply(spec, image.reshape(1, -1), layout).reshape(-1, *cells)
    moved = apply(spec, np.roll(image, (shift, shift), axis=(0, 1)).reshape(1, -1), layout).reshape(
        -1, *cells
    )
    np.testing.assert_allclose(moved[:, 1:, 1:], still[:, :-1, :-1], atol=tolerance(np.float64, n=576))


@pytest.mark.parametrize("nonlinearity", ["modulus", "energy"])
def test_a_turned_image_turns_the_bank(nonlinearity: str) -> None:
    spec = f"gabor:pool=4,stride=4,orientations=4,lowpass=false,root=false,nonlinearity={nonlinearity},normalize=none"
    spec += ",boundary=reflect,frequencies=0.25"
    image = np.random.default_rng(5).random((16, 16))
    still = apply(spec, image.reshape(1, -1)).reshape(4, 4, 4)
    turned = apply(spec, np.rot90(image).reshape(1, -1)).reshape(4, 4, 4)
    expected = np.stack([np.rot90(still[(k + 2) % 4]) for k in range(4)])  # angles are those of lines, mod pi
    np.testing.assert_allclose(turned, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("boundary", ["reflect"])
@pytest.mark.parametrize(
    "spec",
    [
        "gabor:pool=4,stride=4,lowpass=false,root=false,normalize=none",
        "scattering:scales=2,root=false,normalize=none",
    ],
)
def test_wavelets_do_not_see_a_constant(spec: str, boundary: str) -> None:
    values = apply(f"{spec},boundary={boundary}", np.full((1, 256), 3.0))[0]
    details = (
        values if spec.startswith("gabor") else values[16:]
    )  # after the 4 x 4 averages of the image itself
    np.testing.assert_allclose(details, 0, atol=tolerance(np.float64, n=256, norm=3.0))
    if spec.startswith("scattering"):
        np.testing.assert_allclose(values[:16], 3.0, rtol=1e-12)


@pytest.mark.parametrize("kind", ["decimated", "packet"])
def test_details_of_a_constant_are_zero(kind: str) -> None:
    spec = f"wavelet:kind={kind},level=1,pool=1,stride=1,root=false,normalize=none"
    names = make_features(spec).fit(FeatureValues(images(1, 0)), LAYOUT).feature_names()
    values = apply(spec, np.full((1, 256), 3.0))[0]
    is_detail = np.array(["approximation" not in name for name in names])
    np.testing.assert_allclose(values[is_detail], 0, atol=1e-13)
    np.testing.assert_allclose(values[~is_detail], 6.0, rtol=1e-12)  # 3 sqrt(2)^2


@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_a_stationary_transform_keeps_the_energy(seed: int) -> None:
    spec = "wavelet:kind=stationary,level=2,pool=1,stride=1,root=false,normalize=none"
    X = images(2, seed)
    np.testing.assert_allclose(np.sum(apply(spec, X) ** 2, axis=1), np.sum(X**2, axis=1), rtol=1e-12)


def test_a_longer_scattering_begins_with_the_shorter() -> None:
    X = images(2, 3)
    lengths = [apply(f"scattering:scales=2,order={k},normalize=none", X) for k in range(3)]
    for fewer, more in itertools.pairwise(lengths):
        np.testing.assert_array_equal(more[:, : fewer.shape[1]], fewer)


@pytest.mark.parametrize("spec", [*PLAIN, f"{PLAIN[0]}+standardize"])
def test_threads_and_blocks_do_not_matter(spec: str) -> None:
    X = images(70, 9)
    fitted = make_features(spec).fit(FeatureValues(X), LAYOUT)
    whole = fitted.apply(FeatureValues(X), threads=2).values
    np.testing.assert_array_equal(fitted.apply(FeatureValues(X), threads=1).values, whole)
    close = tolerance(np.float64, n=16, norm=np.abs(whole).max())
    np.testing.assert_allclose(fitted.apply(FeatureValues(X[3:4])).values, whole[3:4], rtol=0, atol=close)


def test_inputs_are_only_read() -> None:
    X = images(4, 0)
    X.setflags(write=False)  # overwriting an inner array must never reach the caller's
    for spec in [*PLAIN, "standardize", "gabor+standardize", "pixels+standardize"]:
        make_features(spec).fit_apply(FeatureValues(X), LAYOUT)


def test_progress_rises_to_one_and_stops_what_it_raises_in() -> None:
    fractions: list[float] = []
    make_features("gabor+standardize").fit_apply(
        FeatureValues(images(300, 0)), LAYOUT, progress=fractions.append
    )
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert len(fractions) > 2

    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_features("gabor").fit(FeatureValues(images(1, 0)), LAYOUT).apply(
            FeatureValues(images(300, 0)), progress=stop
        )


def test_an_error_in_a_block_is_raised_once_and_the_rest_is_left() -> None:
    seen = []

    def fail(rows: np.ndarray) -> np.ndarray:
        seen.append(len(rows))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        map_rows(fail, np.zeros((1000, 2)), np.zeros((1000, 2)), block_rows=1, threads=2)
    assert len(seen) < 100
