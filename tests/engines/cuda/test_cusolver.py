"""The ctypes shim against the library: its symbols, and its signatures against the header beside it."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import pytest

from kernelgen.engines.cuda.card import libraries
from kernelgen.engines.cuda.cusolver import SIGNATURES, CusolverError, check, loaded_library

C_TYPES = {
    "cusolverDnHandle_t": ctypes.c_void_p,
    "cusolverDnParams_t": ctypes.c_void_p,
    "cusolverDnParams_t*": ctypes.POINTER(ctypes.c_void_p),
    "cublasFillMode_t": ctypes.c_int,
    "cudaDataType": ctypes.c_int,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
    "size_t*": ctypes.POINTER(ctypes.c_size_t),
    "void*": ctypes.c_void_p,
    "int*": ctypes.c_void_p,  # on the device: an address
}


@pytest.fixture(scope="module")
def path() -> Path:
    found = libraries()["cusolver"]
    if found is None:
        pytest.skip('needs cuSOLVER: pip install ".[test-cuda]"')
    return Path(found)


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_library_exports_it(path: Path, name: str) -> None:
    assert getattr(ctypes.CDLL(str(path)), name)


@pytest.mark.parametrize("name", SIGNATURES)
def test_its_arguments_are_those_of_the_header(path: Path, name: str) -> None:
    folders = [path.parents[1] / "include", *path.parents[1].glob("targets/*/include")]
    header = next((file for folder in folders if (file := folder / "cusolverDn.h").is_file()), None)
    if header is None:
        pytest.skip(f'needs cusolverDn.h beside {path}: pip install ".[test-cuda]"')
    found = re.search(rf"\b{name}\(([^)]*)\);", header.read_text())
    assert found
    declared = []
    for argument in found[1].split(","):
        words = re.sub(r"\bconst\b", "", argument).replace("*", " * ").split()
        declared.append("".join(words[:-1]))  # the last is its name
    assert [C_TYPES[text] for text in declared] == SIGNATURES[name]


def test_the_loaded_library_is_read_from_the_process_map(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "7f00-7f01 r--p 00000000 fe:00 1 /a/libcusolverMg.so.11\n"
        "7f02-7f03 r--p 00000000 fe:00 2 /b/libcusolver.so.11\n"
        "7f04-7f05 rw-p 00000000 00:00 0\n"
    )
    assert loaded_library(maps) == "/b/libcusolver.so.11"
    maps.write_text("7f04-7f05 rw-p 00000000 00:00 0\n")
    assert loaded_library(maps) is None
    assert loaded_library(tmp_path / "absent") is None


def test_a_status_that_is_not_zero_is_an_error() -> None:
    check(0, "f")
    with pytest.raises(CusolverError, match="f returned status 3"):
        check(3, "f")
