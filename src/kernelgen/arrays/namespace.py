"""The array namespace of an array: one formula for NumPy and for anything that follows the array API standard."""

from __future__ import annotations

from typing import Any

import numpy as np


def namespace_of(array: Any) -> Any:
    """Namespace that owns the array: what it says itself, else NumPy."""
    own = getattr(array, "__array_namespace__", None)
    return np if own is None else own()
