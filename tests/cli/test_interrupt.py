"""Ctrl-C, kill -9, a closed pipe, two writers: nobody waits, nothing is half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command_line import PROGRAM, Run
from kernelgen.arrays.tensor_file import open_tensors

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def test_ctrl_c_ends_a_solve_within_two_seconds(environment, tmp_path: Path, slow_data: Path) -> None:
    words = [
        "solve",
        "--dataset",
        str(slow_data),
        "--engine",
        "native",
        "--precision",
        "float64",
        "--bandwidth",
        "2",
    ]
    words += ["--threads", "1", "--save", "model.safetensors"]
    process = subprocess.Popen(
        [*PROGRAM, *words], env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    time.sleep(2.5)  # the solve takes several seconds; the imports less than two
    assert process.poll() is None, process.stderr.read()
    start = time.perf_counter()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert time.perf_counter() - start < 2.0
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert not list(tmp_path.glob("*model*"))


def test_kill_9_leaves_the_old_model(run: Run, environment, tmp_path: Path, slow_data: Path) -> None:
    run("solve", "--quiet", "--n-train", "200", "--save", "model.safetensors")
    before = (tmp_path / "model.safetensors").read_bytes()
    words = ["solve", "--dataset", str(slow_data), "--bandwidth", "2", "--save", "model.safetensors"]
    process = subprocess.Popen([*PROGRAM, *words], env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL)
    time.sleep(2.0)
    process.kill()
    process.wait(timeout=30)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_two_writers_leave_one_whole_model(environment, tmp_path: Path) -> None:
    words = ["solve", "--quiet", "--json", "--save", "model.safetensors"]
    pair = [
        subprocess.Popen([*PROGRAM, *words], env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert [process.wait(timeout=120) for process in pair] == [0, 0]
    tensors, _ = open_tensors(tmp_path / "model.safetensors")
    assert tensors["alpha"].shape == (1437, 10)
    assert [path.name for path in tmp_path.glob("*model*")] == ["model.safetensors"]


def test_a_closed_pipe_is_quiet(environment, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*PROGRAM, "solve", "--json", "--quiet"],
        env=environment,
        cwd=tmp_path,
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    os.close(reader)
    _, errors = process.communicate(timeout=120)
    assert errors == b""
