"""Random convolutions of the CUDA engine, on NumPy and by the card's own code, against the compiled ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuda_kernels import KERNELS, compile_on_the_host
from kernelgen.arrays.points import Points
from kernelgen.engines import convolve as native
from kernelgen.engines import cuda
from kernelgen.engines.cuda import blocks, convolve, fused, inner_products, write_features
from kernelgen.engines.cuda.device import device, using
from kernelgen.engines.cuda.host import Host
from kernelgen.engines.cuda.place import fetch, place
from kernelgen.errors import UsageError
from kernelgen.features.base import FeatureValues
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import RECIPES, FittedRandomConv, RandomConv
from oracles import relative_error, tolerance

sys.path.insert(0, str(Path(__file__).parent))

from fake_cupy import fake_card

CASES = {
    "one channel": ((9, 8, 1), 3),
    "three channels, odd sides": ((11, 7, 3), 3),
    "a window over all": ((6, 5, 3), 2),
    "one position": ((3, 3, 1), 3),
}
DTYPE = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable]:
    return compile_on_the_host(tmp_path_factory.mktemp("kernels"))


@pytest.fixture(params=["NumPy", "the card's code", pytest.param("a card", marks=pytest.mark.gpu)])
def on(
    request: pytest.FixtureRequest, kernels: dict[str, Callable], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    monkeypatch.setattr(write_features, "RESPONSE_BYTES", 20_000)  # a few images at a time
    monkeypatch.setattr(fused, "LEAST_FILLED", 0.0)  # small images as well
    monkeypatch.setattr(convolve, "DEPTH", 100)
    monkeypatch.setattr(convolve, "_WIDE", 1000)
    if request.param == "a card":
        yield device()
        return
    with using(Host() if request.param == "NumPy" else fake_card(kernels)) as chosen:
        yield chosen


def images(n: int, layout: Layout, seed: int, values: str = "uint8") -> FeatureValues:
    X = np.random.default_rng(seed).integers(0, 256, (n, layout.n_values)).astype(values)
    return FeatureValues(X, 1 / 255)


def fitted(case: str, filters: int, **changes: Any) -> FittedRandomConv:
    """A map of the case's images; Gaussian filters, so that there may be any number."""
    shape, patch = CASES[case]
    layout = Layout(int(np.prod(shape)), shape)
    map_ = RandomConv(
        **{"filters": filters, "patch": patch, "pool": 4, "stride": 3, "bias": 0.1, "source": "gaussian"}
        | changes
    )
    return map_.fit(images(20, layout, 0), layout)


def native_features(map_: FittedRandomConv, X: FeatureValues, dtype: str) -> np.ndarray:
    out = np.empty((len(X.values), map_.shape.features_per_filter * len(map_.bank.filters)), dtype=dtype)
    return native.convolve(map_.images(X), map_.shape, map_.bank, out=out, threads=1)


