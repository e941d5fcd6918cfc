"""The CUDA engine and its benchmark run with numpy, scipy, scikit-learn and cupy alone: no other import on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCKED = ("pooch", "platformdirs", "pywt", "safetensors", "typer", "rich", "numba", "pandas", "PIL")
BLOCKER = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ImportError(f"{{name}} is blocked by the test")
sys.meta_path.insert(0, Blocker())
"""


@pytest.fixture
def script() -> Path:
    path = ROOT / "bench" / "gpu" / "run.sh"
    if not path.is_file():
        pytest.skip(f"needs the checkout: {path} is not there")
    return path


def test_the_measurement_runs_to_its_end_without_them(script: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BLOCKER)
    output = tmp_path / "result.json"
    environment = os.environ | {"PYTHON": sys.executable, "PYTHONPATH": str(tmp_path)}
    arguments = ["--backend", "numpy", "--smoke", "--output", str(output)]
    done = subprocess.run(
        [str(script), *arguments], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "is blocked by the test" in done.stdout  # the data sets' loader: random bytes took their place
    assert "failures: 0" in done.stdout
    assert output.is_file()


def test_a_part_that_is_not_there_is_named(script: Path) -> None:
    environment = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(
        [str(script), "speed", "--smoke"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "there is no part 'speed'" in done.stderr
