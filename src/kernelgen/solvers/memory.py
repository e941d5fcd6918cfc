"""Memory of this process: how much it may still take, and how much it took at its peak."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import ClassVar

from kernelgen.engines.base import Engine, PeakBytes

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class PeakMemory:
    """Peak resident bytes above the moment it was made.

    Notes
    -----
    On Linux the kernel's own high-water mark is used: it is lowered to the present size at the start (writing 5 to
    ``/proc/self/clear_refs``), and marks that are still open are told the old one first, so that they nest. Where
    that is not allowed the mark of the whole process is used: an upper bound.
    """

    _open: ClassVar[list[PeakMemory]] = []
    bytes: int = 0
    _peak: int = 0

    def __init__(self) -> None:
        for mark in PeakMemory._open:
            mark._peak = max(mark._peak, _high_water())
        with suppress(OSError):
            _CLEAR.write_text("5")
        self._start = resident_bytes()
        PeakMemory._open.append(self)

    def stop(self) -> int:
        """Bytes of the peak above the start; the mark is closed."""
        peak = max(self._peak, _high_water())
        PeakMemory._open = [mark for mark in PeakMemory._open if mark is not self]
        return max(0, peak - self._start)

    def __enter__(self) -> PeakMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes = self.stop()


def available_to(engine: Engine) -> int:
    """Bytes that can be taken now where the engine works: in this process, or on its card."""
    own = engine.memory()
    return available_bytes() if own is None else own.available_bytes()


def peak_of(engine: Engine) -> AbstractContextManager[PeakBytes]:
    """A mark of the memory an engine works in; its ``bytes`` are those taken above the start."""
    own = engine.memory()
    return PeakMemory() if own is None else own.peak()


def resident_bytes() -> int:
    """Bytes of this process now in memory."""
    if _STATUS.exists():
        return _status_bytes("VmRSS")
    return _high_water()


def available_bytes() -> int:
    """Bytes this process can still take without swapping: the system's, or its control group's where that is less."""
    candidates = [_system_available(), *_cgroup_available()]
    return max(0, min(candidates))


def _high_water() -> int:
    if _STATUS.exists():
        return _status_bytes("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status_bytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _system_available() -> int:
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cgroup_available() -> list[int]:
    """Limit minus use of this process's control groups, versions 2 and 1, where there is a limit."""
    found = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            found += _limits(Path("/sys/fs/cgroup"), group, "memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            root = Path("/sys/fs/cgroup/memory")
            found += _limits(root, group, "memory.limit_in_bytes", "memory.usage_in_bytes")
    return found


def _limits(root: Path, group: str, limit_name: str, use_name: str) -> list[int]:
    found = []
    folder = root / group.lstrip("/")
    for parent in [folder, *folder.parents]:
        with suppress(OSError, ValueError):
            limit = (parent / limit_name).read_text().strip()
            if limit.isdigit():  # "max" means none
                found.append(int(limit) - int((parent / use_name).read_text()))
        if parent == root:
            break
    return found
