"""finish.cu, compiled by the host's C++ compiler and run thread by thread, against NumPy."""

from __future__ import annotations

import ctypes
import itertools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cuda_kernels import KERNELS, TYPES, name_of
from kernelgen.arrays.points import Points, center_of
from kernelgen.engines.cuda.card import SOURCE
from kernelgen.engines.cuda.device import Finish, formula, leading_dimension
from kernelgen.engines.cuda.host import Host
from kernelgen.engines.cuda.operands import prepare
from oracles import naive_gram, tolerance

COMPILER = next((name for name in ("g++", "clang++", "c++") if shutil.which(name)), None)
ARGUMENTS = [
    *[ctypes.c_void_p, ctypes.c_longlong] * 2,
    *[ctypes.c_void_p] * 6,
    *[ctypes.c_longlong, ctypes.c_int, ctypes.c_int, ctypes.c_int],
    *[ctypes.c_double, ctypes.c_double, ctypes.c_int, ctypes.c_longlong, ctypes.c_int],
    *[ctypes.c_double, ctypes.c_double],
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """One C function for each instantiation, that launches it on grids as the card does."""
    if COMPILER is None:
        pytest.skip("needs a C++ compiler")
    folder: Path = tmp_path_factory.mktemp("finish")
    lines = ['#include "host_cuda.hpp"', f'#include "{SOURCE}"', 'extern "C" {']
    for kernel, (K, products) in itertools.product(KERNELS, TYPES):
        name = name_of(kernel, K, products)
        symbol = "f_" + "".join(c if c.isalnum() else "_" for c in name)
        if any(f" {symbol}(" in line for line in lines):
            continue
        T, P = name[len("finish<") :].split(", ")[:2]
        terms = f"const typename Terms<{P}>::type"
        lines.append(
            f"void {symbol}({T}* K, long long ldk, const {P}* p, long long ldp, {terms}* r, {terms}* c, "
            f"const {T}* f, const {T}* g, const {T}* x, const {T}* z, long long ldx, int d, int rows, int columns, "
            "double a, double b, int degree, long long offset, int has_diagonal, double diagonal, double ridge) {\n"
            f"  launch((columns + 63) / 64, (rows + 31) / 32, 64, 4, [&] {{ {name}(K, ldk, p, ldp, r, c, f, g, x, z, "
            "ldx, d, rows, columns, a, b, degree, offset, has_diagonal, diagonal, ridge); });\n}"
        )
    source = folder / "finish.cpp"
    source.write_text("\n".join([*lines, "}"]).replace("typename Terms", "Terms"))
    target = folder / "finish.so"
    flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
    include = ["-I", str(Path(__file__).parent)]
    subprocess.run([COMPILER, *flags, *include, str(source), "-o", str(target)], check=True)
    return ctypes.CDLL(str(target))


@pytest.mark.parametrize("offset", [None, 0, 3, -2])
@pytest.mark.parametrize(("K_dtype", "products_dtype"), TYPES)
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: f"{k.name}-{k.of}")
def test_the_kernel_and_its_numpy_twin_agree(
    library: ctypes.CDLL, kernel, K_dtype: str, products_dtype: str, offset: int | None
) -> None:
    rng = np.random.default_rng(1)
    m, n, d, host = 70, 130, 5, Host()
    if products_dtype == "int32":
        both = Points(rng.integers(0, 256, (m + n, d), dtype=np.uint8), 1 / 64)
    else:
        values = rng.standard_normal((m + n, d))
        values[m + 7] = values[3] * (1 + 1e-9)  # a close pair
        both = Points(values.astype(K_dtype))
        both = center_of(both) if kernel.uses_distance else both
    x, z = (
        prepare(host, Points(both.values[rows], both.scale, both.center), kernel, np.dtype(K_dtype))
        for rows in (slice(0, m), slice(m, m + n))
    )
    products = np.full((m, n + 6), -7, dtype=products_dtype)
    host.multiply(products[:, :n], x.values[:m], z.values[:n], transpose_b=True)
    how = Finish(kernel, offset, 0.25, d)
    expected = np.empty((m, n), dtype=K_dtype)
    host.finish(expected, products[:, :n], x, z, how)
    K = np.full((m, n + 3), np.nan, dtype=K_dtype)
    symbol = "f_" + "".join(c if c.isalnum() else "_" for c in name_of(kernel, K_dtype, products_dtype))
    function = getattr(library, symbol)
    function.argtypes, function.restype = ARGUMENTS, None
    name, a, b, degree = formula(kernel)
    diagonal = kernel.diagonal_value if name != "quantity" else None
    function(
        K.ctypes.data, leading_dimension(K), products.ctypes.data, leading_dimension(products),
        x.terms.ctypes.data, z.terms.ctypes.data, x.factors.ctypes.data, z.factors.ctypes.data,
        x.values.ctypes.data, z.values.ctypes.data, leading_dimension(x.values), d, m, n, a, b, degree,
        n if offset is None else offset, diagonal is not None, diagonal or 0.0, how.ridge,
    )  # fmt: skip
    found = K[:, :n]
    assert np.isfinite(found).all()
    assert np.isnan(K[:, n:]).all()
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.abs(found - expected).max() <= tolerance(K_dtype, norm=scale, n=d)
    if name != "quantity" and offset is None:
        naive = naive_gram(kernel.describe(), both.values[:m], both.values[m:], scale=both.scale)
        sharp = 1e3 if products_dtype != "int32" else 1.0
        assert np.abs(found - naive).max() <= sharp * tolerance(K_dtype, norm=scale, n=d, c=32)
