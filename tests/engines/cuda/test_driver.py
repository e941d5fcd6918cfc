"""The driver's branches on NumPy: layouts, ranges, pivots, failures, and what it hands to the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen import Plan, plan
from kernelgen import factorize as solver_factorize
from kernelgen.arrays.points import EXACT_BYTE_FEATURES, Points
from kernelgen.engines import cuda, portable
from kernelgen.engines.base import storage_elements
from kernelgen.engines.cuda import blocks, factor, system
from kernelgen.engines.cuda.card import Card
from kernelgen.engines.cuda.device import using
from kernelgen.engines.cuda.host import Host
from kernelgen.engines.cuda.operands import prepare
from kernelgen.engines.cuda.panels import panels_of
from kernelgen.errors import BudgetExceeded, UsageError
from kernelgen.experiments.gram_solve import GramSolveConfig, run_gram_solve
from kernelgen.experiments.solve import SolveConfig, run_solve
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.linear import Linear
from oracles import dense_factor, relative_error, scattered, tolerance


@settings(max_examples=50)
@given(n=st.integers(1, 300), tile=st.sampled_from([48, 96, 144, 336]), block=st.sampled_from([48, 96]))
def test_panels_are_the_lower_tiles_and_nothing_else(n: int, tile: int, block: int) -> None:
    storage = np.zeros(storage_elements(n, tile))
    parts = panels_of(storage, n, tile, block)
    seen = np.zeros((n, n))
    for j in range(parts.count):
        rows, panel = parts.rows(j), parts.panel(j)
        assert panel.shape == (n - rows.start, rows.stop - rows.start)
        assert panel.base is not None  # a view
        panel += 1
        seen[rows.start :, rows] += 1
    assert seen[np.tril_indices(n)].min() == seen.max() == 1
    assert storage.max() == 1  # no element in two panels
    assert storage.sum() == seen.sum()


@pytest.mark.parametrize("values", ["uint8", "float64"])
@pytest.mark.parametrize("n", [1, 47, 48, 49, 96, 200, 333])
def test_both_layouts_have_one_factor(n: int, values: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factor, "_ROWS", 96)  # a full square's panels are worked through by ranges of rows
    monkeypatch.setattr(blocks, "SCRATCH", 5000)  # and products of bytes by smaller ones
    points = Points(scattered(n, 8, seed=n, dtype=values), 1 / 64 if values == "uint8" else 1.0)
    K = portable.gram(points, None, Gaussian(1.0), dtype=np.dtype("float64"), threads=1) + 0.1 * np.eye(n)
    B = np.random.default_rng(n).standard_normal((n, 3))
    with using(Host(block=96)):
        for tile in (48, 144, 336):
            L = cuda.factorize(
                points, Gaussian(1.0), ridge=0.1, dtype=np.dtype("float64"), tile=tile, threads=1
            )
            dense = dense_factor(L)
            assert np.abs(dense @ dense.T - K).max() <= tolerance("float64", norm=2.0, n=n + 8)
            cond = float(np.linalg.cond(K))
            assert relative_error(cuda.solve(L, B, threads=1), np.linalg.solve(K, B)) <= tolerance(
                "float64", cond=cond, n=n
            )
            inverse = np.diagonal(np.linalg.inv(K))
            assert relative_error(cuda.diag_inverse(L, threads=1), inverse) <= tolerance(
                "float64", cond=cond, n=n
            )


def test_a_square_the_library_cannot_take_is_solved_by_panels() -> None:
    points = Points(scattered(200, 8, seed=1))
    with using(Host(block=96)):
        L = cuda.factorize(points, Gaussian(1.0), dtype=np.dtype("float64"), tile=240, threads=1)
        expected = cuda.solve(L, np.ones((200, 2)), threads=1)
    with using(Host(block=96, largest_square=199)):
        found = cuda.solve(L, np.ones((200, 2)), threads=1)
        assert relative_error(found, expected) <= 1e-9
        assert cuda.tiles(200) == (96, 48)
        with pytest.raises(UsageError, match="more than the 199 that this cuSOLVER factors"):
            cuda.factorize(points, Gaussian(1.0), dtype=np.dtype("float64"), tile=240, threads=1)


def test_products_of_bytes_are_exact_at_the_ends_of_their_range() -> None:
    d = EXACT_BYTE_FEATURES
    X = np.stack([np.zeros(d), np.full(d, 255), np.arange(d) % 256]).astype(np.uint8)
    exact = X.astype(object) @ X.T.astype(object)
    with using(Host()) as host:
        for kernel, expected in (
            (Linear(), exact),
            (Gaussian(1.0), np.add.outer(np.diagonal(exact), np.diagonal(exact)) - 2 * exact),
        ):
            x = prepare(host, Points(X), kernel, np.dtype("float64"))
            products = np.empty((3, 3), dtype=np.int32)
            host.multiply(products, x.values[:3], x.values[:3], transpose_b=True)
            weight = 1 if kernel.of == "product" else -2
            sums = x.terms[:, None] + x.terms + weight * products.astype(np.int64)
            assert np.array_equal(sums, expected.astype(np.int64))


class Recording(Host):
    """A host that notes how its products were asked for and what was given back."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.products: set[str] = set()
        self.released = 0

    def multiply(self, *arrays: Any, products: Any = "float32", **options: Any) -> None:
        self.products.add(products)
        super().multiply(*arrays, **options)

    def release(self) -> None:
        self.released += 1


