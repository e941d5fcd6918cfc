"""``kernelgen data``: what it prints, and the errors that become exit codes."""

from __future__ import annotations

import gzip
import hashlib
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from kernelgen.cli.data import app
from kernelgen.datasets import mnist
from kernelgen.errors import ChecksumMismatch, DataError, UsageError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KERNELGEN_DATA_DIR", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "cache" / "kernelgen"


@pytest.fixture
def own_mnist(tmp_path):
    """Four small files that are not the official ones."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name in mnist.FILES:
        shape = (3, 2, 2) if "images" in name else (3,)
        header = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)
        (folder / f"{name}.gz").write_bytes(gzip.compress(header + bytes(int(np.prod(shape)))))
    return folder


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_list(own_mnist, cache):
    result = run("list", "--data-dir", own_mnist.parent)
    assert result.exit_code == 0
    for text in ("digits", "mnist", "cifar10", "folder", "60,000", str(own_mnist), "170.1 MB", "embedded"):
        assert text in result.stdout
    assert not cache.exists()


def test_list_as_json(own_mnist):
    record = json.loads(run("list", "--data-dir", own_mnist, "--json").stdout)
    entries = {entry["name"]: entry for entry in record["datasets"]}
    assert entries["mnist"]["path"] == str(own_mnist)
    assert entries["cifar10"]["path"] is None
    assert entries["cifar10"]["download_bytes"] == 170_052_171


def test_verify_other_bytes_is_a_warning(own_mnist):
    result = run("verify", "--data-dir", own_mnist)
    assert result.exit_code == 0
    assert "other bytes" in result.stdout
    assert "warning: " in result.stderr


def test_verify_damage_is_an_error(own_mnist):
    (own_mnist / "t10k-labels-idx1-ubyte.gz").write_bytes(b"\x1f\x8b")
    result = run("verify", "mnist", "--data-dir", own_mnist, "--json")
    assert json.loads(result.stdout)["verified"][0]["status"] == "damaged"
    assert isinstance(result.exception, DataError)
    assert result.exception.exit_code == 4


def test_verify_what_is_missing():
    result = run("verify", "mnist", "cifar10")
    assert isinstance(result.exception, DataError)
    assert "MNIST is not in" in str(result.exception)
    assert "CIFAR-10 is not in" in str(result.exception)


def test_verify_finds_only_the_embedded_by_default():
    record = json.loads(run("verify", "--json").stdout)
    assert [entry["name"] for entry in record["verified"]] == ["digits"]


def test_fetch(own_mnist, tmp_path, monkeypatch):
    files = {path.name: path.read_bytes() for path in own_mnist.iterdir()}
    digests = {
        name.removesuffix(".gz"): ("", hashlib.sha256(content).hexdigest(), len(content))
        for name, content in files.items()
    }
    monkeypatch.setattr(mnist, "FILES", digests)
    target = tmp_path / "new" / "mnist"
    target.mkdir(parents=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
    result = run("fetch", "mnist", "digits", "--data-dir", target.parent, "--json")
    record = json.loads(result.stdout)
    assert [entry["name"] for entry in record["fetched"]] == ["mnist", "digits"]
    assert record["fetched"][0]["bytes"] == sum(map(len, files.values()))
    result = run("fetch", "mnist", "digits", "--data-dir", target.parent)
    assert result.stdout.splitlines() == [f"mnist: {target}", "digits: embedded, nothing to fetch"]


def test_fetch_errors(monkeypatch):
    assert isinstance(run("fetch", "minst").exception, UsageError)
    assert run("fetch").exit_code == 2

    def refuse(*args, **kwargs):
        raise ChecksumMismatch("other bytes")

    monkeypatch.setattr("kernelgen.datasets.registry.fetch_mnist", refuse)
    assert isinstance(run("fetch", "mnist").exception, ChecksumMismatch)
