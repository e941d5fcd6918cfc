"""Names, the embedded digits, verification, and what importing costs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from kernelgen.datasets import DATASETS, Dataset, fetch_dataset, load_dataset, verify_dataset
from kernelgen.errors import DataError, UsageError


def test_digits_have_a_fixed_split():
    data = load_dataset("digits", offline=True, seed=1)
    assert data.X_train.shape == (1437, 64)
    assert data.X_test.shape == (360, 64)
    assert data.X_train.dtype == np.uint8
    assert data.X_train.max() == data.maximum == 16
    assert data.as_images(data.X_train).shape == (1437, 8, 8, 1)
    np.testing.assert_array_equal(data.X_train, load_dataset("digits", seed=2).X_train)
    assert len(load_dataset("digits", test_fraction=0.5).X_test) == 899
    assert data.provenance["official"] is None
    assert (data.n_features, data.n_classes) == (64, 10)


@pytest.mark.parametrize(
    ("name", "hint"), [("minst", "mnist"), ("CIFAR-10", "cifar10"), ("letters", "digits, mnist")]
)
def test_an_unknown_name_gets_the_nearest(name, hint):
    with pytest.raises(UsageError, match=hint):
        load_dataset(name)


def test_a_folder_in_place_of_a_name(tmp_path):
    with pytest.raises(UsageError, match="use the data set `folder`"):
        load_dataset(tmp_path)


def test_what_can_be_fetched(private_cache):
    assert fetch_dataset("digits") == []
    with pytest.raises(UsageError, match="nothing to download"):
        fetch_dataset("folder")
    assert not private_cache.exists()


def test_verification(tmp_path, write_mnist, private_cache):
    assert verify_dataset("digits")["status"] == "readable"
    assert verify_dataset("mnist")["status"] == "missing"
    folder = write_mnist(tmp_path / "own")
    report = verify_dataset("mnist", data_dir=folder)
    assert report["status"] == "other bytes"
    assert len(report["files"]) == 4
    assert not any(file["official"] for file in report["files"])
    path = folder / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-4])
    report = verify_dataset("mnist", data_dir=folder)
    assert report["status"] == "damaged"
    assert str(path) in report["message"]
    write_mnist(private_cache / "mnist")
    assert verify_dataset("mnist")["status"] == "checksum mismatch"


def test_shapes_that_do_not_go_together():
    X, y = np.zeros((3, 2), np.uint8), np.zeros(3, np.int64)

    def build(X_train, y_train, X_test, y_test):
        return Dataset("d", X_train, y_train, X_test, y_test, ("a",), 255.0, "here")

    build(X, y, X[:0], y[:0])
    for arrays in (
        (X, y[:2], X, y),
        (X[:0], y[:0], X, y),
        (X, y, X[:, :1], y),
        (X[:, 0], y, X, y),
        (X, X, X, y),
    ):
        with pytest.raises(DataError, match="here"):
            build(*arrays)


def test_import_is_light():
    heavy = ("sklearn", "pooch", "requests", "platformdirs", "PIL", "rich")
    program = (
        f"import sys, kernelgen.datasets, kernelgen.features; print([m for m in {heavy} if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_name_is_described():
    assert list(DATASETS) == ["digits", "mnist", "cifar10", "folder"]
