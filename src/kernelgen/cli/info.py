"""``kernelgen info``: what is installed, what can run here, and why the rest cannot."""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from kernelgen.cli import options
from kernelgen.cli.terminal import console, format_bytes

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
    "pywavelets",
    "threadpoolctl",
    "safetensors",
    "pillow",
    "cupy-cuda12x",
    "cupy-cuda13x",
)


def info(as_json: options.Json = False) -> None:
    """Versions, BLAS, threads, SIMD level, engines, GPU and data folders; for each thing missing, why."""
    found = collect()
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2, allow_nan=False) + "\n")
        sys.stdout.flush()
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, text in _lines(found):
        table.add_row(name, escape(text))
    console().print(table)


def collect() -> dict[str, Any]:
    """Return all of it, ready for JSON."""
    from kernelgen.arrays.checks import check_threads
    from kernelgen.datasets.locate import data_root
    from kernelgen.solvers.memory import available_bytes

    root = data_root()
    native = engine_state("native")
    return {
        "versions": versions(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": {"usable": check_threads(None), "present": os.cpu_count()},
        "memory_available_bytes": available_bytes(),
        "simd": native.get("simd"),
        "blas": blas_libraries(),
        "engines": {"native": native, "portable": engine_state("portable"), "cuda": engine_state("cuda")},
        "gpu": gpu_state(),
        "data_dir": {"path": str(root.path), "chosen_by": root.chosen_by, "exists": root.path.is_dir()},
    }


def versions() -> dict[str, str | None]:
    """Return versions of kernelgen, Python and the packages it works with; None where one is not installed."""
    from importlib import metadata

    from kernelgen import __version__

    found: dict[str, str | None] = {"kernelgen": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def engine_state(name: str) -> dict[str, Any]:
    """Return whether an engine can run, what it says of itself, or the reason why it cannot."""
    from kernelgen.engines.choose import choose
    from kernelgen.errors import EngineUnavailable

    try:
        engine = choose(name)
    except EngineUnavailable as error:
        return {"available": False, "reason": str(error)}
    return {"available": True, **engine.describe()}


def blas_libraries() -> list[dict[str, Any]]:
    """Return the BLAS libraries in this process, with SciPy's and NumPy's loaded."""
    import scipy.linalg.blas  # noqa: F401  (loads it)
    from threadpoolctl import threadpool_info

    keys = ("internal_api", "version", "architecture", "num_threads", "filepath")
    return [
        {key: library.get(key) for key in keys}
        for library in threadpool_info()
        if library["user_api"] == "blas"
    ]


def gpu_state() -> dict[str, Any]:
    """Return the card, the driver and the CUDA libraries found and missing, and why the card is not used."""
    from kernelgen.engines.cuda.card import libraries

    driver = Path("/proc/driver/nvidia/version")
    state = engine_state("cuda")
    return {
        "usable": state["available"],
        "name": state.get("device"),
        "devices": sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*")),
        "driver": driver.read_text().splitlines()[0] if driver.is_file() else None,
        "libraries": libraries(),
        "reason": state.get("reason"),
    }


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    known = [f"{name} {version}" for name, version in found["versions"].items() if version]
    absent = [name for name, version in found["versions"].items() if not version]
    cores, gpu, data = found["cores"], found["gpu"], found["data_dir"]
    lines = [
        ("versions", ", ".join(known) + (f"; not installed: {', '.join(absent)}" if absent else "")),
        ("platform", found["platform"]),
        ("processor", f"{found['processor']}; SIMD level used: {found['simd'] or 'unknown'}"),
        ("threads", f"{cores['usable']} usable of {cores['present']} cores"),
        ("memory", f"{format_bytes(found['memory_available_bytes'])} available"),
    ]
    for library in found["blas"]:
        name = " ".join(
            str(library[key]) for key in ("internal_api", "version", "architecture") if library[key]
        )
        lines.append(("BLAS", f"{name}, {library['num_threads']} thread(s): {library['filepath']}"))
    for name, state in found["engines"].items():
        lines.append(
            (f"engine {name}", "available" if state["available"] else f"unavailable: {state['reason']}")
        )
    lines += _gpu_lines(gpu, found["engines"]["cuda"])
    exists = "" if data["exists"] else "; not there yet"
    lines.append(("data", f"{data['path']} ({data['chosen_by']}{exists})"))
    return [(name, text.strip()) for name, text in lines]


def _gpu_lines(gpu: dict[str, Any], engine: dict[str, Any]) -> list[tuple[str, str]]:
    """The card, the driver, and each library with its path or what to install."""
    if gpu["usable"]:
        card = (
            f"{gpu['name']}, compute capability {engine['compute_capability']}, "
            f"{format_bytes(engine['memory_free_bytes'])} free of {format_bytes(engine['memory_bytes'])}"
        )
    else:
        card = ", ".join(gpu["devices"]) or "no NVIDIA device (/dev/nvidia0) is visible"
    lines = [("GPU", card), ("GPU driver", gpu["driver"] or "none loaded (/proc/driver/nvidia/version)")]
    there = [f"{name} {path}" for name, path in gpu["libraries"].items() if path]
    absent = [name for name, path in gpu["libraries"].items() if not path]
    text = ", ".join(there)
    if absent:
        hint = 'pip install "kernelgen[cuda12]" or "kernelgen[cuda13]", as the driver is'
        text += f"{'; ' * bool(there)}missing: {', '.join(absent)} ({hint})"
    return [*lines, ("CUDA libraries", text)]
