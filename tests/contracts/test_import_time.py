"""Starting up stays light: heavy packages are imported when they are used."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

HEAVY = ("sklearn", "numba", "torch", "cupy", "scipy.linalg", "pandas", "matplotlib", "rich", "typer")


def seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.perf_counter() - start


def test_import_pulls_in_nothing_heavy() -> None:
    code = f"import sys, kernelgen; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_import_takes_no_time_beside_numpy() -> None:
    rounds = [(seconds("import numpy, kernelgen"), seconds("import numpy")) for _ in range(5)]
    assert statistics.median(ours - numpy for ours, numpy in rounds) < 0.15


def test_help_is_quick_beside_an_empty_interpreter() -> None:
    program = "import sys; sys.argv = ['kernelgen', '--help']\nfrom kernelgen.cli.app import main\nmain()"
    rounds = [(seconds(program), seconds("pass")) for _ in range(5)]
    unit = statistics.median(
        empty for _, empty in rounds
    )  # about 0.02 s at rest: grows with the machine's load
    assert statistics.median(ours for ours, _ in rounds) < 0.4 * max(1.0, unit / 0.03)
