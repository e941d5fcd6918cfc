"""Streamed inner products are those of stored features; killed runs go on; their factors solve the same systems."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from kernelgen import Gaussian, Laplacian, Linear, Polynomial
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.engines import convolve
from kernelgen.errors import BudgetExceeded, DataError, NotPositiveDefinite, UsageError
from kernelgen.features.base import FeatureValues
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import RandomConv
from kernelgen.solvers.products import factorize_products
from kernelgen.solvers.rows import nearest_earlier_row
from kernelgen.solvers.streamed import cross_products, kernel_scores, linear_scores, stream_products

LAYOUT = Layout(12 * 12, (12, 12, 1))
MAP = RandomConv(filters=150, patch=3, pool=5, stride=3, bias=0.2)


def images(n: int, seed: int) -> FeatureValues:
    return FeatureValues(np.random.default_rng(seed).integers(0, 256, (n, 144)).astype(np.uint8), 1 / 255)


def dense(products: InnerProducts) -> np.ndarray:
    G = np.array(
        [np.pad(products.row(i), (0, products.n_samples - 1 - i)) for i in range(products.n_samples)]
    )
    return G + np.tril(G, -1).T


@pytest.fixture(autouse=True)
def blocks_of_a_few_filters(monkeypatch):
    monkeypatch.setattr(convolve, "BLOCK_BYTES", 1)  # 48 at a time: does not divide 150 filters


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 1e-6), (np.float64, 1e-12)])
@pytest.mark.parametrize("n", [1, 47, 300])
def test_streamed_products_are_those_of_stored_features(dtype, bound, n):
    X = images(n, 0)
    fitted = MAP.fit(images(50, 1), LAYOUT)
    found = dense(stream_products(fitted, X, dtype=dtype, tile=48, threads=2))
    stored = fitted.apply(FeatureValues(X.values.astype(np.float64), X.scale)).values
    expected = stored @ stored.T
    assert np.abs(found - expected).max() <= bound * expected.max()
    assert np.array_equal(found, found.T)


def test_the_bits_do_not_depend_on_threads():
    fitted, X = MAP.fit(images(50, 1), LAYOUT), images(200, 2)
    one, two = (stream_products(fitted, X, dtype=np.float32, threads=threads) for threads in (1, 2))
    assert np.array_equal(one.tiles, two.tiles)
    assert one.n_features == MAP.output(LAYOUT, np.uint8).layout.n_values


_KILLED = """
import sys
import numpy as np
from kernelgen.features.base import FeatureValues
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import RandomConv
from kernelgen.engines import convolve
from kernelgen.solvers import streamed

convolve.BLOCK_BYTES = 1
X, train = (FeatureValues(np.load(path), 1 / 255) for path in sys.argv[2:])
fitted = RandomConv(filters=150, patch=3, pool=5, stride=3, bias=0.2).fit(train, Layout(144, (12, 12, 1)))
options = {"dtype": np.float32, "threads": 1, "checkpoint": sys.argv[1], "checkpoint_seconds": 0.0}


def wait_at_the_third_block(progress):
    if progress.fraction > 0.5:
        print("ready", flush=True)
        sys.stdin.read()


