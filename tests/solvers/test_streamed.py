"""Streamed inner products are those of stored features; killed runs go on; their factors solve the same systems."""

from __future__ import annotations

import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kernelgen import Gaussian, Laplacian, Linear, Polynomial
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.engines import convolve
from kernelgen.engines.cuda import convolve as on_the_card
from kernelgen.engines.cuda import write_features
from kernelgen.engines.cuda.device import device, using
from kernelgen.engines.cuda.host import Host
from kernelgen.errors import BudgetExceeded, DataError, NotPositiveDefinite, UsageError
from kernelgen.features.base import FeatureValues
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import RandomConv
from kernelgen.solvers import streamed
from kernelgen.solvers.products import factorize_products
from kernelgen.solvers.rows import nearest_earlier_row
from kernelgen.solvers.streamed import cross_products, kernel_scores, linear_scores, stream_products
from oracles import ENGINES, child_engine, entered

LAYOUT = Layout(12 * 12, (12, 12, 1))
MAP = RandomConv(filters=150, patch=3, pool=5, stride=3, bias=0.2)


def images(n: int, seed: int) -> FeatureValues:
    return FeatureValues(np.random.default_rng(seed).integers(0, 256, (n, 144)).astype(np.uint8), 1 / 255)


def dense(products: InnerProducts) -> np.ndarray:
    G = np.array(
        [np.pad(products.row(i), (0, products.n_samples - 1 - i)) for i in range(products.n_samples)]
    )
    return G + np.tril(G, -1).T


