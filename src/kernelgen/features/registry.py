"""The feature maps by name."""

from __future__ import annotations

from collections.abc import Callable

from kernelgen.errors import UsageError
from kernelgen.features.base import Features
from kernelgen.features.pixels import Pixels

FEATURES: dict[str, Callable[[], Features]] = {Pixels.name: Pixels}


def make_features(name: str) -> Features:
    """The feature map called `name`; UsageError with the names there are if none is."""
    if name not in FEATURES:
        raise UsageError(f"no features are called {name!r}; there are {', '.join(FEATURES)}")
    return FEATURES[name]()
