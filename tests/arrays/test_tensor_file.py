"""One file format: exact, aligned, read by safetensors too; damage is noticed, and nothing is half-written."""

from __future__ import annotations

import errno
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors
from safetensors.numpy import save_file

from kernelgen.arrays import tensor_file
from kernelgen.arrays.tensor_file import open_tensors, write_tensors
from kernelgen.errors import DataError, DataMissing

TENSORS = {
    "bytes": np.arange(7, dtype=np.uint8).reshape(7, 1),
    "singles": np.linspace(0, 1, 5, dtype=np.float32),
    "doubles": np.linspace(0, 1, 6).reshape(2, 3),
    "rows": np.arange(4),
    "flags": np.array([True, False]),
    "nothing": np.zeros((0, 3)),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_tensors(tmp_path / "a.safetensors", TENSORS, {"format": "test", "text": 'quotes " and ü'})
    return tmp_path / "a.safetensors"


@pytest.mark.parametrize("mmap", [True, False])
def test_what_was_written_is_read(path: Path, mmap: bool) -> None:
    tensors, metadata = open_tensors(path, mmap=mmap)
    assert metadata == {"format": "test", "text": 'quotes " and ü'}
    assert tensors.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        assert tensors[name].dtype == array.dtype
        assert np.array_equal(tensors[name], array)
        assert tensors[name].ctypes.data % array.itemsize == 0
    if mmap:
        assert not tensors["doubles"].flags.writeable
        assert tensors["doubles"].ctypes.data % 64 == 0


def test_safetensors_reads_ours_and_we_read_theirs(path: Path) -> None:
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata()["format"] == "test"
        for name, array in TENSORS.items():
            assert np.array_equal(file.get_tensor(name), array)
    theirs = path.with_name("theirs.safetensors")
    save_file({"x": TENSORS["doubles"]}, theirs, metadata={"k": "v"})
    tensors, metadata = open_tensors(theirs)
    assert metadata == {"k": "v"}
    assert np.array_equal(tensors["x"], TENSORS["doubles"])


def test_a_strided_array_is_written_as_it_reads(tmp_path: Path) -> None:
    write_tensors(tmp_path / "t", {"x": np.arange(12.0).reshape(3, 4).T}, {})
    assert np.array_equal(open_tensors(tmp_path / "t")[0]["x"], np.arange(12.0).reshape(3, 4).T)


def test_the_temporary_file_is_gone_and_permissions_are_ordinary(path: Path) -> None:
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("keep", [0, 4, 8, 20, -1])
def test_a_truncated_file_is_noticed(path: Path, keep: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:keep] if keep >= 0 else data[:-1])
    with pytest.raises(DataError, match=r"truncated|damaged"):
        open_tensors(path)


def _header(entries: object, payload: bytes = b"") -> bytes:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + payload


@pytest.mark.parametrize(
    "data",
    [
        os.urandom(200),
        b"\xff" * 200,
        _header(b"not json at all"),
        _header([1, 2]),
        _header({"x": {"dtype": "F64", "shape": [1]}}),
        _header({"x": {"dtype": "Q9", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
        _header({"x": {"dtype": "F64", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
        _header({"x": {"dtype": "F64", "shape": [-1], "data_offsets": [0, -8]}}),
        _header({"x": {"dtype": "F64", "shape": [1], "data_offsets": [8, 16]}}, bytes(16)),
        _header({n: {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]} for n in "xy"}, bytes(8)),
        _header({"x": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}, bytes(9)),
    ],
)
@pytest.mark.parametrize("mmap", [True, False])
def test_garbage_is_a_data_error(tmp_path: Path, data: bytes, mmap: bool) -> None:
    (tmp_path / "g").write_bytes(data)
    with pytest.raises(DataError):
        open_tensors(tmp_path / "g", mmap=mmap)


def test_a_missing_file_and_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataMissing):
        open_tensors(tmp_path / "none")
    with pytest.raises(DataError, match="cannot write"):
        write_tensors(tmp_path / "no" / "folder", TENSORS, {})


def test_a_dtype_the_format_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="complex128"):
        write_tensors(tmp_path / "c", {"x": np.zeros(1, dtype=complex)}, {})
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def full(file: object, array: np.ndarray) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tensor_file, "_write_array", full)
    with pytest.raises(DataError, match="disk is full"):
        write_tensors(path, TENSORS, {})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_really_full_disk(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        write_tensors(small / "old", {"x": np.ones(10)}, {})
        with pytest.raises(DataError, match="disk is full"):
            write_tensors(small / "old", {"x": np.ones(100_000)}, {})
        assert [p.name for p in small.iterdir()] == ["old"]
        assert np.array_equal(open_tensors(small / "old", mmap=False)[0]["x"], np.ones(10))
    finally:
        subprocess.run(["umount", small], check=True)


_WRITER = """
import sys, time
import numpy as np
from kernelgen.arrays import tensor_file

original = tensor_file._write_array
def slow(file, array):
    original(file, array)
    file.flush()
    print("half", flush=True)
    time.sleep(60)

tensor_file._write_array = slow
tensor_file.write_tensors(sys.argv[1], {"a": np.ones(1000), "b": np.ones(1000)}, {})
"""


def test_a_kill_in_the_middle_leaves_the_old_file(path: Path) -> None:
    before = path.read_bytes()
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer.stdout:
        assert writer.stdout.readline() == "half\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait(10)
    assert path.read_bytes() == before
    left = [p for p in path.parent.iterdir() if p != path]
    assert [p.name[0] for p in left] == ["."]
    with pytest.raises(DataError):
        open_tensors(left[0])


def test_an_interrupt_removes_the_temporary_file(path: Path) -> None:
    before = path.read_bytes()
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert writer.stdout is not None
    with writer.stdout:
        assert writer.stdout.readline() == "half\n"
        start = time.monotonic()
        writer.send_signal(signal.SIGINT)
        writer.wait(10)
    assert time.monotonic() - start < 5
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]
