"""MNIST: spellings of the file names, the idx parser, digests, the cache."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest

from kernelgen.datasets import DatasetWarning, load_dataset, mnist
from kernelgen.datasets.mnist import read_idx
from kernelgen.errors import ChecksumMismatch, DataError, DataMissing

OTHER_BYTES = "other bytes than the official MNIST files"


@pytest.fixture
def official(monkeypatch, small_mnist):
    """Take the small files for the official ones."""
    packed = {name: gzip.compress(content) for name, content in small_mnist.items()}
    digests = {
        name: (
            hashlib.sha256(small_mnist[name]).hexdigest(),
            hashlib.sha256(packed[name]).hexdigest(),
            len(packed[name]),
        )
        for name in small_mnist
    }
    monkeypatch.setattr(mnist, "FILES", digests)
    return packed


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("dots", [True, False])
@pytest.mark.parametrize("place", ["", "mnist", "MNIST/raw", "anything"])
def test_files_are_found_under_all_their_names(
    tmp_path, write_mnist, small_mnist, official, compressed, dots, place
):
    write_mnist(tmp_path / "data" / place, compressed=compressed, dots=dots)
    data = load_dataset("mnist", data_dir=tmp_path / "data")
    assert data.X_train.shape == (12, 12)
    assert data.X_test.shape == (5, 12)
    assert data.image_shape == (4, 3, 1)
    assert data.X_train.dtype == np.uint8
    assert data.X_train.flags.c_contiguous
    assert data.y_train.dtype == np.int64
    assert data.X_train.tobytes() == small_mnist["train-images-idx3-ubyte"][16:]
    assert data.y_test.tolist() == list(small_mnist["t10k-labels-idx1-ubyte"][8:])
    assert data.provenance["official"] is True
    assert data.provenance["warnings"] == []


def test_other_bytes_in_a_users_folder_warn(tmp_path, write_mnist):
    with pytest.warns(DatasetWarning, match=OTHER_BYTES):
        data = load_dataset("mnist", data_dir=write_mnist(tmp_path / "own"))
    assert data.provenance["official"] is False
    assert OTHER_BYTES in data.provenance["warnings"][0]


def test_the_environment_names_the_folder(tmp_path, write_mnist, official, monkeypatch):
    monkeypatch.setenv("KERNELGEN_DATA_DIR", str(write_mnist(tmp_path / "own").parent))
    assert load_dataset("mnist").source == str(tmp_path / "own")


def test_other_bytes_in_the_cache_are_an_error(private_cache, write_mnist):
    write_mnist(private_cache / "mnist")
    with pytest.raises(ChecksumMismatch, match="kernelgen data fetch mnist"):
        load_dataset("mnist", offline=True)


def test_the_cache_is_filled_by_a_download(private_cache, official, mirror, monkeypatch):
    monkeypatch.setattr(mnist, "MIRRORS", (mirror.url,))
    mirror.files = {f"{name}.gz": content for name, content in official.items()}
    data = load_dataset("mnist")
    assert data.source == str(private_cache / "mnist")
    assert len(mirror.asked) == 4
    load_dataset("mnist")
    assert len(mirror.asked) == 4


def test_offline_says_what_is_missing_and_where_to_put_it(private_cache, monkeypatch):
    monkeypatch.setattr(mnist, "fetch_mnist", lambda *args, **kwargs: pytest.fail("touched the network"))
    with pytest.raises(DataMissing) as caught:
        load_dataset("mnist", offline=True)
    message = str(caught.value)
    assert "train-images-idx3-ubyte[.gz]" in message
    assert str(private_cache / "mnist") in message
    assert "kernelgen data fetch mnist" in message
    assert not private_cache.exists()


def test_a_given_folder_is_never_downloaded_into(tmp_path, write_mnist, small_mnist):
    folder = write_mnist(tmp_path / "own")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataMissing, match=r"missing: t10k-labels-idx1-ubyte\[\.gz\]\."):
        load_dataset("mnist", data_dir=folder)
    with pytest.raises(DataMissing, match="does not exist"):
        load_dataset("mnist", data_dir=tmp_path / "absent")
    with pytest.raises(DataError, match="is not a folder"):
        load_dataset("mnist", data_dir=folder / "t10k-images-idx3-ubyte.gz")


def test_two_copies_have_to_be_chosen_between(tmp_path, write_mnist):
    write_mnist(tmp_path / "a")
    write_mnist(tmp_path / "b")
    with pytest.raises(DataError, match="more than one folder"):
        load_dataset("mnist", data_dir=tmp_path)


def test_images_and_labels_of_different_number(tmp_path, write_mnist, small_mnist):
    folder = write_mnist(tmp_path)
    labels = small_mnist["train-labels-idx1-ubyte"]
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(
        gzip.compress(labels[:7] + bytes([11]) + labels[8:-1])
    )
    with pytest.warns(DatasetWarning), pytest.raises(DataError, match=r"has 12 images but .* has 11 labels"):
        load_dataset("mnist", data_dir=folder)


IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1]) + bytes(range(6))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated"),
        (IMAGES[:10], "truncated: 10 bytes"),
        (IMAGES[:-1], "truncated"),
        (IMAGES + b"x", "more bytes"),
        (b"\x89PNG" + IMAGES, "not an idx file"),
        (bytes([0, 0, 13]) + IMAGES[3:], "not an idx file"),
        (bytes([0, 0, 8, 1]) + IMAGES[4:], "not an idx file"),
        (IMAGES[:4] + bytes(4) + IMAGES[8:16], "empty"),
        (IMAGES[:4] + b"\xff" * 12, "truncated or damaged"),
        (gzip.compress(IMAGES)[:-9], "truncated"),
        (gzip.compress(IMAGES[:-1]), "truncated: 5 of the 6 bytes"),
        (gzip.compress(IMAGES + b"x"), "more bytes"),
        (gzip.compress(IMAGES)[:-6] + b"abcdef", "damaged"),
        (b"\x1f\x8b" + IMAGES, "damaged"),
    ],
)
def test_damaged_idx_files_are_named(tmp_path, content, message):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, n_dimensions=3)
    assert str(path) in str(caught.value)


def test_gzip_is_told_by_content_not_by_name(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(IMAGES)
    array, digest = read_idx(path, n_dimensions=3)
    assert array.ravel().tolist() == list(range(6))
    assert digest == hashlib.sha256(IMAGES).hexdigest()


def test_the_real_files(mnist_dir):
    data = load_dataset("mnist", data_dir=mnist_dir.parent)
    assert data.provenance["official"] is True
    assert data.X_train.shape == (60_000, 784)
    assert data.X_test.shape == (10_000, 784)
    assert data.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert round(float(data.X_train.mean()) / 255, 4) == 0.1307