streamed.stream_products(fitted, X, progress=wait_at_the_third_block, **options)
"""


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path: Path):
    fitted, X = MAP.fit(images(50, 1), LAYOUT), images(200, 2)
    paths = [tmp_path / "x.npy", tmp_path / "train.npy"]
    np.save(paths[0], X.values)
    np.save(paths[1], images(50, 1).values)
    checkpoint = tmp_path / "products.safetensors"
    running = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(checkpoint), *map(str, paths)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdin is not None
    assert running.stdout.readline() == "ready\n"
    running.kill()
    running.wait(10)
    running.stdin.close()
    running.stdout.close()
    assert checkpoint.exists()
    seen = []
    options = {"dtype": np.float32, "threads": 2, "checkpoint": checkpoint}
    resumed = stream_products(fitted, X, progress=lambda p: seen.append(p.fraction), **options)
    whole = stream_products(fitted, X, dtype=np.float32, threads=1)
    assert np.array_equal(resumed.tiles, whole.tiles)
    assert min(fraction for fraction in seen if fraction > 0) > 0.3  # it did not begin again
    start = time.perf_counter()
    assert np.array_equal(stream_products(fitted, X, **options).tiles, whole.tiles)  # all is there
    assert time.perf_counter() - start < 5


def test_a_checkpoint_of_another_problem_is_refused(tmp_path: Path):
    fitted, path = MAP.fit(images(50, 1), LAYOUT), tmp_path / "products"
    stream_products(fitted, images(30, 2), dtype=np.float32, threads=1, checkpoint=path)
    for X, dtype in ((images(30, 3), np.float32), (images(30, 2), np.float64)):
        with pytest.raises(UsageError, match="not a checkpoint of this problem"):
            stream_products(fitted, X, dtype=dtype, threads=1, checkpoint=path)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path):
    fitted, path = MAP.fit(images(50, 1), LAYOUT), tmp_path / "products"
    stream_products(fitted, images(30, 2), dtype=np.float32, threads=1, checkpoint=path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="digest"):
        stream_products(fitted, images(30, 2), dtype=np.float32, threads=1, checkpoint=path)


@pytest.mark.parametrize("precision", ["mixed", "float64"])
@pytest.mark.parametrize(
    "kernel",
    [Gaussian(2.0), Laplacian(3.0), Linear(), Polynomial(2, coef0=1.0), Polynomial(3, normalize=True)],
    ids=lambda kernel: kernel.describe()["name"],
)
def test_one_sum_serves_kernels_ridges_and_labels(kernel, precision):
    train, test = images(200, 2), images(60, 4)
    fitted = MAP.fit(train, LAYOUT)
    products = stream_products(fitted, train, dtype=np.float64, tile=96, threads=2)
    Phi, Psi = (
        fitted.apply(FeatureValues(X.values.astype(np.float64), X.scale)).values for X in (train, test)
    )
    K, K_test = kernel(Phi), kernel(Psi, Phi)
    Y = np.random.default_rng(7).standard_normal((200, 3))
    for ridge in (0.0, 0.5):
        solution = factorize_products(products, kernel, ridge=ridge, precision=precision).solve(Y)
        assert solution.status == "solved", solution.message
        system = K + ridge * np.eye(200)
        expected = np.linalg.solve(system, Y)
        bound = 1e-9 * np.linalg.cond(system) * np.abs(expected).max()
        assert np.abs(solution.alpha - expected).max() <= bound
        G, norms = cross_products(fitted, train, test, dtype=np.float64, threads=2)
        scores = kernel_scores(kernel, G, norms, products.squared_norms(), solution.alpha)
        scale = np.abs(K_test).sum(axis=1).max() * np.abs(solution.alpha).max()
        assert np.abs(scores - K_test @ solution.alpha).max() <= 1e-11 * scale
        if kernel == Linear():
            primal = linear_scores(fitted, train, test, solution.alpha, dtype=np.float64, threads=2)
            assert np.abs(primal - scores).max() <= 1e-11 * scale


def test_leave_one_out_from_products():
    train = images(80, 2)
    fitted = MAP.fit(train, LAYOUT)
    products = stream_products(fitted, train, dtype=np.float64, threads=2)
    y = np.random.default_rng(1).standard_normal(80)
    factor = factorize_products(products, Gaussian(2.0), ridge=0.1, precision="float64")
    found = factor.leave_one_out(factor.solve(y))
    K = Gaussian(2.0)(fitted.apply(FeatureValues(train.values.astype(np.float64), train.scale)).values)
    for i in (0, 33, 79):
        others = np.delete(np.arange(80), i)
        alpha = np.linalg.solve(K[np.ix_(others, others)] + 0.1 * np.eye(79), y[others])
        assert abs(found[i] - (y[i] - K[i, others] @ alpha)) <= 1e-9


def test_fewer_features_than_rows_cannot_be_interpolated():
    train = images(100, 2)
    fitted = RandomConv(filters=2, patch=3, pool=5, stride=3).fit(train, LAYOUT)
    products = stream_products(fitted, train, dtype=np.float64, threads=1)
    with pytest.raises(NotPositiveDefinite, match="rank at most"):
        factorize_products(products, Linear())


def test_a_failing_pivot_names_its_row_and_the_nearest_one():
    train = images(60, 2)
    products = stream_products(MAP.fit(train, LAYOUT), train, dtype=np.float64, threads=1)
    with pytest.raises(NotPositiveDefinite, match=r"row 1 .*row 0, at distance") as caught:
        factorize_products(products, Gaussian(1e6), precision="float32")
    assert (caught.value.row, caught.value.partner) == (1, 0)


def test_the_nearest_earlier_row_from_products():
    values = images(60, 2).values
    values[40] = values[11]
    train = FeatureValues(values, 1 / 255)
    products = stream_products(MAP.fit(train, LAYOUT), train, dtype=np.float64, threads=1)
    assert nearest_earlier_row(products, 40) == (11, 0.0)
    row, angle = nearest_earlier_row(products, 40, normalize=True)
    assert row == 11
    assert angle <= 1e-7
    assert nearest_earlier_row(products, 0) is None


def test_a_factor_of_products_says_what_it_cannot_do(tmp_path: Path):
    train = images(50, 2)
    products = stream_products(MAP.fit(train, LAYOUT), train, dtype=np.float64, threads=1)
    factor = factorize_products(products, Gaussian(1.0), ridge=1.0)
    with pytest.raises(UsageError, match="streamed"):
        factor.predict(train.values, np.zeros(50))
    with pytest.raises(UsageError, match="checkpoint"):
        factor.save(tmp_path / "factor")
    with pytest.raises(BudgetExceeded):
        factorize_products(products, Gaussian(1.0), memory_budget=1000)
