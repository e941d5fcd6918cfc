"""convolve.cu, compiled by the host's C++ compiler and run thread by thread, against NumPy, element by element."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cuda_kernels import compile_on_the_host
from kernelgen.engines.convolution import ConvolutionShape
from kernelgen.engines.cuda.device import DeviceFilters, dtype_name
from kernelgen.engines.cuda.host import Host
from oracles import tolerance

SHAPES = {
    "planes of three colours": ConvolutionShape(9, 8, 3, 8, 1, 72, 3, 4, 3, False, 10.0),
    "interleaved colours": ConvolutionShape(9, 8, 3, 24, 3, 1, 2, 5, 2, True, None),
    "one channel, one window": ConvolutionShape(6, 7, 1, 7, 1, 42, 3, 9, 9, True, 0.5),
    "one value, one position": ConvolutionShape(1, 1, 1, 1, 1, 1, 1, 1, 1, True, 0.5),
    "a row": ConvolutionShape(2, 13, 1, 13, 1, 26, 2, 4, 1, False, None),
}
SHAPE = pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
DTYPE = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable]:
    return compile_on_the_host(tmp_path_factory.mktemp("kernels"))


@SHAPE
@DTYPE
@pytest.mark.parametrize("values", ["uint8", "float32", "float64"])
def test_patches(kernels: dict[str, Callable], shape: ConvolutionShape, dtype: str, values: str) -> None:
    rng, n, width = np.random.default_rng(1), 5, shape.height * shape.width * shape.channels
    images = rng.integers(0, 256, (n, width + 3)).astype(values)[:, :width]  # rows longer than an image
    positions = shape.positions[0] * shape.positions[1]
    expected = np.full((n * positions, shape.depth), np.nan, dtype=dtype)
    Host().gather_patches(expected, images, shape, 1 / 64)
    found, types = np.full_like(expected, np.nan), f"<{dtype_name(values)}, {dtype_name(dtype)}>"
    statistics, has_contrast = np.full((len(found), 2), np.nan), shape.contrast is not None
    given = (images.ctypes.data, images.strides[0] // images.itemsize, 1 / 64)
    where = (
        *(len(found), positions, shape.positions[1], shape.patch, shape.channels),
        *(shape.row_step, shape.column_step, shape.channel_step),
    )
    if has_contrast:
        kernels[f"measure_contrast{types}"](
            -(-len(found) // 64), 1, 64, 1, statistics.ctypes.data, *given, shape.contrast, *where
        )
    kernels[f"gather{types}"](
        -(-len(found) // 4), 1, 16, 4, found.ctypes.data, *given, statistics.ctypes.data, has_contrast, *where
    )
    assert np.isfinite(statistics).all() == has_contrast
    if has_contrast:
        assert np.abs(found - expected).max() <= tolerance(dtype, norm=max(1.0, np.abs(expected).max()))
    else:
        assert np.array_equal(found, expected)


@SHAPE
@DTYPE
@pytest.mark.parametrize("n_filters", [1, 131])
def test_rectified_and_pooled(
    kernels: dict[str, Callable], shape: ConvolutionShape, dtype: str, n_filters: int
) -> None:
    rng, n = np.random.default_rng(2), 3
    (rows, columns), (down, across), cells = shape.positions, shape.windows, np.prod(shape.windows)
    responses = rng.standard_normal((n * rows * columns, n_filters + 2)).astype(dtype)[:, :n_filters]
    offsets, count = rng.standard_normal(n_filters), shape.features_per_filter * n_filters
    filters = DeviceFilters(
        values=np.empty((n_filters, 0)),
        above=(offsets + 0.1).astype(dtype),
        below=(offsets - 0.1).astype(dtype),
        mean=rng.standard_normal(count),
        factor=rng.uniform(0.5, 2.0, count),
    )
    expected = np.full((n, count), np.nan, dtype=dtype)
    Host().rectify_and_pool(expected, responses, filters, shape)
    wide = np.full((n, count + 3), np.nan, dtype=dtype)
    kernels[f"rectify_and_pool<{dtype_name(dtype)}>"](
        *(n * cells, -(-n_filters // 64), 64, 1),
        *(wide.ctypes.data, count + 3, responses.ctypes.data, n_filters + 2),
        *(filters.above.ctypes.data, filters.below.ctypes.data),
        *(filters.mean.ctypes.data, filters.factor.ctypes.data),
        *(n_filters, rows, columns, down * across, across, shape.pool, shape.stride, shape.average),
    )
    assert np.isnan(wide[:, count:]).all()
    norm = 8.0 * shape.pool**2 * float(np.abs(responses).max())
    assert np.abs(wide[:, :count] - expected).max() <= tolerance(dtype, norm=norm, c=2)
