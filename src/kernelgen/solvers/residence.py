"""Arrays that live on a card: read once for the checks, and results that live where the argument does."""

from __future__ import annotations

from typing import Any

from kernelgen.arrays.points import AnyArray
from kernelgen.engines.choose import choose
from kernelgen.errors import UsageError


def is_on_card(array: Any) -> bool:
    """Whether an array lies on a CUDA device: it says so itself, so that nothing is imported to ask."""
    return hasattr(array, "__cuda_array_interface__")


def engine_for(array: Any, engine: str) -> str:
    """``"cuda"`` where the array lies on a card and the engine is left open; another engine by name is refused."""
    if not is_on_card(array):
        return engine
    if engine not in ("auto", "cuda"):
        raise UsageError(
            f'the points lie on a CUDA device, which engine="{engine}" cannot read: '
            'pass engine="cuda", or x.get() to copy them to the host'
        )
    return "cuda"


def to_host(array: Any) -> Any:
    """Copy of a card's array on the host; anything else as it is."""
    return choose("cuda").fetch(array) if is_on_card(array) else array


def like(values: AnyArray, argument: Any) -> AnyArray:
    """Values where the argument lies."""
    result: AnyArray = choose("cuda").upload(values) if is_on_card(argument) else values
    return result
