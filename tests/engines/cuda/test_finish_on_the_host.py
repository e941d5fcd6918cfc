"""finish.cu, compiled by the host's C++ compiler and run thread by thread, against NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cuda_kernels import KERNELS, TYPES, compile_on_the_host, name_of
from kernelgen.arrays.points import Points, center_of
from kernelgen.engines.cuda.device import Finish, formula, leading_dimension
from kernelgen.engines.cuda.host import Host
from kernelgen.engines.cuda.operands import prepare
from oracles import naive_gram, tolerance


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable]:
    return compile_on_the_host(tmp_path_factory.mktemp("finish"))


@pytest.mark.parametrize("offset", [None, 0, 3, -2])
@pytest.mark.parametrize(("K_dtype", "products_dtype"), TYPES)
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: f"{k.name}-{k.of}")
def test_the_kernel_and_its_numpy_twin_agree(
    kernels: dict[str, Callable], kernel, K_dtype: str, products_dtype: str, offset: int | None
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
    name, a, b, degree = formula(kernel)
    diagonal = kernel.diagonal_value if name != "quantity" else None
    kernels[name_of(kernel, K_dtype, products_dtype)](
        -(-n // 64), -(-m // 32), 64, 4,
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
