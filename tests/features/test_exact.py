"""Each image map against explicit loops in float64, over all of its parameters."""

from __future__ import annotations

import numpy as np
import pytest

from feature_oracles import NAIVE, naive_morlet
from kernelgen.features import FeatureValues, Layout, make_features
from kernelgen.features.morlet import morlet
from oracles import tolerance

SPECS = [
    "gabor:pool=2,stride=2,root=false,normalize=none,frequencies=0.4/0.25,orientations=2",
    "gabor:pool=3,stride=2,nonlinearity=rectified,frequencies=0.3,orientations=3,root=false,normalize=none",
    "gabor:pool=3,stride=3,nonlinearity=energy,frequencies=0.3,orientations=1,boundary=reflect,normalize=none",
    "gabor:pool=4,stride=1,window=gaussian,frequencies=0.35,orientations=2,root=true,lowpass=false,normalize=none",
    "gabor:pool=1,stride=1,frequencies=0.5,orientations=2,width=0.6,aspect=1.5,root=false,normalize=image",
    "scattering:scales=1,orientations=3,order=1,root=false,normalize=none",
    "scattering:scales=2,orientations=2,order=2,root=false,normalize=none",
    "scattering:scales=2,orientations=2,order=2,stride=1,root=true,boundary=reflect,normalize=none",
    "scattering:scales=2,orientations=4,order=0,stride=3,normalize=image",
    "wavelet:wavelet=db2,level=1,kind=decimated,pool=1,stride=1,root=false,normalize=none",
    "wavelet:wavelet=haar,level=2,kind=decimated,pool=2,stride=1,root=true,normalize=none",
    "wavelet:wavelet=db2,level=1,kind=decimated,pool=2,stride=2,modulus=false,root=false,normalize=none",
    "wavelet:wavelet=haar,level=2,kind=packet,pool=1,stride=1,root=false,normalize=none",
    "wavelet:wavelet=db2,level=2,kind=stationary,pool=3,stride=2,root=false,normalize=none",
    "wavelet:wavelet=sym4,level=1,kind=stationary,pool=2,stride=2,root=true,normalize=image",
]


def naive(spec: str, x: np.ndarray) -> np.ndarray:
    parameters = make_features(spec).describe()
    values = NAIVE[parameters["name"]](x, parameters)
    return values / np.linalg.norm(values) if parameters["normalize"] == "image" else values


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("spec", SPECS)
def test_maps_are_their_formulas(spec: str, dtype: str) -> None:
    rng = np.random.default_rng(4)
    X = rng.random((3, 9, 8)).astype(dtype)
    fitted, made = make_features(spec).fit_apply(FeatureValues(X.reshape(3, -1), 0.5), Layout(72, (9, 8, 1)))
    expected = np.array([naive(spec, 0.5 * x.astype(np.float64)) for x in X])
    assert made.values.dtype == dtype
    assert made.scale == 1.0
    assert len(fitted.feature_names()) == expected.shape[1]
    found = made.values
    if make_features(spec).describe()["root"]:  # the root of a value near 0 has the root of its rounding
        found, expected = found * np.abs(found), expected * np.abs(expected)
    close = tolerance(dtype, n=72, norm=np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=close)


@pytest.mark.parametrize("shape", [(4, 4), (5, 7), (1, 6)])
def test_filters_are_their_formula(shape: tuple[int, int]) -> None:
    for k in range(3):
        chosen = {"frequency": 0.3, "angle": np.pi * k / 3, "width": 1.2, "aspect": 0.7}
        np.testing.assert_allclose(morlet(shape, **chosen), naive_morlet(shape, **chosen), atol=1e-9)


@pytest.mark.parametrize("layout", [Layout(48, (4, 4, 3)), Layout(48, (4, 4, 3), "planes")])
@pytest.mark.parametrize(
    "name", ["gabor:pool=2,stride=2", "wavelet:level=1,wavelet=haar", "scattering:scales=1"]
)
def test_channels_are_planes_by_themselves(layout: Layout, name: str) -> None:
    planes = np.random.default_rng(1).random((2, 3, 4, 4))
    order = planes if layout.order == "planes" else planes.transpose(0, 2, 3, 1)
    spec = name + ",normalize=none"
    fitted, made = make_features(spec).fit_apply(FeatureValues(order.reshape(2, 48)), layout)
    one = Layout(16, (4, 4, 1))
    alone = [
        make_features(spec).fit_apply(FeatureValues(planes[:, c].reshape(2, 16)), one)[1].values
        for c in range(3)
    ]
    np.testing.assert_allclose(made.values, np.concatenate(alone, axis=1), rtol=1e-12, atol=1e-14)
    assert len(set(fitted.feature_names())) == made.values.shape[1]
