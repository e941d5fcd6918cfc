"""A saved factor gives the same bits; a file that is not one is refused, saying why."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kernelgen.arrays.tensor_file import open_tensors, write_tensors
from kernelgen.errors import DataError, DataMissing, EngineUnavailable, UsageError
from kernelgen.kernels.base import Kernel
from kernelgen.kernels.custom import Custom
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.polynomial import Polynomial
from kernelgen.solvers.cholesky import Factor, factorize
from oracles import scattered


@pytest.fixture
def saved(tmp_path: Path, engine: str) -> Path:
    X = scattered(60, 4, seed=1)
    factorize(X, Gaussian(1.0), precision="mixed", engine=engine).save(tmp_path / "factor.safetensors")
    return tmp_path / "factor.safetensors"


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("precision", ["float64", "mixed", "float32"])
@pytest.mark.parametrize("kernel", [Gaussian(1.0), Laplacian(2.0), Polynomial(3, 0.5, 1.0, True)], ids=str)
@pytest.mark.parametrize("values", ["uint8", "float64"])
def test_the_same_bits(
    tmp_path: Path, engine: str, mmap: bool, precision: str, kernel: Kernel, values: str
) -> None:
    X = scattered(60, 8, seed=2, dtype=values)
    X = np.concatenate([X, X[3:7]])
    Y = np.random.default_rng(3).standard_normal((60, 2))[np.r_[0:60, 3:7]]
    factor = factorize(
        X, kernel, scale=1 / 64 if values == "uint8" else 1.0, precision=precision, engine=engine
    )
    factor.save(tmp_path / "f")
    loaded = Factor.load(tmp_path / "f", mmap=mmap)
    one, two = factor.solve(Y), loaded.solve(Y)
    assert np.array_equal(one.alpha, two.alpha)
    assert one.certificate == two.certificate
    assert np.array_equal(factor.diag_inverse(), loaded.diag_inverse())
    assert np.array_equal(factor.predict(X, one.alpha), loaded.predict(X, one.alpha))
    assert loaded.kernel == kernel
    assert (loaded.n_samples, loaded.precision, loaded.engine) == (64, precision, engine)
    assert loaded.plan.peak_bytes > 0
    assert two.stats.seconds["factor"] == one.stats.seconds["factor"]
    loaded.save(tmp_path / "g")
    assert (tmp_path / "f").read_bytes() == (tmp_path / "g").read_bytes()


def test_ridge_jitter_and_center_are_kept(tmp_path: Path, engine: str) -> None:
    X = scattered(60, 5, seed=4) + 100.0
    X = np.concatenate([X, X + 1e-4])
    factor = factorize(X, Gaussian(1.0), precision="mixed", engine=engine)
    assert factor.jitter > 0
    factor.save(tmp_path / "f")
    loaded = Factor.load(tmp_path / "f")
    assert loaded.jitter == factor.jitter
    assert np.array_equal(loaded.points.center, factor.points.center)
    factorize(X, Gaussian(1.0), ridge=0.25, engine=engine).save(tmp_path / "r")
    assert Factor.load(tmp_path / "r").ridge == 0.25


def test_a_custom_kernel_is_given_again(tmp_path: Path, engine: str) -> None:
    kernel = Custom(lambda q: np.exp(-q), of="distance")
    factor = factorize(scattered(30, 3, seed=5), kernel, engine=engine)
    factor.save(tmp_path / "f")
    with pytest.raises(UsageError, match=r"lambda.*pass kernel="):
        Factor.load(tmp_path / "f")
    with pytest.raises(UsageError, match="belongs to"):
        Factor.load(tmp_path / "f", kernel=Gaussian(1.0))
    y = np.arange(30.0)
    assert np.array_equal(Factor.load(tmp_path / "f", kernel=kernel).solve(y).alpha, factor.solve(y).alpha)


def rewritten(path: Path, **changes: object) -> Path:
    tensors, metadata = open_tensors(path, mmap=False)
    record = {**json.loads(metadata["factor"]), **changes}
    write_tensors(path, tensors, {**metadata, "factor": json.dumps(record)})
    return path


def test_an_engine_reads_its_own_layout_only(saved: Path, engine: str) -> None:
    other = {"portable": "native", "native": "portable", "cuda": "portable"}[engine]
    try:
        loaded = Factor.load(rewritten(saved, engine=other))
    except EngineUnavailable as reason:
        pytest.skip(str(reason))
    with pytest.raises(UsageError, match="layout"):
        loaded.solve(np.ones(60))


def test_another_version_or_kind_says_which(saved: Path) -> None:
    tensors, metadata = open_tensors(saved, mmap=False)
    write_tensors(saved, tensors, {**metadata, "version": "7"})
    with pytest.raises(DataError, match=r"version '7'.*reads version '1'"):
        Factor.load(saved)
    write_tensors(saved, tensors, {"format": "kernelgen-model", "version": "1"})
    with pytest.raises(DataError, match="'kernelgen-model'"):
        Factor.load(saved)
    write_tensors(saved, tensors, {})
    with pytest.raises(DataError, match="not a kernelgen-factor"):
        Factor.load(saved)


@pytest.mark.parametrize("mmap", [True, False])
def test_truncated_incomplete_or_absent(saved: Path, mmap: bool) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[:-100])
    with pytest.raises(DataError, match="truncated"):
        Factor.load(saved, mmap=mmap)
    saved.write_bytes(data)
    with pytest.raises(DataError, match="not a complete factor"):
        Factor.load(rewritten(saved, tile=144), mmap=mmap)
    tensors, metadata = open_tensors(saved, mmap=False)
    del tensors["L"]
    write_tensors(saved, tensors, metadata)
    with pytest.raises(DataError, match="not a complete factor"):
        Factor.load(saved, mmap=mmap)
    saved.unlink()
    with pytest.raises(DataMissing):
        Factor.load(saved, mmap=mmap)


def test_saving_copies_nothing_of_l(tmp_path: Path, engine: str) -> None:
    import tracemalloc

    factor = factorize(scattered(1500, 3, seed=6), Gaussian(0.05), precision="float64", engine=engine)
    tracemalloc.start()
    try:
        factor.save(tmp_path / "f")
        assert tracemalloc.get_traced_memory()[1] < factor.tiles.storage.nbytes / 10
    finally:
        tracemalloc.stop()
