"""A network as an ONNX file in float64, for onnxruntime and everything else that reads the format.

The tied first layer is one MatMul with the direction, then one unit a knot; later layers are dense MatMuls.
float32 is refused: the fits rest on differences of projections that float32 does not have, and the error is
measured and told.
"""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np

from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.arrays.whole_file import whole_file
from kernelgen.errors import PackageMissing, UsageError
from kernelgen.memorize.network import ReluNetwork

OPSET = 17
LARGEST_BYTES = 2_000_000_000  # a protobuf message holds 2 GiB
PROBES = 256


def save_onnx(network: ReluNetwork, path: str | PathLike[str], *, dtype: str = "float64") -> None:
    """Write the network, input ``z`` of shape (m, d) and output ``f`` of shape (m, c), both float64.

    Parameters
    ----------
    network : ReluNetwork
    path : path
    dtype : {"float64"}

    Raises
    ------
    UsageError
        Another dtype (float32: with the error measured on the network's own knots), exact integer weights, or
        dense matrices above 2 GB.
    PackageMissing
        The onnx package is not installed.
    DataError
        The folder cannot be written to.
    """
    _check_can_export(network, dtype)
    model = make_onnx(network)
    with whole_file(path) as partial:
        partial.write_bytes(model.SerializeToString())


def make_onnx(network: ReluNetwork) -> Any:
    """The network as an onnx.ModelProto."""
    onnx = import_onnx()
    helper, kind = onnx.helper, onnx.TensorProto.DOUBLE
    nodes, weights, at = [], [], "z"

    def constant(name: str, value: AnyArray) -> str:
        weights.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float64), name))
        return name

    if network.direction is not None:
        nodes.append(
            helper.make_node("MatMul", ["z", constant("direction", network.direction[:, None])], ["t"])
        )
        at = "t"
    for k, layer in enumerate(network.layers, start=1):
        nodes.append(helper.make_node("MatMul", [at, constant(f"W{k}", layer.to_dense().T)], [f"product{k}"]))
        at = f"product{k}"
        if layer.bias is not None:
            nodes.append(helper.make_node("Add", [at, constant(f"b{k}", layer.bias)], [f"sum{k}"]))
            at = f"sum{k}"
        if k < network.depth:
            nodes.append(helper.make_node("Relu", [at], [f"u{k}"]))
            at = f"u{k}"
    nodes.append(helper.make_node("Identity", [at], ["f"]))
    graph = helper.make_graph(
        nodes,
        "memorizer",
        [helper.make_tensor_value_info("z", kind, ["m", network.n_features])],
        [helper.make_tensor_value_info("f", kind, ["m", network.n_outputs])],
        weights,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="kernelgen"
    )
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def float32_error(network: ReluNetwork) -> float:
    """Largest |f_float32 - f_float64| on up to 256 of the network's knots, layer by layer in float32."""
    if network.hinges is not None:
        knots = network.hinges.knots
        t: AnyArray = knots[:: max(1, len(knots) // PROBES)]
    else:
        rng = np.random.default_rng(0)
        shape = (PROBES,) if network.direction is not None else (PROBES, network.n_features)
        t = rng.standard_normal(shape)
    exact: FloatArray = network.forward_on_line(t)
    rounded = network.forward_on_line(t, dtype=np.float32)
    return float(np.abs(rounded - exact).max())


def import_onnx() -> Any:
    """The onnx package, or PackageMissing."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise PackageMissing(
            f'writing ONNX needs the onnx extra: pip install "kernelgen[onnx]" ({error})'
        ) from error
    return onnx


def _check_can_export(network: ReluNetwork, dtype: str) -> None:
    if network.is_exact:
        raise UsageError(
            "weights of hundreds of bits do not fit in float64; networks of 'vardi' cannot be exported"
        )
    if dtype == "float32":
        raise UsageError(
            f"float32 would be off by up to {float32_error(network):.2g} on this network's own points "
            "(measured layer by layer): it cannot tell their projections apart. Export float64"
        )
    if dtype != "float64":
        raise UsageError(f"dtype must be 'float64', got {dtype!r}")
    n_bytes = 8 * sum(layer.n_outputs * layer.n_inputs for layer in network.layers)
    if n_bytes > LARGEST_BYTES:
        raise UsageError(
            f"as dense matrices this network takes {n_bytes / 1e9:.1f} GB, and an ONNX file holds 2; use depth 2 or a "
            "deeper, narrower network (about 8 n^2/k bytes), or save .safetensors"
        )
