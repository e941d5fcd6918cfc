"""All sources compiled by NVRTC, to PTX and to machine code: no card is needed for that, only the library."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cuda_kernels import SOURCES
from kernelgen.engines.cuda.card import FUSED_SOURCE, OPTIONS, libraries

SOURCE = pytest.mark.parametrize("source", list(SOURCES), ids=lambda source: source.stem)


@pytest.fixture(scope="module")
def nvrtc() -> ctypes.CDLL:
    path = libraries()["nvrtc"]
    if path is None:
        pytest.skip('needs NVRTC: pip install ".[test-cuda]"')
    return ctypes.CDLL(path)


def compiled(
    nvrtc: ctypes.CDLL, source: Path, architecture: str, what: str, more: tuple[str, ...] = ()
) -> tuple[bytes, dict[str, bytes], str]:
    """Code of every instantiation, the mangled names of all, and the compiler's log."""
    program = ctypes.c_void_p()
    named, text = source.name.encode(), source.read_bytes()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, named, 0, None, None) == 0
    for name in SOURCES[source]:
        assert nvrtc.nvrtcAddNameExpression(program, name.encode()) == 0
    options = [
        f"--gpu-architecture={architecture}".encode(),
        *(option.encode() for option in (*OPTIONS, *more)),
    ]
    status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    assert status == 0, log(nvrtc, program)
    assert "warning" not in log(nvrtc, program)
    size: ctypes.c_size_t = ctypes.c_size_t()
    get_size: Callable = getattr(nvrtc, f"nvrtcGet{what}Size")
    assert get_size(program, ctypes.byref(size)) == 0
    code = ctypes.create_string_buffer(size.value)
    assert getattr(nvrtc, f"nvrtcGet{what}")(program, code) == 0
    lowered = {}
    for name in SOURCES[source]:
        mangled = ctypes.c_char_p()
        assert nvrtc.nvrtcGetLoweredName(program, name.encode(), ctypes.byref(mangled)) == 0
        lowered[name] = mangled.value or b""
    told = log(nvrtc, program)
    assert nvrtc.nvrtcDestroyProgram(ctypes.byref(program)) == 0
    return code.raw, lowered, told


def log(nvrtc: ctypes.CDLL, program: ctypes.c_void_p) -> str:
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, text)
    return text.value.decode()


@SOURCE
@pytest.mark.parametrize("capability", ["75", "80", "90", "100"])
def test_every_instantiation_becomes_ptx(nvrtc: ctypes.CDLL, source: Path, capability: str) -> None:
    code, lowered, _ = compiled(nvrtc, source, f"compute_{capability}", "PTX")
    assert f".target sm_{capability}".encode() in code
    entries = set(re.findall(rb"\.entry (\w+)\(", code))
    assert entries == set(lowered.values())
    assert len(entries) == len(SOURCES[source])


@SOURCE
@pytest.mark.parametrize("capability", ["80", "90"])
def test_every_instantiation_becomes_machine_code(nvrtc: ctypes.CDLL, source: Path, capability: str) -> None:
    code, lowered, _ = compiled(nvrtc, source, f"sm_{capability}", "CUBIN")
    assert code.startswith(b"\x7fELF")
    assert all(name in code for name in lowered.values())


@pytest.mark.parametrize("capability", ["80", "90", "100"])
def test_the_fused_kernel_s_tile_is_in_registers(nvrtc: ctypes.CDLL, capability: str) -> None:
    """64 responses a thread, and two blocks a multiprocessor."""
    *_, told = compiled(nvrtc, FUSED_SOURCE, f"sm_{capability}", "CUBIN", ("--ptxas-options=-v",))
    spilled = [int(number) for number in re.findall(r"(\d+) bytes spill stores", told)]
    registers = [int(number) for number in re.findall(r"Used (\d+) registers", told)]
    assert len(spilled) == len(registers) == len(SOURCES[FUSED_SOURCE])
    assert max(spilled) <= 16
    assert max(registers) <= 128
