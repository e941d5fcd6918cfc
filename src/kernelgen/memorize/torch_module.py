"""A network as a torch module in float64: the same layers, sparse ones as dense matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelgen.errors import PackageMissing, UsageError
from kernelgen.memorize.network import ReluNetwork


def to_torch(network: ReluNetwork) -> Any:
    """A ``torch.nn.Sequential`` of Linear and ReLU in float64 that computes f for rows of shape (m, d).

    The direction is a Linear of its own, without bias and without ReLU, so that the first layer stays tied.

    Raises
    ------
    PackageMissing
        torch is not installed.
    UsageError
        The weights are exact integers.
    """
    if network.is_exact:
        raise UsageError(
            "weights of hundreds of bits do not fit in float64; networks of 'vardi' cannot be exported"
        )
    try:
        import torch
    except ImportError as error:
        raise PackageMissing(
            f'to_torch needs the torch extra: pip install "kernelgen[torch]" ({error})'
        ) from error
    modules: list[Any] = []

    def linear(W: Any, bias: Any) -> None:
        module = torch.nn.Linear(W.shape[1], W.shape[0], bias=bias is not None, dtype=torch.float64)
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(np.array(W, dtype=np.float64)))
            if bias is not None:
                module.bias.copy_(torch.from_numpy(np.array(bias, dtype=np.float64)))
        modules.append(module)

    if network.direction is not None:
        linear(network.direction[None, :], None)
    for k, layer in enumerate(network.layers):
        linear(layer.to_dense(), layer.bias)
        if k < network.depth - 1:
            modules.append(torch.nn.ReLU())
    return torch.nn.Sequential(*modules)
