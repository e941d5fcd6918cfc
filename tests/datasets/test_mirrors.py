"""The addresses on record still serve the bytes on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernelgen.datasets.registry import fetch_dataset, verify_dataset


@pytest.mark.net
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_mirror_serves_the_official_bytes(name: str, tmp_path: Path) -> None:
    fetch_dataset(name, data_dir=tmp_path)
    assert verify_dataset(name, data_dir=tmp_path)["status"] == "official"
