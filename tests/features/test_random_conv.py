"""Random convolutions: every recipe against loops over images, patches and windows in float64."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernelgen.errors import DataError, UsageError
from kernelgen.features.base import FeatureValues
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import RECIPES, RandomConv
from kernelgen.features.random_patches import sample_patches
from kernelgen.features.registry import make_features
from kernelgen.features.zca import zca_matrix
from oracles import tolerance

COLOUR = Layout(9 * 8 * 3, (9, 8, 3), "planes")
RECIPE = pytest.mark.parametrize("recipe", list(RECIPES))


def images(n: int, layout: Layout, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, layout.n_values)).astype(np.uint8)


def small(recipe: str, **changes: object) -> RandomConv:
    return RandomConv(
        **{"filters": 7, "recipe": recipe, "patch": 3, "pool": 4, "stride": 3, "seed": 5} | changes
    )


def naive_features(fitted, X: np.ndarray, scale: float) -> np.ndarray:
    """The definition, position by position, from the filters of the fitted map."""
    recipe, layout = fitted.map.constants(), fitted.layout
    height, width, _ = layout.image_shape
    patch, bank = fitted.map.patch, fitted.bank
    values = X.astype(np.float64) * scale * (255.0 if recipe.images == "raw" else 1.0)
    if recipe.images == "whitened":
        values = X - X.mean(axis=1, dtype=np.float64, keepdims=True)
        values = 55.0 * values / np.sqrt((values**2).sum(axis=1, keepdims=True))
        values = (values - fitted.whitening["image_mean"]) @ fitted.whitening["image_whitening"]
    planes = layout.planes(values)
    rows, columns = height - patch + 1, width - patch + 1

    def windows(positions: int) -> list[range]:
        starts = [0]
        while starts[-1] + recipe.pool < positions:
            starts.append(starts[-1] + recipe.stride)
        return [range(start, min(start + recipe.pool, positions)) for start in starts]

    found = []
    for image in planes:
        response = np.zeros((rows, columns, len(bank.filters)))
        for y in range(rows):
            for x in range(columns):
                p = image[:, y : y + patch, x : x + patch].transpose(1, 2, 0).ravel()
                if recipe.contrast is not None:
                    p = (p - p.mean()) / math.sqrt(p.var(ddof=1) + recipe.contrast)
                response[y, x] = bank.filters @ p - bank.offsets
        features = []
        for down in windows(rows):
            for across in windows(columns):
                part = response[np.ix_(down, across)].reshape(-1, len(bank.filters))
                for side in (1, -1):
                    pooled = np.maximum(side * part - recipe.bias, 0.0).sum(axis=0)
                    features.append(pooled / len(part) if recipe.average else pooled)
        found.append(
            (np.array(features) - bank.mean.reshape(-1, len(bank.filters))).ravel() * bank.factor.ravel()
        )
    return np.array(found)


@RECIPE
@pytest.mark.parametrize("order", ["planes", "interleaved"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_every_recipe_is_its_definition(recipe, order, dtype):
    layout = Layout(COLOUR.n_values, COLOUR.image_shape, order)
    X = FeatureValues(images(12, layout).astype(dtype), 1 / 255)
    fitted = small(recipe, bias=0.1).fit(X, layout)
    found = fitted.apply(X).values
    expected = naive_features(fitted, X.values, X.scale)
    assert found.dtype == (np.float64 if dtype == np.float64 else np.float32)
    assert found.shape == expected.shape == (12, len(fitted.feature_names()))
    assert np.count_nonzero(expected) > expected.size / 20
    sizes = np.abs(fitted.bank.filters).sum(axis=1).max() * np.abs(fitted.bank.factor).max()
    largest = np.abs(fitted.images(X).values).max() * fitted.images(X).scale
    norm = max(1.0, sizes * largest) * fitted.shape.pool**2
    assert np.abs(found - expected).max() <= tolerance(found.dtype, norm=norm, n=4)


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(3, 12),
    width=st.integers(3, 12),
    channels=st.integers(1, 3),
    patch=st.integers(1, 3),
    pool=st.integers(1, 12),
    stride=st.integers(1, 12),
    filters=st.integers(1, 60),
    n=st.integers(1, 20),
)
def test_any_shape(height, width, channels, patch, pool, stride, filters, n):
    assume(patch * channels > 1)  # a single value has no contrast
    layout = Layout(height * width * channels, (height, width, channels))
    X = FeatureValues(images(n, layout, seed=height).astype(np.float64), 1 / 255)
    stride = min(stride, pool)
    map_ = RandomConv(filters=filters, patch=patch, pool=pool, stride=stride, bias=0.05, source="gaussian")
    fitted = map_.fit(X, layout)
    found, expected = fitted.apply(X, threads=1).values, naive_features(fitted, X.values, X.scale)
    assert found.shape == (n, map_.output(layout, np.float64).layout.n_values)
    norm = max(1.0, np.abs(fitted.bank.filters).sum(axis=1).max())
    assert np.abs(found - expected).max() <= tolerance("float64", norm=norm, n=64)


def test_the_constants_of_the_recipes():
    assert RECIPES["coates_ng"].bias == 1.0
    assert (RECIPES["coates_ng"].pool, RECIPES["coates_ng"].stride) == (15, 6)
    cifar = Layout(3072, (32, 32, 3), "planes")
    per_filter = {name: RandomConv(recipe=name).shape(cifar).features_per_filter for name in RECIPES}
    assert per_filter == {"coates_ng": 18, "random_patch_cifar": 8, "whitened_image": 8}
    assert RandomConv(recipe="random_patch_cifar").constants().contrast == 10.0
    assert RandomConv(recipe="random_patch_cifar", bias=2.0).constants().bias == 2.0


def test_filters_are_training_patches_normalized_and_whitened_twice():
    X = FeatureValues(images(6, COLOUR), 1 / 255)
    fitted = small("coates_ng", n_patches=50).fit(X, COLOUR)
    planes = COLOUR.planes(X.values) / 255
    every = np.array(
        [
            p[:, y : y + 3, x : x + 3].transpose(1, 2, 0).ravel()
            for p in planes
            for y in range(7)
            for x in range(6)
        ]
    )
    every -= every.mean(axis=1, keepdims=True)
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    # undo the whitening with the matrix of the same sample: what is left are unit patches of the images
    rng = np.random.default_rng(5)
    sample = every[rng.choice(len(every), size=50, replace=False)]
    W = zca_matrix(sample, epsilon=1e-3, center=False)
    raw = np.linalg.solve(W @ W, fitted.bank.filters.T).T
    gaps = np.linalg.norm(raw[:, None, :] - every[None], axis=2).min(axis=1)
    assert gaps.max() <= 1e-9
    assert np.array_equal(fitted.bank.offsets, np.zeros(7))


def test_whitening_whitens():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((500, 6)) @ rng.standard_normal((6, 6))
    W = zca_matrix(rows, epsilon=1e-12, center=True)
    white = (rows - rows.mean(axis=0)) @ W
    assert np.abs(white.T @ white / 500 - np.eye(6)).max() <= 1e-6
    assert np.array_equal(W, W.T) or np.abs(W - W.T).max() <= tolerance("float64", norm=np.abs(W).max(), n=6)


def test_standardized_features_have_mean_0_and_variance_1():
    X = FeatureValues(images(40, COLOUR).astype(np.float64), 1 / 255)
    values = small("random_patch_cifar").fit(X, COLOUR).apply(X).values
    varies = values.std(axis=0) > 0
    assert varies.sum() > values.shape[1] / 2
    assert np.abs(values.mean(axis=0)).max() <= 1e-12
    assert np.abs(values.std(axis=0)[varies] - 1).max() <= 1e-10


@RECIPE
def test_a_restored_map_is_the_same(recipe):
    X = FeatureValues(images(10, COLOUR), 1 / 255)
    fitted = small(recipe).fit(X, COLOUR)
    again = small(recipe).restore(COLOUR, fitted.state())
    assert np.array_equal(fitted.apply(X).values, again.apply(X, threads=1).values)
    assert make_features(small(recipe).spec) == small(recipe)
    with pytest.raises(DataError, match="learned"):
        small(recipe).restore(COLOUR, {})


def test_names_of_the_paper():
    assert make_features("randconv32k") == RandomConv(filters=32_000)
    assert make_features("randconv256:recipe=whitened_image").recipe == "whitened_image"
    assert make_features("randconv:filters=2000,patch=5").patch == 5


def test_a_constant_image_beside_others_has_the_features_of_no_response():
    X = images(8, COLOUR)
    X[3] = 7
    fitted = small("coates_ng").fit(FeatureValues(X, 1 / 255), COLOUR)
    response = fitted.bank.filters.sum(axis=1) * 7 / 255
    expected = np.concatenate([np.maximum(response - 1, 0), np.maximum(-response - 1, 0)])
    found = fitted.apply(FeatureValues(X, 1 / 255)).values[3].reshape(-1, 14)
    assert np.abs(found - expected).max() <= tolerance("float32", norm=27, n=4)


@pytest.mark.parametrize(
    ("changes", "n", "message"),
    [
        ({"patch": 9}, 5, "does not fit in images of 9 x 8: patch is at most 8"),
        ({"filters": 10_000}, 1, r"10000 filters .* 1 image\(s\) have 42 patches: ask for fewer"),
    ],
)
def test_what_cannot_be_made(changes, n, message):
    X = FeatureValues(images(n, COLOUR), 1 / 255)
    with pytest.raises((UsageError, DataError), match=message):
        small("coates_ng", **changes).fit(X, COLOUR)


def test_constant_images_only():
    with pytest.raises(DataError, match="constant"):
        small("coates_ng").fit(FeatureValues(np.full((4, COLOUR.n_values), 9, np.uint8)), COLOUR)


@pytest.mark.parametrize(
    "changes",
    [
        {"filters": 0},
        {"patch": 0},
        {"stride": 5, "pool": 4},
        {"bias": -1.0},
        {"bias": math.nan},
        {"epsilon": 0.0},
        {"recipe": "x"},
    ],
)
def test_parameters_out_of_range(changes):
    with pytest.raises(UsageError):
        small(**({"recipe": "coates_ng"} | changes))


def test_rows_that_are_no_images():
    with pytest.raises(UsageError, match="image"):
        small("coates_ng").fit(FeatureValues(np.zeros((3, 7))), Layout(7))


def test_drawing_patches_takes_little_beside_them() -> None:
    """They and a copy in the images' type: the indices of all their pixels took twice as much."""
    layout = Layout(400, (20, 20, 1))
    values = images(300, layout).astype(np.float32)
    tracemalloc.start()
    patches = sample_patches(values, layout, patch=6, count=50_000, rng=np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * patches.nbytes
