"""Named arrays and text in one safetensors file: streamed out under a temporary name, memory-mapped in.

    8 bytes: header length N | N bytes: JSON header | the arrays, one after the other

Reading runs no code. A reader never meets half a file: the temporary file is synced to disk, then renamed.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kernelgen.arrays.points import AnyArray
from kernelgen.arrays.whole_file import whole_file
from kernelgen.errors import DataError, DataMissing

_DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_ALIGNMENT = 64
_CHUNK_BYTES = 1 << 24
_LARGEST_HEADER = 100_000_000  # the format's own limit


def write_tensors(
    path: str | PathLike[str], tensors: Mapping[str, AnyArray], metadata: Mapping[str, str]
) -> None:
    """Write arrays and text to ``path``, replacing a file there only once everything is on disk.

    Parameters
    ----------
    path : path
        Its folder must exist.
    tensors : mapping of name to array
        float64, float32, int64, int32, uint8 or bool; written from where they are, without a copy of a contiguous one.
    metadata : mapping of str to str

    Raises
    ------
    DataError
        The folder is missing or cannot be written, or the disk is full; the old file, if any, is as it was.
    """
    ordered = dict(
        sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize)
    )  # keeps each one aligned
    header = _header(ordered, metadata)
    with whole_file(path, sync=True) as partial, partial.open("xb") as file:
        file.write(header)
        for array in ordered.values():
            _write_array(file, array)


def open_tensors(
    path: str | PathLike[str], *, mmap: bool = True
) -> tuple[dict[str, AnyArray], dict[str, str]]:
    """Arrays and text of a file written by :func:`write_tensors`, or of any safetensors file of these dtypes.

    Parameters
    ----------
    path : path
    mmap : bool
        True maps the file and reads pages when they are first used; the arrays are read-only.

    Raises
    ------
    DataMissing
        There is no such file.
    DataError
        The file is truncated, or is not of this format.
    """
    path = Path(path)
    try:
        entries, metadata, start = _read_header(path)
        buffer: AnyArray
        if mmap:
            buffer = np.memmap(path, dtype=np.uint8, mode="r")[start:]
        else:
            buffer = np.fromfile(path, dtype=np.uint8, offset=start)
    except FileNotFoundError:
        raise DataMissing(f"there is no file {path}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    tensors = {}
    for name, (dtype, shape, begin, end) in entries.items():
        tensors[name] = np.asarray(buffer[begin:end]).view(dtype).reshape(shape)
    return tensors, metadata


def _header(tensors: Mapping[str, AnyArray], metadata: Mapping[str, str]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": dict(metadata)}
    offset = 0
    for name, array in tensors.items():
        if array.dtype.newbyteorder("<") not in _NAMES:
            raise DataError(f"cannot write array {name!r} of dtype {array.dtype}")
        entries[name] = {
            "dtype": _NAMES[array.dtype.newbyteorder("<")],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(entries).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return struct.pack("<Q", len(text)) + text


def _write_array(file: BinaryIO, array: AnyArray) -> None:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    file.writelines(
        little[start : start + _CHUNK_BYTES].data for start in range(0, little.size, _CHUNK_BYTES)
    )


_Entry = tuple[np.dtype[Any], tuple[int, ...], int, int]


def _read_header(path: Path) -> tuple[dict[str, _Entry], dict[str, str], int]:
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        if not 2 <= length <= min(_LARGEST_HEADER, max(size - 8, 0)):
            raise DataError(f"{path} is not a safetensors file, or it is truncated")
        text = file.read(length)
    try:
        header = json.loads(text)
        metadata = {str(key): str(value) for key, value in header.pop("__metadata__", {}).items()}
        entries = {str(name): _entry(fields) for name, fields in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"{path} has a damaged header") from None
    _check_extent(path, entries, size - 8 - length)
    return entries, metadata, 8 + length


def _entry(fields: Any) -> _Entry:
    dtype = _DTYPES[fields["dtype"]]
    shape = tuple(int(side) for side in fields["shape"])
    begin, end = (int(offset) for offset in fields["data_offsets"])
    if min((*shape, begin), default=begin) < 0 or end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError("offsets and shape disagree")
    return dtype, shape, begin, end


def _check_extent(path: Path, entries: Mapping[str, _Entry], n_bytes: int) -> None:
    expected = 0
    for _, _, begin, end in sorted(entries.values(), key=lambda entry: entry[2:]):
        if begin != expected:
            raise DataError(f"{path} has a damaged header: its arrays overlap or leave a gap")
        expected = end
    if expected != n_bytes:
        raise DataError(
            f"{path} is truncated or damaged: {n_bytes} bytes of arrays, its header says {expected}"
        )
