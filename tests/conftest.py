"""Hypothesis without deadlines (shared machines stall), Ctrl-C that is heard, marks that skip with their reason."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from oracles import ENGINES, entered

# The same examples in every CI run, new ones whenever somebody runs the tests by hand.
settings.register_profile("kernelgen", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("kernelgen")

# A shell that starts the tests in the background makes them, and every process they start, ignore Ctrl-C; the tests
# of Ctrl-C need it heard.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("torch") and importlib.util.find_spec("torch") is None:
        pytest.skip('needs torch: pip install ".[torch]"')
    if item.get_closest_marker("gpu") and (reason := no_gpu()):
        pytest.skip(reason)


def no_gpu() -> str | None:
    """Return why there is no GPU to test on, or None where there is one."""
    if importlib.util.find_spec("cupy") is None:
        return 'needs cupy: pip install ".[cuda12]" or ".[cuda13]"'
    import cupy

    try:
        found = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"needs an NVIDIA GPU: {error}"
    return None if found else "needs an NVIDIA GPU: none found"


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every test that asks for it runs once for each engine; here alone, so that one is in place at a time."""
    yield from entered(request.param)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data sets in a folder beside the checkout, never part of it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs real data in {folder}")
    return folder


@pytest.fixture(scope="session")
def mnist_dir(shared_data: Path) -> Path:
    folder = shared_data / "mnist"
    if not folder.is_dir():
        pytest.skip(f"needs the MNIST files in {folder}")
    return folder
