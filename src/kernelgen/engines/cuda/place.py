"""Points are moved to the device once, by name; everything else the engine reads is small."""

from __future__ import annotations

from typing import Any

from kernelgen.arrays.points import Points
from kernelgen.engines.base import AnyArray
from kernelgen.engines.cuda.device import device


def place(points: Points) -> Points:
    """The same points with their values on the device; points that lie there are returned as they are."""
    values = device().upload(points.values)
    return points if values is points.values else Points(values, points.scale, points.center)


def upload(values: AnyArray) -> Any:
    """Copy of a host array on the device."""
    return device().upload(values)


def fetch(array: Any) -> AnyArray:
    """Copy of a device array on the host; a host array as it is."""
    return device().fetch(array)