@DTYPE
@pytest.mark.parametrize("values", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("recipe", list(RECIPES))
@pytest.mark.parametrize("case", list(CASES))
def test_features_are_those_of_the_processor(
    on: Any, case: str, recipe: str, values: str, dtype: str
) -> None:
    map_ = fitted(case, 7, recipe=recipe)
    for n in (1, 13):
        X = images(n, map_.layout, n, values)
        expected, points = native_features(map_, X, dtype), map_.images(X)
        out = on.xp.full(expected.shape, np.nan, dtype=dtype)
        found = fetch(convolve.convolve(place(points), map_.shape, map_.bank, out=out, threads=1))
        sizes = np.abs(map_.bank.filters).sum(axis=1).max() * max(1.0, np.abs(map_.bank.factor).max())
        norm = max(1.0, sizes * np.abs(points.values).max() * points.scale) * map_.shape.pool**2
        assert np.abs(found - expected).max() <= tolerance(dtype, norm=norm, c=4)
        assert np.count_nonzero(found)


def test_standardization_is_that_of_the_processor(on: Any) -> None:
    map_ = fitted("one channel", 70, recipe="random_patch_cifar")
    there = map_.map.fit(images(20, map_.layout, 0), map_.layout, engine="cuda")
    for name in ("filters", "offsets"):
        assert np.array_equal(getattr(there.bank, name), getattr(map_.bank, name))
    for name in ("mean", "factor"):
        here = getattr(map_.bank, name)
        assert np.abs(getattr(there.bank, name) - here).max() <= 1e-12 * np.abs(here).max()


def test_one_filter_and_many(on: Any) -> None:
    for filters in (1, 131):
        map_ = fitted("one channel", filters)
        X = images(9, map_.layout, 1)
        expected = native_features(map_, X, "float64")
        out = on.xp.full(expected.shape, np.nan)
        found = fetch(convolve.convolve(map_.images(X), map_.shape, map_.bank, out=out, threads=1))
        assert np.abs(found - expected).max() <= 1e-12 * np.abs(expected).max()


def test_progress_reaches_1(on: Any) -> None:
    map_, seen = fitted("one channel", 5), []
    out = on.xp.empty((40, map_.shape.features_per_filter * 5))
    convolve.convolve(
        map_.images(images(40, map_.layout, 1)), map_.shape, map_.bank, out=out, threads=1,
        heartbeat=seen.append,
    )  # fmt: skip
    assert seen[-1] == 1.0
    assert seen == sorted(seen)


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("tile", [48, 96, 240])
@pytest.mark.parametrize("n", [1, 48, 200])
def test_products_are_those_of_the_processor(on: Any, n: int, tile: int, dtype: str, bound: float) -> None:
    map_ = fitted("three channels, odd sides", 60, recipe="random_patch_cifar")
    X = images(n, map_.layout, 3)
    Phi = native_features(map_, X, "float64")
    expected = Phi @ Phi.T
    products = convolve.inner_products(None, n, tile, 0)
    given = place(map_.images(X))
    for part in map_.parts(25):
        products = convolve.add_convolution_products(
            products, given, map_.shape, part, dtype=dtype, threads=1
        )
    assert products.n_features == Phi.shape[1]
    found = np.array([products.full_row(i) for i in range(n)])
    assert np.abs(found - expected).max() <= bound * np.abs(expected).max()
    assert np.array_equal(found, found.T)
    assert np.array_equal(products.squared_norms(), np.diagonal(found))
    for i in (0, n // 2, n - 1):
        assert np.array_equal(products.row(i), found[i, : i + 1])
    first = products.tile_at(0, 0)
    assert np.array_equal(first[: min(n, tile), : min(n, tile)], found[:tile, :tile])
    assert not first[n:].any()
    last = -(-n // tile) - 1
    below = products.tile_at(last, 0)[: n - last * tile, : min(n, tile)]
    assert np.array_equal(below, found[last * tile :, :tile])


@pytest.mark.parametrize("kept", [1, 48, 49, 130])
@pytest.mark.parametrize("tile", [48, 96, 144])
def test_rows_are_taken_in_their_order(
    on: Any, tile: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inner_products, "VALUES", 1000)
    map_ = fitted("one channel", 10)
    products = convolve.add_convolution_products(
        convolve.inner_products(None, 130, tile, 0), map_.images(images(130, map_.layout, 2)), map_.shape,
        map_.bank, dtype="float64", threads=1,
    )  # fmt: skip
    G = np.array([products.full_row(i) for i in range(130)])
    rows = np.random.default_rng(kept).permutation(130)[:kept]
    others = np.random.default_rng(1).permutation(130)[:77]
    assert np.array_equal(products.block(rows, others), G[np.ix_(rows, others)])
    found = products.take(rows)
    assert (found.n_samples, found.tile, found.n_features) == (kept, tile, products.n_features)
    taken = np.array([found.full_row(i) for i in range(kept)])
    assert np.array_equal(taken, G[np.ix_(rows, rows)])
    first = found.tile_at(0, 0)
    assert np.array_equal(first[:kept, :kept], taken[:tile, :tile])
    assert not first[kept:].any()
    found.tiles[...] = 0.0
    assert products.squared_norms().any()


@pytest.mark.parametrize("tile", [48, 96, 240])
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: f"{k.name}-{k.of}")
def test_k_from_products(on: Any, kernel: Any, tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products with K, its factor and a row of it, against the formula on the same sums."""
    monkeypatch.setattr(blocks, "VALUES", 5000)
    map_, n = fitted("one channel", 40), 150
    products = convolve.add_convolution_products(
        convolve.inner_products(None, n, tile, 0), map_.images(images(n, map_.layout, 2)), map_.shape,
        map_.bank, dtype="float64", threads=1,
    )  # fmt: skip
    G = np.array([products.full_row(i) for i in range(n)])
    norms = np.diagonal(G)
    K = kernel.evaluate_products(G, norms[:, None], norms)
    if kernel.diagonal_value is not None:
        np.fill_diagonal(K, kernel.diagonal_value)
    K += 0.5 * np.eye(n)
    P = np.random.default_rng(3).standard_normal((n, 3))
    product, sums = cuda.multiply(products, kernel, P, ridge=0.5, threads=1)
    size = float(np.abs(K).max())
    bound = (1e5 if kernel.of == "distance" else 1) * tolerance("float64", norm=size, n=n)
    assert np.abs(product - K @ P).max() <= bound * np.abs(P).max()
    assert np.abs(sums - np.abs(K).sum(axis=1)).max() <= bound
    condition = np.linalg.cond(K)
    if kernel.name == "custom" or condition > 1e4:
        return
    for dtype in ("float32", "float64"):
        L = cuda.factorize(products, kernel, ridge=0.5, dtype=np.dtype(dtype), tile=tile, threads=1)
        assert L.pivot_row == -1
        found = cuda.solve(L, P.astype(dtype), threads=1)
        assert relative_error(found, np.linalg.solve(K, P)) <= tolerance(dtype, cond=condition, n=n)


@DTYPE
@pytest.mark.parametrize(("n", "m"), [(150, 40), (30, 101)])
def test_cross_products_norms_and_scores(on: Any, n: int, m: int, dtype: str) -> None:
    map_ = fitted("one channel", 30)
    train, test = images(n, map_.layout, 4), images(m, map_.layout, 5)
    Phi, Psi = native_features(map_, train, "float64"), native_features(map_, test, "float64")
    alpha = np.random.default_rng(6).standard_normal((n, 3))
    G, norms, scores = convolve.zeros((m, n)), convolve.zeros((m, 1)), convolve.zeros((m, 3))
    given = place(map_.images(test)), place(map_.images(train))
    choice: dict[str, Any] = {"dtype": dtype, "threads": 1}
    for part in map_.parts(13):
        convolve.add_convolution_cross_products(G, norms, *given, map_.shape, part, **choice)
        convolve.add_convolution_scores(scores, *given, on.upload(alpha), map_.shape, part, **choice)
    bound = 1e-6 if dtype == "float32" else 1e-12
    expected = Psi @ Phi.T
    assert np.abs(fetch(G) - expected).max() <= bound * np.abs(expected).max()
    squares = np.square(Psi).sum(axis=1)
    assert np.abs(fetch(norms)[:, 0] - squares).max() <= bound * squares.max()
    scale = (np.abs(expected) @ np.abs(alpha)).max()
    assert np.abs(fetch(scores) - expected @ alpha).max() <= bound * scale


def test_centered_points_are_refused(on: Any) -> None:
    map_ = fitted("one channel", 3)
    points = Points(np.zeros((2, 72)), 1.0, np.ones(72))
    with pytest.raises(UsageError, match="center"):
        convolve.convolve(points, map_.shape, map_.bank, out=on.xp.zeros((2, 3)), threads=1)


def test_both_ways_to_features_agree(on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the fused kernel, and by patches, products and pooling, as for images that do not fit."""
    map_ = fitted("three channels, odd sides", 131)
    X, found = images(13, map_.layout, 1), []
    for largest in (1 << 16, 0):
        monkeypatch.setattr(fused, "LARGEST_SHARED_BYTES", largest)
        out = on.xp.full((13, map_.shape.features_per_filter * 131), np.nan, dtype=np.float32)
        found.append(fetch(convolve.convolve(map_.images(X), map_.shape, map_.bank, out=out, threads=1)))
    expected = native_features(map_, X, "float64")
    for features in found:
        assert np.abs(features - expected).max() <= 1e-5 * np.abs(expected).max()
    assert not np.array_equal(*found)  # they round differently: both were taken


def test_a_card_whose_blocks_have_48_kilobytes(kernels: dict[str, Callable]) -> None:
    """Its driver refuses the fused kernel's 59 for CIFAR-10: features are made by three steps."""
    layout = Layout(3072, (32, 32, 3))
    map_ = RandomConv(filters=3, source="gaussian").fit(images(2, layout, 0), layout)
    X = images(2, layout, 1)
    with using(fake_card(kernels)) as card:
        card.xp.block_bytes = 48 << 10
        out = card.xp.full((2, 54), np.nan, dtype=np.float32)
        found = fetch(convolve.convolve(map_.images(X), map_.shape, map_.bank, out=out, threads=1))
    expected = native_features(map_, X, "float64")
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("n_filters", [1, 60])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_workspace_is_the_plan_s(on: Any, dtype: str, n_filters: int) -> None:
    """Contrasts, or patches and responses, have a fixed size, whatever the number of images."""
    shape, kind = fitted("three channels, odd sides", 1).shape, np.dtype(dtype)
    sizes = [convolve.workspace_bytes((n, "uint8"), shape, n_filters, dtype) for n in (1000, 2000)]
    assert sizes[1] - sizes[0] == 1000 * 231  # the images alone
    of_position = 16 if dtype == "float32" else 8 * max(shape.depth, n_filters)
    one_image = shape.positions[0] * shape.positions[1] * of_position
    assert write_features.images_at_once(on, shape, n_filters, kind) == max(1, 20_000 // one_image)