@pytest.fixture(scope="module", params=[name for name in ENGINES if name != "portable"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The engines that have random convolutions."""
    yield from entered(request.param)


@pytest.fixture(autouse=True)
def blocks_of_a_few_filters(monkeypatch):
    for module in (convolve, on_the_card):
        monkeypatch.setattr(module, "BLOCK_BYTES", 1)  # 48 at a time: does not divide 150 filters
    monkeypatch.setattr(on_the_card, "SLAB", 48)
    monkeypatch.setattr(write_features, "RESPONSE_BYTES", 1 << 20)  # a few images at a time
    monkeypatch.setattr(on_the_card, "DEPTH", 200)


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 1e-6), (np.float64, 1e-12)])
@pytest.mark.parametrize("n", [1, 47, 300])
def test_streamed_products_are_those_of_stored_features(engine: str, dtype, bound, n):
    X = images(n, 0)
    fitted = MAP.fit(images(50, 1), LAYOUT)
    found = dense(stream_products(fitted, X, dtype=dtype, tile=48, threads=2, engine=engine))
    stored = fitted.apply(FeatureValues(X.values.astype(np.float64), X.scale)).values
    expected = stored @ stored.T
    assert np.abs(found - expected).max() <= bound * expected.max()
    assert np.array_equal(found, found.T)


def test_the_bits_do_not_depend_on_threads(engine: str):
    fitted, X = MAP.fit(images(50, 1), LAYOUT), images(200, 2)
    one, two = (
        stream_products(fitted, X, dtype=np.float32, threads=threads, engine=engine) for threads in (1, 2)
    )
    assert np.array_equal(dense(one), dense(two))
    assert one.n_features == MAP.output(LAYOUT, np.uint8).layout.n_values


_KILLED = """
import sys
from contextlib import nullcontext
import numpy as np
from kernelgen.engines import convolve
from kernelgen.engines.cuda import convolve as on_the_card
from kernelgen.engines.cuda.device import using
from kernelgen.engines.cuda.host import Host
from kernelgen.features.base import FeatureValues
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import RandomConv
from kernelgen.solvers import streamed

convolve.BLOCK_BYTES = on_the_card.BLOCK_BYTES = 1
on_the_card.SLAB, on_the_card.DEPTH = 48, 200
engine, checkpoint = sys.argv[1:3]
X, train = (FeatureValues(np.load(path), 1 / 255) for path in sys.argv[3:])
fitted = RandomConv(filters=150, patch=3, pool=5, stride=3, bias=0.2).fit(train, Layout(144, (12, 12, 1)))
options = {"dtype": np.float32, "threads": 1, "checkpoint": checkpoint, "checkpoint_seconds": 0.0}


def wait_at_the_third_block(progress):
    if progress.fraction > 0.5:
        print("ready", flush=True)
        sys.stdin.read()


with using(Host()) if engine == "cuda on the host" else nullcontext():
    streamed.stream_products(fitted, X, progress=wait_at_the_third_block, engine=engine.split()[0], **options)
"""


def test_slow_checkpoints_are_fewer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Writing takes a twentieth of the time at most: here a second each, where blocks take none."""
    now, saved = [0.0], []

    def save(path, key, engine, products, filters_done):
        now[0] += 1.0
        saved.append(filters_done)

    def add(*given, **options):
        now[0] += 0.5
        return convolve.add_convolution_products(*given, **options)

    monkeypatch.setattr(streamed, "CHECKPOINT_SECONDS", 1.0)
    monkeypatch.setattr(streamed, "_save", save)
    monkeypatch.setattr(streamed, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(
        streamed,
        "choose_convolutions",
        lambda name: SimpleNamespace(**vars(convolve) | {"add_convolution_products": add}),
    )
    fitted, X = (
        RandomConv(filters=2400, patch=3, pool=5, stride=3, source="gaussian").fit(images(50, 1), LAYOUT),
        images(5, 2),
    )
    streamed.stream_products(fitted, X, dtype=np.float32, threads=1, checkpoint=tmp_path / "file")
    step = streamed.filters_per_block(convolve, fitted.shape, 5, np.float32)
    assert saved == [2 * step, 42 * step, 2400]  # after 1 s, and 20 s, and at the end


def test_a_killed_run_goes_on_with_the_same_bits(engine: str, tmp_path: Path):
    fitted, X = MAP.fit(images(50, 1), LAYOUT), images(200, 2)
    paths = [tmp_path / "x.npy", tmp_path / "train.npy"]
    np.save(paths[0], X.values)
    np.save(paths[1], images(50, 1).values)
    checkpoint = tmp_path / "products.safetensors"
    running = subprocess.Popen(
        [sys.executable, "-c", _KILLED, child_engine(engine), str(checkpoint), *map(str, paths)],
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
    options = {"dtype": np.float32, "threads": 2, "checkpoint": checkpoint, "engine": engine}
    resumed = stream_products(fitted, X, progress=lambda p: seen.append(p.fraction), **options)
    whole = stream_products(fitted, X, dtype=np.float32, threads=1, engine=engine)
    assert np.array_equal(dense(resumed), dense(whole))
    assert min(fraction for fraction in seen if fraction > 0) > 0.3  # it did not begin again
    start = time.perf_counter()
    again = stream_products(fitted, X, **options)  # all is there
    assert np.array_equal(dense(again), dense(whole))
    assert time.perf_counter() - start < 5


def test_a_checkpoint_of_another_problem_is_refused(engine: str, tmp_path: Path):
    fitted, path = MAP.fit(images(50, 1), LAYOUT), tmp_path / "products"
    stream_products(fitted, images(30, 2), dtype=np.float32, threads=1, checkpoint=path, engine=engine)
    for X, dtype in ((images(30, 3), np.float32), (images(30, 2), np.float64)):
        with pytest.raises(UsageError, match="not a checkpoint of this problem"):
            stream_products(fitted, X, dtype=dtype, threads=1, checkpoint=path, engine=engine)


def test_a_checkpoint_of_another_engine_is_refused(tmp_path: Path):
    fitted, path = MAP.fit(images(50, 1), LAYOUT), tmp_path / "products"
    options = {"dtype": np.float32, "threads": 1, "checkpoint": path}
    with using(Host()):
        stream_products(fitted, images(30, 2), engine="native", **options)
        with pytest.raises(UsageError, match=r"of the native engine.*--engine native"):
            stream_products(fitted, images(30, 2), engine="cuda", **options)
        path.unlink()
        stream_products(fitted, images(30, 2), engine="cuda", **options)
        with pytest.raises(UsageError, match=r"of the cuda engine.*--engine cuda"):
            stream_products(fitted, images(30, 2), **options)
    with using(Host(block=48)), pytest.raises(UsageError, match=r"not a checkpoint .* or card"):
        stream_products(fitted, images(30, 2), engine="cuda", **options)


def test_a_checkpoint_of_kernels_that_rounded_differently_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features by three steps are not continued with the fused kernel's."""
    fitted, path = MAP.fit(images(50, 1), LAYOUT), tmp_path / "products"
    options = {"dtype": np.float32, "threads": 1, "checkpoint": path, "engine": "cuda"}
    with using(Host()) as on:
        with monkeypatch.context() as before:
            known = ["cuda", on.describe()["device"], None, on.block, on_the_card.DEPTH]
            before.setattr(on_the_card, "arithmetic", lambda: known)  # as it was when there was one way
            stream_products(fitted, images(30, 2), **options)
        with pytest.raises(UsageError, match=r"not a checkpoint .*version"):
            stream_products(fitted, images(30, 2), **options)


class Stop(Exception):
    pass


@pytest.mark.parametrize("work", ["gram", "predict", "scores"])
def test_what_stops_the_work_frees_the_sums_though_it_is_kept(engine: str, work: str):
    """The sums are dropped, and then a card's pool gives back what is free, before the caller sees the error."""
    train = images(40, 2)
    fitted, tracked, left = MAP.fit(train, LAYOUT), [], []
    module = convolve if engine == "native" else on_the_card
    name = "inner_products" if work == "gram" else "zeros"
    made = getattr(module, name)

    def watched(*arguments):
        sums = made(*arguments)
        tracked.append(weakref.ref(sums.tiles if work == "gram" else sums))
        return sums

    def stop(progress):
        if progress.fraction > 0:
            raise Stop

    def alive() -> int:
        return sum(array() is not None for array in tracked)

    calls = {
        "gram": lambda **options: stream_products(fitted, train, **options),
        "predict": lambda **options: cross_products(fitted, train, train, **options),
        "scores": lambda **options: linear_scores(fitted, train, train, np.ones((40, 1)), **options),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, watched)
        if engine == "cuda":
            release = device().release
            patch.setattr(device(), "release", lambda: (left.append(alive()), release()))
        with pytest.raises(Stop) as caught:
            calls[work](dtype=np.float32, threads=1, engine=engine, progress=stop)
    assert tracked
    assert alive() == 0
    assert caught.tb is not None
    if engine == "cuda":
        assert left[-1] == 0


def test_a_damaged_checkpoint_is_refused(engine: str, tmp_path: Path):
    fitted, path = MAP.fit(images(50, 1), LAYOUT), tmp_path / "products"
    stream_products(fitted, images(30, 2), dtype=np.float32, threads=1, checkpoint=path, engine=engine)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="digest"):
        stream_products(fitted, images(30, 2), dtype=np.float32, threads=1, checkpoint=path, engine=engine)


@pytest.mark.parametrize("precision", ["mixed", "float64"])
@pytest.mark.parametrize(
    "kernel",
    [Gaussian(2.0), Laplacian(3.0), Linear(), Polynomial(2, coef0=1.0), Polynomial(3, normalize=True)],
    ids=lambda kernel: kernel.describe()["name"],
)
def test_one_sum_serves_kernels_ridges_and_labels(engine: str, kernel, precision):
    train, test = images(200, 2), images(60, 4)
    fitted = MAP.fit(train, LAYOUT)
    products = stream_products(fitted, train, dtype=np.float64, tile=96, threads=2, engine=engine)
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
        G, norms = cross_products(fitted, train, test, dtype=np.float64, threads=2, engine=engine)
        scores = kernel_scores(kernel, G, norms, products.squared_norms(), solution.alpha)
        scale = np.abs(K_test).sum(axis=1).max() * np.abs(solution.alpha).max()
        assert np.abs(scores - K_test @ solution.alpha).max() <= 1e-11 * scale
        if kernel == Linear():
            primal = linear_scores(
                fitted, train, test, solution.alpha, dtype=np.float64, threads=2, engine=engine
            )
            assert np.abs(primal - scores).max() <= 1e-11 * scale


def test_leave_one_out_from_products(engine: str):
    train = images(80, 2)
    fitted = MAP.fit(train, LAYOUT)
    products = stream_products(fitted, train, dtype=np.float64, threads=2, engine=engine)
    y = np.random.default_rng(1).standard_normal(80)
    factor = factorize_products(products, Gaussian(2.0), ridge=0.1, precision="float64")
    found = factor.leave_one_out(factor.solve(y))
    K = Gaussian(2.0)(fitted.apply(FeatureValues(train.values.astype(np.float64), train.scale)).values)
    for i in (0, 33, 79):
        others = np.delete(np.arange(80), i)
        alpha = np.linalg.solve(K[np.ix_(others, others)] + 0.1 * np.eye(79), y[others])
        assert abs(found[i] - (y[i] - K[i, others] @ alpha)) <= 1e-9


def test_fewer_features_than_rows_cannot_be_interpolated(engine: str):
    train = images(100, 2)
    fitted = RandomConv(filters=2, patch=3, pool=5, stride=3).fit(train, LAYOUT)
    products = stream_products(fitted, train, dtype=np.float64, threads=1, engine=engine)
    with pytest.raises(NotPositiveDefinite, match="rank at most"):
        factorize_products(products, Linear())


def test_a_failing_pivot_names_its_row_and_the_nearest_one(engine: str):
    train = images(60, 2)
    products = stream_products(MAP.fit(train, LAYOUT), train, dtype=np.float64, threads=1, engine=engine)
    with pytest.raises(NotPositiveDefinite, match=r"row 1 .*row 0, at distance") as caught:
        factorize_products(products, Gaussian(1e6), precision="float32")
    assert (caught.value.row, caught.value.partner) == (1, 0)


def test_the_nearest_earlier_row_from_products(engine: str):
    values = images(60, 2).values
    values[40] = values[11]
    train = FeatureValues(values, 1 / 255)
    products = stream_products(MAP.fit(train, LAYOUT), train, dtype=np.float64, threads=1, engine=engine)
    assert nearest_earlier_row(products, 40) == (11, 0.0)
    row, angle = nearest_earlier_row(products, 40, normalize=True)
    assert row == 11
    assert angle <= 1e-7
    assert nearest_earlier_row(products, 0) is None


def test_a_factor_of_products_says_what_it_cannot_do(engine: str, tmp_path: Path):
    train = images(50, 2)
    products = stream_products(MAP.fit(train, LAYOUT), train, dtype=np.float64, threads=1, engine=engine)
    factor = factorize_products(products, Gaussian(1.0), ridge=1.0)
    with pytest.raises(UsageError, match="streamed"):
        factor.predict(train.values, np.zeros(50))
    with pytest.raises(UsageError, match="checkpoint"):
        factor.save(tmp_path / "factor")
    with pytest.raises(BudgetExceeded):
        factorize_products(products, Gaussian(1.0), memory_budget=1000)
