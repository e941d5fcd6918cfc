"""The command line as people run it: real processes, and their exit codes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from command_line import PROGRAM, Run
from kernelgen.engines.cuda.card import Card


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No cache, no data folder and no colours of whoever runs the tests."""
    own = {
        key: value for key, value in os.environ.items() if not key.startswith(("KERNELGEN", "XDG", "FORCE_"))
    }
    return own | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "COLUMNS": "200"}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    def run(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        words = [str(argument) for argument in arguments]
        done = subprocess.run(
            [*PROGRAM, *words],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def slow_data(tmp_path: Path) -> Path:
    """A data set whose solve takes several seconds."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (9000, 300)).astype(np.uint8)
    path = tmp_path / "slow.npz"
    np.savez(path, X_train=X, y_train=np.arange(9000) % 10, X_test=X[:10], y_test=np.arange(10))
    return path


@pytest.fixture
def no_card() -> None:
    """For tests of what is said where there is none."""
    if Card().unavailable() is None:
        pytest.skip("tests what is said where there is no NVIDIA card, and there is one")
