"""One measuring session: the device, what time is left, the JSON that grows with each result."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from kernelgen.arrays.whole_file import whole_file
from kernelgen.engines.cuda.device import device


class Session:
    """Times calls on the device in use and writes what is found.

    Parameters
    ----------
    output : Path or None
        The JSON file; None writes none.
    smoke : bool
        Tiny sizes: shows that the script runs.
    minutes : float
        After them nothing new is started.
    data_dir : str or None
    """

    def __init__(self, output: Path | None, *, smoke: bool, minutes: float, data_dir: str | None):
        self.output, self.smoke, self.data_dir = output, smoke, data_dir
        self.start = time.perf_counter()
        self.seconds_allowed = 60.0 * minutes
        self.seed = int.from_bytes(os.urandom(4), "little")
        self.rng = np.random.default_rng(self.seed)
        self.result: dict[str, Any] = {
            "benchmark": "gpu",
            "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
            "seed": self.seed,
            "smoke": smoke,
            "device": device().describe(),
            "machine": machine(),
            "parts": {},
            "failures": [],
        }
        if output is not None and output.is_file():  # parts run one by one add up, on the same card and day
            before = json.loads(output.read_text())
            if all(before.get(key) == self.result[key] for key in ("date", "smoke")) and (
                before["device"].get("device") == self.result["device"].get("device")
            ):
                self.result["parts"] = before["parts"]

    @property
    def on(self) -> Any:
        """The device."""
        return device()

    def seconds_left(self) -> float:
        """Time until nothing new is started."""
        return self.seconds_allowed - (time.perf_counter() - self.start)

    def has(self, seconds: float) -> bool:
        """Whether that much time is left."""
        return self.seconds_left() > seconds

    def note(self, part: str, key: str, value: Any) -> None:
        """Record one result, in memory and on the disk, and print it."""
        self.result["parts"].setdefault(part, {})[key] = value
        print(f"[{time.perf_counter() - self.start:6.1f} s] {part}: {key}: {value}", flush=True)
        self.save()

    def fail(self, part: str, what: str) -> None:
        """Record that a check does not hold, or that a part stopped."""
        self.result["failures"].append(f"{part}: {what}")
        print(f"FAILED {part}: {what}", flush=True)
        self.save()

    def save(self) -> None:
        """Write the JSON, whole or not at all."""
        if self.output is None:
            return
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(self.output) as partial:
            partial.write_text(json.dumps(self.result, indent=2) + "\n")

    def median_seconds(self, call: Callable[[], Any], *, repeats: int = 5, warm: int = 1) -> float:
        """Median time of a call between two events on the device's stream, after warm-up."""
        for _ in range(warm):
            call()
        times = []
        for _ in range(repeats):
            start = self.on.mark()
            call()
            stop = self.on.mark()
            while not self.on.done(stop):
                time.sleep(1e-5)
            times.append(self.on.seconds_between(start, stop))
        return max(statistics.median(times), 1e-9)

    def wall(self, call: Callable[[], Any]) -> tuple[Any, float]:
        """Result and wall time of a call that waits for its work."""
        start = time.perf_counter()
        result = call()
        return result, time.perf_counter() - start

    def bytes_points(self, n: int, d: int) -> np.ndarray:
        """Fresh random bytes, distinct rows almost surely."""
        return self.rng.integers(0, 256, (n, d), dtype=np.uint8)

    def filled(self, rows: int, columns: int, dtype: Any) -> Any:
        """A matrix of the device with random values, a block of 1,024 repeated."""
        if np.dtype(dtype).kind == "i":
            block = self.rng.integers(-128, 128, (1024, 1024)).astype(dtype)
        else:
            block = self.rng.standard_normal((1024, 1024)).astype(dtype)
        xp = self.on.xp
        tiled = xp.tile(self.on.upload(block), (-(-rows // 1024), -(-columns // 1024)))
        return xp.ascontiguousarray(tiled[:rows, :columns])


def machine() -> dict[str, Any]:
    """Processor and versions."""
    versions = {"python": platform.python_version()}
    for name in ("numpy", "scipy", "numba", "scikit-learn", "cupy-cuda12x", "cupy-cuda13x", "torch"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    driver = Path("/proc/driver/nvidia/version")
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "driver": driver.read_text().splitlines()[0] if driver.is_file() else None,
        "versions": versions,
    }