def test_float32_products_may_run_on_tensor_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    points, options = (
        Points(scattered(200, 3, seed=2)),
        {"dtype": np.dtype("float32"), "tile": 48, "threads": 1},
    )
    with using(Recording()) as host:
        cuda.factorize(points, Gaussian(0.1), **options)
        assert host.products == {"float32"}
        monkeypatch.setenv("KERNELGEN_CUDA_PRODUCTS", "tf32")
        cuda.factorize(points, Gaussian(0.1), **options)
        assert host.products == {"float32", "tf32"}
        monkeypatch.setenv("KERNELGEN_CUDA_PRODUCTS", "fp8")
        with pytest.raises(UsageError, match="KERNELGEN_CUDA_PRODUCTS must be one of"):
            cuda.factorize(points, Gaussian(0.1), **options)


def test_an_interrupt_gives_the_memory_back() -> None:
    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    with using(Recording()) as host, pytest.raises(KeyboardInterrupt):
        cuda.factorize(
            Points(scattered(200, 3, seed=3)), Gaussian(0.1), dtype=np.dtype("float64"), tile=48, threads=1,
            heartbeat=stop,
        )  # fmt: skip
    assert host.released == 1


class Full(Recording):
    """A host on which another process takes the memory between the plan and the factorization."""

    def cholesky(self, A: np.ndarray) -> np.ndarray:
        self.memory_bytes = 400_000
        raise MemoryError("out of memory allocating 512 bytes")


def test_a_failed_allocation_names_the_smallest_change_that_fits() -> None:
    X = scattered(200, 3, seed=4)
    with using(Full(memory_bytes=1 << 30)) as host:
        with pytest.raises(
            BudgetExceeded, match=r"400.00 kB are free now.*precision=\"mixed\"|at most"
        ) as caught:
            solver_factorize(X, Gaussian(0.1), engine="cuda", precision="float64")
        assert host.released >= 2
        assert caught.value.plan.budget_bytes == 400_000
        assert isinstance(caught.value, MemoryError)


def test_the_plan_chooses_the_full_square_where_it_fits_and_the_widest_panels_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates = dict.fromkeys(("float32", "float64", "bytes", "bandwidth"), 1e12)
    monkeypatch.setattr(
        system, "_rates", lambda on: rates
    )  # not measured: blocks of a card's size take seconds here

    def job(budget: str, precision: str = "float64") -> Plan:
        return plan(
            60_000, 784, 10, precision=precision, values_dtype="uint8", device="cuda", budget_bytes=budget
        )

    with using(Host(block=Card.block, tiles=Card.tiles)):
        assert job("32GB").tile == 60_000
        assert job("16GB").tile == 1536
        assert job("15GB").fits  # 60,000 in float64 within 15 GB
        assert job("15GB").tile in Card.tiles
        assert job("15GB", "mixed").tile == 60_000
        refused = job("14GB")
        assert not refused.fits
        assert refused.suggestion is not None
        assert 'precision="mixed"' in refused.suggestion
        assert plan(60_000, 784, device="cuda").budget_bytes == Host().available_bytes()


def test_the_command_lines_job_runs_on_it() -> None:
    with using(Host()):
        record = run_solve(SolveConfig(engine="cuda", n_train=300, n_test=50, precision="mixed"))
        assert record.engine == "cuda"
        assert record.status == "solved"
        assert record.train_error == 0
        measured = run_gram_solve(GramSolveConfig(n_samples=200, n_features=20, engine="cuda", repeats=1))
        assert measured.device is not None
        assert measured.status == "solved"
