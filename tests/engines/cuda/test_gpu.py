"""What only a card can show; the rest of the engine is tested on it by the parameter ``cuda`` of ``engine``."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cuda_kernels import KERNELS, TYPES
from kernelgen import factorize, plan
from kernelgen.arrays.points import EXACT_BYTE_FEATURES, Points, center_of
from kernelgen.engines import cuda, portable
from kernelgen.engines.cuda import convolve
from kernelgen.engines.cuda.card import LARGEST_32_BIT
from kernelgen.engines.cuda.device import Finish, device
from kernelgen.engines.cuda.host import Host
from kernelgen.engines.cuda.operands import prepare
from kernelgen.engines.cuda.place import place
from kernelgen.errors import BudgetExceeded, UsageError
from kernelgen.features.base import FeatureValues
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import RandomConv
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.solvers.streamed import filters_per_block, stream_products
from oracles import scattered, tolerance

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(("kernel", "types"), list(itertools.product(KERNELS, TYPES)))
def test_every_instantiation_agrees_with_numpy(kernel, types) -> None:
    K_dtype, products_dtype = types
    n, d, host, on = 130, 21, Host(), device()
    values = "uint8" if products_dtype == "int32" else K_dtype
    points = Points(scattered(n, d, seed=1, dtype=values), 1 / 64 if values == "uint8" else 1.0)
    points = center_of(points) if kernel.uses_distance else points
    found = {}
    for where, at in ((host, points), (on, place(points))):
        x = prepare(where, at, kernel, np.dtype(K_dtype))
        products = where.xp.empty((144, 144), dtype=products_dtype)
        where.multiply(products, x.values, x.values, transpose_b=True)
        K = where.xp.full((n, n + 3), np.nan, dtype=K_dtype)
        where.finish(K[:, :n], products[:n], x, x, Finish(kernel, 0, 0.5, d))
        found[where] = where.fetch(K)
    assert np.isfinite(found[on][:, :n]).all()
    assert np.isnan(found[on][:, n:]).all()
    size = max(1.0, float(np.abs(found[host][:, :n]).max()))
    sharp = 100.0 if kernel.of == "distance" else 1.0
    bound = sharp * tolerance(K_dtype, norm=size, n=d, c=32)
    assert np.abs(found[on][:, :n] - found[host][:, :n]).max() <= bound


@pytest.mark.parametrize("n", [1, 15, 16, 17, 100])
@pytest.mark.parametrize("d", [1, 3, 16, 784, EXACT_BYTE_FEATURES])
def test_int8_products_are_exact_at_any_size(n: int, d: int) -> None:
    on = device()
    X = np.random.default_rng(n + d).choice(np.array([0, 1, 127, 128, 255], dtype=np.uint8), (n, d))
    x = prepare(on, place(Points(X)), Gaussian(1.0), np.dtype("float64"))
    products = on.xp.full((len(x.values), len(x.values)), 7, dtype=np.int32)
    on.multiply(products, x.values, x.values, transpose_b=True)
    a = X.astype(np.int64) - 128
    assert np.array_equal(on.fetch(products)[:n, :n], a @ a.T)


def test_cupy_arrays_come_and_go() -> None:
    cupy = device().xp
    X, Y = scattered(300, 6, seed=2), np.ones(300)
    factor = factorize(cupy.asarray(X), Gaussian(1.0))
    solution = factor.solve(cupy.asarray(Y))
    assert isinstance(solution.alpha, cupy.ndarray)
    assert isinstance(factor.predict(cupy.asarray(X), solution.alpha), cupy.ndarray)
    assert np.abs(cupy.asnumpy(solution.fitted) - Y).max() < 1e-8


def test_an_array_on_another_device_is_refused() -> None:
    cupy = device().xp
    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("needs two NVIDIA GPUs in one machine")
    with cupy.cuda.Device(1):
        X = cupy.zeros((3, 2))
    with pytest.raises(UsageError, match="device 1"):
        factorize(X, Gaussian(1.0))


def test_a_plan_beyond_the_card_is_refused_and_one_within_is_kept() -> None:
    free = device().available_bytes()
    n = int((free / 4) ** 0.5 * 2)
    assert not plan(n, 8, device="cuda", precision="float64").fits
    with pytest.raises(BudgetExceeded):
        factorize(scattered(2000, 8, seed=3), Gaussian(1.0), engine="cuda", memory_budget="1MB")
    solution = factorize(scattered(9000, 8, seed=4), Gaussian(0.5), engine="cuda", precision="mixed").solve(
        np.ones(9000)
    )
    assert solution.stats.peak_bytes <= 1.1 * solution.stats.planned_bytes


def test_memory_goes_back_when_an_allocation_fails() -> None:
    on = device()
    on.release()
    before = on.taken_bytes()
    on.xp.get_default_memory_pool().set_limit(size=before + 50_000_000)
    try:
        with pytest.raises(BudgetExceeded, match="free now"):
            factorize(scattered(4000, 8, seed=5), Gaussian(0.5), engine="cuda", precision="float64")
    finally:
        on.xp.get_default_memory_pool().set_limit(size=0)
    on.release()
    assert on.taken_bytes() <= before + 1_000_000


def test_memory_goes_back_after_an_interrupt() -> None:
    on = device()
    on.release()
    before = on.taken_bytes()

    def stop(progress: object) -> None:
        if getattr(progress, "fraction", 0) > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        factorize(
            scattered(6000, 8, seed=6),
            Gaussian(0.5),
            engine="cuda",
            precision="float64",
            tile=384,
            progress=stop,
        )
    assert on.taken_bytes() <= before + 10_000_000


def cifar_like(n: int, seed: int) -> FeatureValues:
    values = np.random.default_rng(seed).integers(0, 256, (n, 3072), dtype=np.uint8)
    return FeatureValues(values, 1 / 255)


def test_streamed_memory_is_the_plan_s_and_goes_back_after_an_interrupt() -> None:
    on, X = device(), cifar_like(6000, 1)
    fitted = RandomConv(filters=600, n_patches=5000).fit(X, Layout(3072, (32, 32, 3), "planes"))
    on.release()
    before = on.taken_bytes()
    products = stream_products(fitted, X, dtype=np.float32, threads=1, engine="cuda")
    step = filters_per_block(convolve, fitted.shape, 6000, "float32")
    planned = products.tiles.nbytes + 6000 * 4 * 18 * min(step, 600)
    planned += convolve.workspace_bytes((6000, "uint8"), fitted.shape, min(step, 600), "float32")
    assert on.taken_bytes() - before <= 1.1 * planned
    del products
    on.release()

    def stop(progress: object) -> None:
        if getattr(progress, "fraction", 0) > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream_products(fitted, X, dtype=np.float32, threads=1, engine="cuda", progress=stop)
    assert on.taken_bytes() <= before + 10_000_000


@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-6), ("float64", 1e-12)])
def test_streamed_products_of_colour_images_are_the_processor_s(dtype: str, bound: float) -> None:
    """Whole blocks of filters and panels of the card's own size, symmetric to the bit."""
    X = cifar_like(3500, 2)
    fitted = RandomConv(filters=700, n_patches=5000).fit(X, Layout(3072, (32, 32, 3), "planes"))
    products = stream_products(fitted, X, dtype=dtype, threads=1, engine="cuda")
    some = np.arange(0, 3500, 250)
    chosen = FeatureValues(X.values[some].astype(np.float64), X.scale)
    Phi = fitted.apply(chosen).values
    expected = Phi @ Phi.T
    found = np.array([products.full_row(i)[some] for i in some])
    assert np.abs(found - expected).max() <= bound * expected.max()
    assert np.array_equal(found, found.T)


@pytest.mark.slow
@pytest.mark.parametrize("n", [LARGEST_32_BIT, LARGEST_32_BIT + 1, 47_104])
def test_around_46340_both_layouts_solve(n: int) -> None:
    X = np.random.default_rng(n).integers(0, 256, (n, 64), dtype=np.uint8)
    for tile in (None, 1536):
        factor = factorize(X, Gaussian(1.0), scale=1 / 255, engine="cuda", precision="mixed", tile=tile)
        solution = factor.solve(np.ones(n))
        assert solution.status.value == "solved"
        assert solution.certificate.relative_residual <= 1e-9
        some = np.arange(0, n, n // 500)  # K alpha at some rows, by the processor
        points = Points(X, 1 / 255)
        K = portable.gram(points.take(some), points, Gaussian(1.0), dtype=np.dtype("float64"), threads=2)
        assert np.abs(K @ solution.alpha - 1).max() < 1e-7


def test_the_engine_describes_its_card() -> None:
    described = cuda.describe()
    assert described["memory_bytes"] >= described["memory_free_bytes"] > 0
    assert described["cholesky"].startswith(("64-bit", "32-bit"))
