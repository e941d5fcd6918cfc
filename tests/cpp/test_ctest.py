"""Build the C++ tests from cpp/ as a stranger would, with cmake and ninja from pip, and run them with ctest.

With KERNELGEN_SANITIZE_TESTS=1 they are built and run a second time under the address and undefined-behaviour
sanitizers (`.ci/run` does so).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "cpp"
TOOLS = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


@pytest.mark.parametrize("sanitize", ["", "address,undefined"], ids=["plain", "sanitized"])
def test_cpp(sanitize: str, tmp_path: Path) -> None:
    if sanitize and not os.environ.get("KERNELGEN_SANITIZE_TESTS"):
        pytest.skip("a second build of the C++ tests: set KERNELGEN_SANITIZE_TESTS=1 to have it")
    for tool in ("cmake", "ctest", "ninja"):
        if shutil.which(tool, path=TOOLS) is None:
            pytest.skip(f'needs {tool}: pip install ".[test]"')
    if sanitize and (reason := no_sanitizer(tmp_path)):
        pytest.skip(reason)

    build = tmp_path / "build"
    options = [
        "-DKERNELGEN_BUILD_TESTS=ON",
        f"-DKERNELGEN_SANITIZE={sanitize}",
        f"-DPython_EXECUTABLE={sys.executable}",
    ]
    run("cmake", "-S", SOURCE, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", *options)
    run("cmake", "--build", build)
    report = run("ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error", "--timeout", "600")
    assert "100% tests passed" in report


def run(*command: str | Path) -> str:
    """Run a command with this environment's tools; its output, or a failure after printing it."""
    found = shutil.which(command[0], path=TOOLS)
    assert found, command[0]
    environment = {**os.environ, "PATH": TOOLS, "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
    done = subprocess.run(
        [found, *map(str, command[1:])],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(
            f"{' '.join(map(str, command))}\nexit code {done.returncode}\n{done.stdout}", pytrace=False
        )
    return done.stdout


def no_sanitizer(folder: Path) -> str | None:
    """Return why a sanitized program cannot be built and run here, or None where it can."""
    compiler = os.environ.get("CXX") or next(filter(shutil.which, ("c++", "g++", "clang++")), None)
    if compiler is None:
        return "needs a C++ compiler"
    source, program = folder / "empty.cpp", folder / "empty"
    source.write_text("int main() {}\n")
    for command in ([compiler, "-fsanitize=address,undefined", source, "-o", program], [program]):
        done = subprocess.run(
            [*map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"needs the sanitizers' libraries: {done.stderr.strip().splitlines()[-1:]}"
    return None
