"""Every instantiation of the CUDA engine's kernels, for tests that compile it and that run it on the host."""

from __future__ import annotations

import ctypes
import itertools
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kernelgen.engines.cuda.card import CONVOLVE_SOURCE, FUSED_SOURCE, SOURCE, kernel_name
from kernelgen.kernels.custom import Custom
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.laplacian import Laplacian
from kernelgen.kernels.linear import Linear
from kernelgen.kernels.polynomial import Polynomial

KERNELS = [
    Gaussian(1.5),
    Laplacian(2.0),
    Polynomial(3, gamma=0.5, coef0=1.0),
    Polynomial(4, normalize=True),
    Linear(),
    Custom(lambda q: 1 / (1 + q)),
    Custom(lambda q: 1 / (1 + q), of="distance"),
    Custom(lambda q: q + 1, of="product"),
]
TYPES = [("float32", "float32"), ("float64", "float64"), ("float32", "int32"), ("float64", "int32")]


def name_of(kernel, K, products) -> str:
    """The instantiation a kernel and two dtypes need."""
    return kernel_name("quantity" if kernel.name == "custom" else kernel.name, kernel.of, K, products)


NAMES = sorted({name_of(kernel, *types) for kernel, types in itertools.product(KERNELS, TYPES)})


SHAPE = ["int"] * 8
CONVOLVE = {  # arguments of convolve.cu's kernels: S is of an image's values, T of the arithmetic
    "measure_contrast<S, T>": ["double*", "const S*", "long long", "double", "double", *SHAPE],
    "gather<S, T>": ["T*", "const S*", "long long", "double", "const double*", "int", *SHAPE],
    "rectify_and_pool<T>": [
        *["T*", "long long", "const T*", "long long", "const T*", "const T*"],
        *["const double*", "const double*", *SHAPE],
    ],
}
CONVOLVE_NAMES = {
    kernel.replace("S", S).replace("T", T): [each.replace("S", S).replace("T", T) for each in arguments]
    for kernel, arguments in CONVOLVE.items()
    for S in ("unsigned char", "float", "double")
    for T in ("float", "double")
}
FUSED = [  # arguments of fused.cu's kernel, whose threads wait for each other
    *["float*", "long long", "const S*", "long long", "double", "const double*", "int"],
    *["const float*", "int", "const float*", "const float*", "const double*", "const double*"],
    *["const int*", "const int*", "const int*", "const float*", *["int"] * 14],
]
FUSED_NAMES = {
    f"convolve_and_pool<{S}>": [each.replace("S", S) for each in FUSED]
    for S in ("unsigned char", "float", "double")
}
SOURCES = {SOURCE: NAMES, CONVOLVE_SOURCE: sorted(CONVOLVE_NAMES), FUSED_SOURCE: sorted(FUSED_NAMES)}
"""Names of the instantiations of each source."""
_TYPES = {"int": ctypes.c_int, "long long": ctypes.c_longlong, "double": ctypes.c_double}

ARGUMENTS = [
    *[ctypes.c_int] * 4,  # the grid, the block
    *[ctypes.c_void_p, ctypes.c_longlong] * 2,
    *[ctypes.c_void_p] * 6,
    *[ctypes.c_longlong, ctypes.c_int, ctypes.c_int, ctypes.c_int],
    *[ctypes.c_double, ctypes.c_double, ctypes.c_int, ctypes.c_longlong, ctypes.c_int],
    *[ctypes.c_double, ctypes.c_double],
]
COMPILER = next((name for name in ("g++", "clang++", "c++") if shutil.which(name)), None)


def compile_on_the_host(folder: Path) -> dict[str, Callable]:
    """All sources by the host's compiler: for each instantiation a function that walks its grid thread by thread.

    Where threads wait for each other the function takes bytes of shared memory in place of a block's second side.
    """
    if COMPILER is None:
        pytest.skip("needs a C++ compiler (c++, g++ or clang++) to run the CUDA kernels on the host")
    lines = ['#include "host_cuda.hpp"', *(f'#include "{source}"' for source in SOURCES), 'extern "C" {']
    for name in NAMES:
        T, P = name[len("finish<") :].split(", ")[:2]
        terms = f"const Terms<{P}>::type"
        lines.append(
            f"void {_symbol(name)}(int gx, int gy, int bx, int by, {T}* K, long long ldk, const {P}* p, "
            f"long long ldp, {terms}* r, {terms}* c, const {T}* f, const {T}* g, const {T}* x, const {T}* z, "
            "long long ldx, int d, int rows, int columns, double a, double b, int degree, long long offset, "
            "int has_diagonal, double diagonal, double ridge) {\n"
            f"  launch(gx, gy, bx, by, [&] {{ {name}(K, ldk, p, ldp, r, c, f, g, x, z, ldx, d, rows, columns, a, b, "
            "degree, offset, has_diagonal, diagonal, ridge); });\n}"
        )
    for name, types in {**CONVOLVE_NAMES, **FUSED_NAMES}.items():
        given = ", ".join(f"{kind} a{k}" for k, kind in enumerate(types))
        passed = ", ".join(f"a{k}" for k in range(len(types)))
        launch = "launch_together" if name in FUSED_NAMES else "launch"
        lines.append(
            f"void {_symbol(name)}(int gx, int gy, int bx, int by, {given}) {{\n"
            f"  {launch}(gx, gy, bx, by, [&] {{ {name}({passed}); }});\n}}"
        )
    source, target = folder / "kernels.cpp", folder / "kernels.so"
    source.write_text("\n".join([*lines, "}"]))
    flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-fPIC", "-shared"]
    include = ["-I", str(Path(__file__).parent / "engines" / "cuda")]
    subprocess.run([COMPILER, *flags, *include, str(source), "-o", str(target)], check=True)
    library = ctypes.CDLL(str(target))
    functions = {}
    for name in NAMES:
        functions[name] = getattr(library, _symbol(name))
        functions[name].argtypes, functions[name].restype = ARGUMENTS, None
    for name, types in {**CONVOLVE_NAMES, **FUSED_NAMES}.items():
        functions[name] = getattr(library, _symbol(name))
        functions[name].restype = None
        functions[name].argtypes = [
            *[ctypes.c_int] * 4,
            *(_TYPES.get(each, ctypes.c_void_p) for each in types),
        ]
    return functions


def _symbol(name: str) -> str:
    return "f_" + "".join(c if c.isalnum() else "_" for c in name)
