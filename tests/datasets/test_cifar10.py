"""CIFAR-10: archive and folder, layout of the rows, the pickled version refused."""

from __future__ import annotations

import hashlib
import io
import tarfile

import numpy as np
import pytest

from kernelgen.datasets import DatasetWarning, cifar10, load_dataset
from kernelgen.datasets.download import RemoteFile
from kernelgen.errors import ChecksumMismatch, DataError, DataMissing

ARCHIVE = "cifar-10-binary.tar.gz"


@pytest.fixture
def official(monkeypatch, small_cifar):
    """Take the small batches for the official ones."""
    digests = {name: hashlib.sha1(content).hexdigest() for name, content in small_cifar.items()}
    monkeypatch.setattr(cifar10, "BATCHES", digests)


@pytest.fixture
def as_folder(tmp_path, small_cifar):
    folder = tmp_path / "own" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, content in small_cifar.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def as_archive(tmp_path, small_cifar, pack):
    folder = tmp_path / "packed"
    folder.mkdir()
    (folder / ARCHIVE).write_bytes(pack({"readme.html": b"text", **small_cifar}))
    return folder


def check_arrays(data, small_cifar):
    records = np.frombuffer(b"".join(small_cifar.values()), dtype=np.uint8).reshape(18, 3073)
    np.testing.assert_array_equal(np.vstack([data.X_train, data.X_test]), records[:, 1:])
    np.testing.assert_array_equal(np.concatenate([data.y_train, data.y_test]), records[:, 0])
    assert data.X_train.shape == (15, 3072)
    assert data.X_train.dtype == np.uint8
    assert data.X_train.flags.c_contiguous
    assert data.y_train.dtype == np.int64


def test_a_folder_or_its_parent(as_folder, small_cifar, official):
    for place in (as_folder, as_folder.parent):
        data = load_dataset("cifar10", data_dir=place)
        check_arrays(data, small_cifar)
        assert data.provenance["official"] is True


def test_an_archive_is_read_in_memory(as_archive, small_cifar, official):
    data = load_dataset("cifar10", data_dir=as_archive.parent)
    check_arrays(data, small_cifar)
    assert data.source == str(as_archive / ARCHIVE)
    assert [entry.name for entry in as_archive.iterdir()] == [ARCHIVE]


def test_rows_are_planes_and_images_are_not(as_folder, official):
    data = load_dataset("cifar10", data_dir=as_folder)
    images = data.as_images(data.X_train)
    assert images.shape == (15, 32, 32, 3)
    assert images[2, 5, 7].tolist() == [data.X_train[2, c * 1024 + 5 * 32 + 7] for c in range(3)]


def test_other_bytes_warn_in_a_users_folder(as_folder, as_archive):
    for place in (as_folder, as_archive):
        with pytest.warns(DatasetWarning, match="other bytes than the official CIFAR-10"):
            data = load_dataset("cifar10", data_dir=place)
        assert data.provenance["official"] is False
        assert len(data.provenance["warnings"]) == 1


def test_other_bytes_in_the_cache_are_an_error(private_cache, small_cifar, pack):
    (private_cache / "cifar10").mkdir(parents=True)
    (private_cache / "cifar10" / ARCHIVE).write_bytes(pack(small_cifar))
    with pytest.raises(ChecksumMismatch, match="kernelgen data fetch cifar10"):
        load_dataset("cifar10", offline=True)


def test_the_cache_is_filled_by_a_download(private_cache, small_cifar, pack, official, mirror, monkeypatch):
    content = pack(small_cifar)
    mirror.files[ARCHIVE] = content
    file = RemoteFile(ARCHIVE, (mirror.url + ARCHIVE,), hashlib.sha256(content).hexdigest(), len(content))
    monkeypatch.setattr(cifar10, "ARCHIVE", file)
    check_arrays(load_dataset("cifar10"), small_cifar)
    assert (private_cache / "cifar10" / ARCHIVE).is_file()


def test_offline_says_where_to_put_it(private_cache, tmp_path, as_folder):
    with pytest.raises(DataMissing, match=r"cifar-10-binary\.tar\.gz, or the folder") as caught:
        load_dataset("cifar10", offline=True)
    assert str(private_cache / "cifar10") in str(caught.value)
    (as_folder / "data_batch_3.bin").unlink()
    with pytest.raises(DataMissing, match=r"missing: data_batch_3\.bin"):
        load_dataset("cifar10", data_dir=as_folder)


@pytest.mark.parametrize(
    "name", ["cifar-10-python.tar.gz", "data_batch_1", "cifar-10-batches-py/data_batch_1"]
)
def test_pickles_are_refused(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"\x80\x02.")
    with pytest.raises(DataError, match="a pickle, which can run any code"):
        load_dataset("cifar10", data_dir=tmp_path)


def test_pickles_under_the_binary_name_are_refused(tmp_path, pack):
    (tmp_path / ARCHIVE).write_bytes(pack({"data_batch_1": b"\x80\x02."}, folder="cifar-10-batches-py"))
    with pytest.raises(DataError, match="a pickle"):
        load_dataset("cifar10", data_dir=tmp_path)


def test_damaged_archives_are_named(tmp_path, small_cifar, pack):
    whole = pack(small_cifar)
    path = tmp_path / ARCHIVE
    for content, message in (
        (b"", "truncated or damaged"),
        (b"no archive", "truncated or damaged"),
        (whole[: len(whole) // 2], "truncated"),
        (whole[:-1000] + bytes(1000), "truncated|damaged"),
        (pack({"test_batch.bin": small_cifar["test_batch.bin"]}), r"lacks data_batch_1\.bin"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message) as caught:
            load_dataset("cifar10", data_dir=tmp_path)
        assert str(path) in str(caught.value)


def test_a_member_that_is_a_link_is_refused(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("../data_batch_1.bin")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    (tmp_path / ARCHIVE).write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match="is not a file"):
        load_dataset("cifar10", data_dir=tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes"),
        (bytes(3072), "3072 bytes"),
        (bytes(3074 * 2), "CIFAR-100"),
        (bytes(3073) + bytes([10]) + bytes(3072), r"image 1 has label 10, not 0\.\.9"),
    ],
)
def test_damaged_batches_are_named(as_folder, content, message):
    (as_folder / "data_batch_2.bin").write_bytes(content)
    with pytest.warns(DatasetWarning), pytest.raises(DataError, match=rf"data_batch_2\.bin.*{message}"):
        load_dataset("cifar10", data_dir=as_folder)
