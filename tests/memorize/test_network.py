"""The network as an object: counts, applying it, files, exports."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from kernelgen.arrays.tensor_file import write_tensors
from kernelgen.errors import DataError, DataMissing, PackageMissing, UsageError
from kernelgen.memorize.build import build_memorizer
from kernelgen.memorize.network_file import load_network, save_network
from kernelgen.memorize.onnx_file import float32_error, save_onnx
from kernelgen.memorize.torch_module import to_torch
from oracles import tolerance

KINDS = [
    {},
    {"depth": 3},
    {"depth": 11},
    {"builder": "yun"},
    {"builder": "bubeck"},
    {"knots": "midpoint"},
    {"direction": "principal"},
]


def build(n: int = 80, d: int = 7, **options):
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((n, d)), rng.integers(0, 10, n)
    return X, y, build_memorizer(X, y, **options).network


def literal(network, X: np.ndarray) -> np.ndarray:
    """Dense matrices, one point at a time."""
    out = []
    for z in X:
        u = z if network.direction is None else np.array([network.direction @ z])
        for k, layer in enumerate(network.layers):
            u = layer.to_dense() @ u + (0 if layer.bias is None else layer.bias)
            u = np.maximum(u, 0) if k < network.depth - 1 else u
        out.append(u)
    return np.array(out)


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_counts_are_those_of_the_matrices(options: dict) -> None:
    _, _, network = build(**options)
    a = np.ones((1, 7)) if network.direction is None else network.direction[None, :]
    first = network.layers[0].to_dense()
    untied = [first if network.direction is None else first @ a]
    untied += [layer.to_dense() for layer in network.layers[1:]]
    biases = [layer.bias for layer in network.layers if layer.bias is not None]
    counts = network.n_weights
    assert counts.dense == sum(W.size for W in untied) + sum(b.size for b in biases)
    assert counts.nonzero == sum(np.count_nonzero(part) for part in [*untied, *biases])
    assert network.width == max(W.shape[0] for W in untied[:-1])
    assert network.depth == len(untied)


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_forward_is_the_literal_product(options: dict) -> None:
    X, y, network = build(**options)
    Z = np.vstack([X, np.random.default_rng(1).standard_normal((20, 7))])
    size = max(float(np.abs(layer.values).max()) for layer in network.layers)
    bound = tolerance("float64", n=len(X), norm=size * 30 * network.width)
    assert np.abs(network.forward(Z) - literal(network, Z)).max() <= bound
    assert np.array_equal(np.rint(network(X)[:, 0]), y)


def test_blocks_of_rows_change_nothing(monkeypatch) -> None:
    from kernelgen.memorize import network as module

    X, _, network = build()
    whole = network.forward(X)
    monkeypatch.setattr(module, "BLOCK_ACTIVATIONS", 100)
    assert np.abs(network.forward(X) - whole).max() <= tolerance("float64", norm=1e6)


def test_lipschitz_constant_is_the_steepest_segment() -> None:
    X, y, network = build(depth=6)
    order = np.argsort(network.project(X))
    steepest = np.abs(np.diff(y[order]) / np.diff(network.project(X)[order])).max()
    assert network.lipschitz == pytest.approx(steepest, rel=1e-9)


def test_wrong_number_of_features() -> None:
    _, _, network = build()
    with pytest.raises(DataError, match="3 features, the network reads 7"):
        network(np.ones((2, 3)))
    with pytest.raises(DataError, match="NaN"):
        network(np.full((2, 7), np.nan))


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_save_and_load(options: dict, tmp_path) -> None:
    X, _, network = build(**options)
    save_network(network, tmp_path / "net.safetensors")
    loaded = load_network(tmp_path / "net.safetensors")
    assert np.array_equal(loaded(X), network(X))
    assert loaded.n_weights == network.n_weights
    assert (loaded.builder, loaded.depth) == (network.builder, network.depth)
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]


def test_integer_directions_survive_the_file(tmp_path) -> None:
    X = np.random.default_rng(0).integers(0, 256, (50, 9), dtype=np.uint8)
    network = build_memorizer(X, np.arange(50) % 3).network
    save_network(network, tmp_path / "net.safetensors")
    loaded = load_network(tmp_path / "net.safetensors")
    assert loaded.direction.dtype == np.int64
    assert np.array_equal(loaded.project(X), network.project(X))


def test_damaged_files(tmp_path) -> None:
    with pytest.raises(DataMissing):
        load_network(tmp_path / "none")
    write_tensors(tmp_path / "other", {"x": np.ones(3)}, {"format": "something"})
    with pytest.raises(DataError, match="not a network"):
        load_network(tmp_path / "other")
    _, _, network = build()
    save_network(network, tmp_path / "net")
    (tmp_path / "short").write_bytes((tmp_path / "net").read_bytes()[:-9])
    with pytest.raises(DataError, match="truncated"):
        load_network(tmp_path / "short")
    head = {"format": "kernelgen-relu-network", "format_version": "1", "builder": "deep"}
    part = {
        "layers.0.starts": np.array([0, 1]),
        "layers.0.columns": np.array([5]),
        "layers.0.values": np.ones(1),
    }
    write_tensors(tmp_path / "bent", part, head | {"n_layers": "1", "n_inputs": "1"})
    with pytest.raises(DataError, match="damaged"):
        load_network(tmp_path / "bent")


def test_exact_integers_are_not_exported(tmp_path) -> None:
    X = np.random.default_rng(0).integers(0, 256, (30, 4), dtype=np.uint8)
    network = build_memorizer(X, np.arange(30) % 3, builder="vardi").network
    for write in (save_network, save_onnx):
        with pytest.raises(UsageError, match="hundreds of bits"):
            write(network, tmp_path / "net")
    with pytest.raises(UsageError, match="hundreds of bits"):
        to_torch(network)
    assert list(tmp_path.iterdir()) == []


def run_onnx(path, X: np.ndarray, *, batch: int = 1000) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["f"], {"z": X[k : k + batch]})[0] for k in range(0, len(X), batch)])


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_onnxruntime_computes_the_same(options: dict, tmp_path) -> None:
    X, y, network = build(**options)
    save_onnx(network, tmp_path / "net.onnx")
    found = run_onnx(tmp_path / "net.onnx", X)
    assert (found.dtype, found.shape) == (np.float64, (80, 1))
    assert np.array_equal(np.rint(found[:, 0]), y)


def test_onnx_of_twenty_thousand_points_has_every_label_right(tmp_path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20_000, 50)), rng.integers(0, 10, 20_000)
    save_onnx(build_memorizer(X, y).network, tmp_path / "net.onnx")
    found = run_onnx(tmp_path / "net.onnx", X)
    assert np.count_nonzero(np.rint(found[:, 0]) != y) == 0


def test_float32_is_refused_with_the_error_it_would_have(tmp_path) -> None:
    _, _, network = build(n=3000)
    error = float32_error(network)
    assert error > 0.1
    with pytest.raises(UsageError, match=re.escape(f"off by up to {error:.2g} ")):
        save_onnx(network, tmp_path / "net.onnx", dtype="float32")
    with pytest.raises(UsageError, match="float64"):
        save_onnx(network, tmp_path / "net.onnx", dtype="int8")
    assert list(tmp_path.iterdir()) == []


def test_onnx_too_large_for_its_format(tmp_path, monkeypatch) -> None:
    from kernelgen.memorize import onnx_file

    _, _, network = build(depth=4)
    monkeypatch.setattr(onnx_file, "LARGEST_BYTES", 10_000)
    with pytest.raises(UsageError, match="depth 2"):
        save_onnx(network, tmp_path / "net.onnx")


@pytest.mark.parametrize(("package", "call"), [("onnx", save_onnx), ("torch", lambda net, _: to_torch(net))])
def test_without_the_package_the_extra_is_named(package: str, call, monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    _, _, network = build()
    with pytest.raises(PackageMissing, match=rf"kernelgen\[{package}\]"):
        call(network, tmp_path / "net.onnx")


@pytest.mark.torch
@pytest.mark.parametrize("options", KINDS, ids=str)
def test_torch_computes_the_same(options: dict) -> None:
    import torch

    X, y, network = build(**options)
    with torch.no_grad():
        found = to_torch(network)(torch.from_numpy(X)).numpy()
    assert found.dtype == np.float64
    assert np.array_equal(np.rint(found[:, 0]), y)


def test_importing_kernelgen_imports_no_exporter() -> None:
    code = (
        "import sys, kernelgen, kernelgen.memorize.build, kernelgen.memorize.onnx_file\n"
        "print([name for name in ('onnx', 'onnxruntime', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
