"""A network in one safetensors file: what is stored is what is counted, and reading runs no code."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np

from kernelgen import __version__
from kernelgen.arrays.points import AnyArray
from kernelgen.arrays.tensor_file import open_tensors, write_tensors
from kernelgen.errors import DataError, UsageError
from kernelgen.memorize.layer import Layer
from kernelgen.memorize.network import ReluNetwork

FORMAT = "kernelgen-relu-network"
VERSION = "1"
OWN_KEYS = ("format", "format_version", "kernelgen_version", "builder", "n_layers", "n_inputs")
PARTS = ("starts", "columns", "values", "bias")


def save_network(network: ReluNetwork, path: str | PathLike[str]) -> None:
    """Write the layers: under a temporary name in the same folder, then renamed.

    Raises
    ------
    UsageError
        The weights are exact integers (builder "vardi"), which the format has no type for.
    DataError
        The folder cannot be written to, or the disk is full; a file that was at `path` is as it was.
    """
    if network.is_exact:
        raise UsageError(
            "weights of hundreds of bits cannot be saved as tensors; networks of 'vardi' stay in memory"
        )
    tensors: dict[str, AnyArray] = {}
    for k, layer in enumerate(network.layers):
        for part in PARTS:
            value = getattr(layer, part)
            if value is not None:
                tensors[f"layers.{k}.{part}"] = np.asarray(value)
    if network.direction is not None:
        tensors["direction"] = network.direction
    own = {
        "format": FORMAT,
        "format_version": VERSION,
        "kernelgen_version": __version__,
        "builder": network.builder,
        "n_layers": str(network.depth),
        "n_inputs": str(network.layers[0].n_inputs),
    }
    write_tensors(path, tensors, {**network.metadata, **own})


def load_network(path: str | PathLike[str]) -> ReluNetwork:
    """Read a network; its arrays are memory-mapped.

    Raises
    ------
    DataMissing
        There is no such file.
    DataError
        The file is truncated, damaged, or holds something else.
    """
    tensors, text = open_tensors(path)
    if text.get("format") != FORMAT or text.get("format_version") != VERSION:
        found = f"{text.get('format', 'no format')}, version {text.get('format_version', 'unknown')}"
        raise DataError(f"{path} is not a network that this version of kernelgen reads ({found})")
    try:
        layers = []
        n_inputs = int(text["n_inputs"])
        for k in range(int(text["n_layers"])):
            starts, columns, values = (tensors[f"layers.{k}.{part}"] for part in PARTS[:3])
            layers.append(_checked(Layer(starts, columns, values, tensors.get(f"layers.{k}.bias"), n_inputs)))
            n_inputs = layers[-1].n_outputs
        metadata = {name: value for name, value in text.items() if name not in OWN_KEYS}
        return ReluNetwork(tuple(layers), tensors.get("direction"), text["builder"], metadata)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(f"{path} is a damaged network: {error}") from error


def _checked(layer: Layer) -> Layer:
    """The layer, if its rows and columns are inside it."""
    starts: Any = layer.starts
    good = (
        starts.ndim == 1
        and len(starts) > 1
        and starts[0] == 0
        and starts[-1] == len(layer.values) == len(layer.columns)
        and np.all(np.diff(starts) >= 0)
        and (len(layer.columns) == 0 or (layer.columns.min() >= 0 and layer.columns.max() < layer.n_inputs))
        and (layer.bias is None or len(layer.bias) == layer.n_outputs)
    )
    if not good:
        raise ValueError("rows and columns of a layer do not go together")
    return layer
