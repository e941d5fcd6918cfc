"""What `import kernelgen` promises: it is light, its names exist and are documented, its version is told once."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kernelgen

ROOT = Path(__file__).parents[2]
HEAVY = (
    "sklearn",
    "scipy",
    "numba",
    "torch",
    "cupy",
    "pandas",
    "pywt",
    "typer",
    "rich",
    "pooch",
    "matplotlib",
)
NAMES = [name for name in kernelgen.__all__ if not name.startswith("__")]


def test_import_is_light() -> None:
    program = f"import sys, kernelgen; print([name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(kernelgen, name).__doc__
    assert name in dir(kernelgen)


@pytest.mark.parametrize("name", NAMES)
def test_public_name_is_in_the_reference(name: str) -> None:
    reference = (ROOT / "docs/api/index.md").read_text(encoding="utf-8")
    assert re.search(rf"^   {name}$|automodule:: kernelgen\.{name}$", reference, flags=re.MULTILINE)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = kernelgen.no_such_name


def test_version_is_the_same_everywhere() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert importlib.metadata.version("kernelgen") == kernelgen.__version__
    assert f"\nversion: {kernelgen.__version__}\n" in citation
