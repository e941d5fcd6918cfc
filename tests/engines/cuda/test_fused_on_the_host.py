"""fused.cu, compiled by the host's C++ compiler, its threads taking turns, against NumPy in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from cuda_kernels import compile_on_the_host
from kernelgen.engines.convolution import ConvolutionShape
from kernelgen.engines.cuda import fused
from kernelgen.engines.cuda.device import DeviceFilters, dtype_name
from kernelgen.engines.cuda.fused import GAPS, SIDE, THREADS, bank_reads, is_fused, row_gap, shared_bytes
from kernelgen.engines.cuda.host import Host
from kernelgen.engines.cuda.regions import GROUP, SLOTS, pooling_regions, region_count
from kernelgen.engines.cuda.write_features import by_columns
from oracles import tolerance

SHAPES = {
    "CIFAR-10, overlapping means": ConvolutionShape(32, 32, 3, 32, 1, 1024, 6, 15, 6, True, 10.0),
    "CIFAR-10, overlapping sums": ConvolutionShape(32, 32, 3, 32, 1, 1024, 6, 14, 13, False, None),
    "MNIST": ConvolutionShape(28, 28, 1, 28, 1, 784, 6, 13, 10, True, 10.0),
    "interleaved colours": ConvolutionShape(9, 8, 3, 24, 3, 1, 2, 5, 2, True, None),
    "129 positions": ConvolutionShape(3, 131, 1, 131, 1, 393, 3, 20, 9, False, 0.5),
    "one value, one position": ConvolutionShape(1, 1, 1, 1, 1, 1, 1, 1, 1, True, 0.5),
}
SHAPE = pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable]:
    return compile_on_the_host(tmp_path_factory.mktemp("kernels"))


def problem(shape: ConvolutionShape, n: int, n_filters: int, values: str) -> tuple[np.ndarray, DeviceFilters]:
    """Images whose rows are longer than an image, and filters in float64."""
    rng, width = np.random.default_rng(3), shape.height * shape.width * shape.channels
    images = rng.integers(0, 256, (n, width + 3)).astype(values)[:, :width]
    offsets, count = 0.3 * rng.standard_normal(n_filters), shape.features_per_filter * n_filters
    return images, DeviceFilters(
        values=rng.standard_normal((n_filters, shape.depth)) / np.sqrt(shape.depth),
        above=offsets + 0.1,
        below=offsets - 0.1,
        mean=rng.standard_normal(count),
        factor=rng.uniform(0.5, 2.0, count),
    )


def in_float64(
    images: np.ndarray, filters: DeviceFilters, shape: ConvolutionShape, scale: float
) -> np.ndarray:
    """Patches, products and pooling by NumPy."""
    host, n = Host(), len(images)
    patches = np.empty((n * shape.positions[0] * shape.positions[1], shape.depth))
    host.gather_patches(patches, images, shape, scale)
    features = np.empty((n, shape.features_per_filter * len(filters.values)))
    host.rectify_and_pool(features, patches @ filters.values.T, filters, shape)
    return features


def in_float32(filters: DeviceFilters) -> DeviceFilters:
    return replace(
        filters, **{name: getattr(filters, name).astype(np.float32) for name in ("values", "above", "below")}
    )


def norm_of(expected: np.ndarray, images: np.ndarray, shape: ConvolutionShape, scale: float) -> float:
    """What roundings are relative to: sums of rectified responses, whose patches are of order 1 or of the pixels."""
    pixels = scale * float(np.abs(images).max()) if shape.contrast is None else np.sqrt(shape.depth)
    weight = 1 if shape.average else shape.pool**2
    return float(np.abs(expected).max() + 2 * weight * np.sqrt(shape.depth) * pixels)


@SHAPE
@pytest.mark.parametrize("n_filters", [1, 131])
@pytest.mark.parametrize("values", ["uint8", "float32", "float64"])
def test_features_are_those_of_float64(
    kernels: dict[str, Callable], shape: ConvolutionShape, values: str, n_filters: int
) -> None:
    n, scale = 2, 1 / 64
    images, wide = problem(shape, n, n_filters, values)
    expected = in_float64(images, wide, shape, scale)
    filters, regions = in_float32(wide), pooling_regions(shape)
    columns = by_columns(Host(), filters, shape)
    width, positions = expected.shape[1], shape.positions[0] * shape.positions[1]
    found = np.full((n, width + 3), np.nan, dtype=np.float32)
    given = (images.ctypes.data, images.strides[0] // images.itemsize, scale)
    statistics = np.full((n * positions, 2), np.nan)
    where = (
        *(len(statistics), positions, shape.positions[1], shape.patch, shape.channels),
        *(shape.row_step, shape.column_step, shape.channel_step),
    )
    if shape.contrast is not None:
        kernels[f"measure_contrast<{dtype_name(values)}, float>"](
            -(-len(statistics) // 64), 1, 64, 1, statistics.ctypes.data, *given, shape.contrast, *where
        )
    kernels[f"convolve_and_pool<{dtype_name(values)}>"](
        *(n, -(-n_filters // SIDE), THREADS, shared_bytes(shape)),
        *(found.ctypes.data, width + 3, *given, statistics.ctypes.data, shape.contrast is not None),
        *(columns.ctypes.data, columns.shape[1], filters.above.ctypes.data, filters.below.ctypes.data),
        *(filters.mean.ctypes.data, filters.factor.ctypes.data),
        *(regions.order.ctypes.data, regions.of_group.ctypes.data),
        *(regions.windows.ctypes.data, regions.weights.ctypes.data),
        *(
            n_filters,
            images.shape[1],
            row_gap(shape),
            positions,
            shape.positions[1],
            len(regions.order),
            regions.count,
        ),
        *(regions.across, len(regions.windows), *where[3:]),
    )
    assert np.isnan(found[:, width:]).all()
    bound = tolerance("float32", norm=norm_of(expected, images, shape, scale), c=4)
    assert np.abs(found[:, :width] - expected).max() <= bound
    if n_filters == 131 and positions > 1:
        assert bound < 0.01 * np.std(expected)  # it tells right features from wrong ones


@SHAPE
def test_windows_are_sums_of_regions(shape: ConvolutionShape) -> None:
    """Of whole numbers, exactly."""
    regions, (down, across) = pooling_regions(shape), shape.positions
    numbers = np.random.default_rng(4).integers(0, 100, (down, across))
    assert len(regions.order) % SLOTS == 0
    assert np.array_equal(np.sort(regions.order[regions.order >= 0]), np.arange(down * across))
    of_slot = np.repeat(regions.of_group, GROUP)
    slots = np.where(regions.order < 0, 0, numbers.ravel()[regions.order])
    sums = np.bincount(of_slot, slots, regions.count).reshape(regions.down, regions.across)
    for cell, (a, b) in enumerate(np.ndindex(*shape.windows)):
        window = numbers[a * shape.stride :, b * shape.stride :][: shape.pool, : shape.pool]
        top, bottom, left, right = regions.windows[cell]
        assert sums[top:bottom, left:right].sum() == window.sum()
        assert regions.weights[cell] == np.float32(1 / window.size if shape.average else 1)


@SHAPE
def test_a_warp_reads_few_banks_twice(shape: ConvolutionShape) -> None:
    """Rows of 32 values begin in one bank: five patches of a warp would wait for each other on the average."""
    assert bank_reads(shape, row_gap(shape)) == min(bank_reads(shape, gap) for gap in range(GAPS)) < 2.5
    rows_of_32 = shape.row_step == 32 and shape.stride == 6
    assert (bank_reads(shape, 0) > 4.5) is rows_of_32


def test_which_shapes_are_fused() -> None:
    on, cifar10 = Host(), SHAPES["CIFAR-10, overlapping means"]
    assert is_fused(on, cifar10, "float32")
    assert is_fused(on, SHAPES["MNIST"], "float32")
    assert not is_fused(on, cifar10, "float64")
    assert not is_fused(on, replace(cifar10, pool=2, stride=1), "float32")  # 729 regions
    assert not is_fused(on, replace(cifar10, height=96, width=96, channel_step=9216, pool=90), "float32")


def test_a_card_with_less_shared_memory_takes_three_steps() -> None:
    """Before compute capability 7.0 a block has 48 KB, and what asks for more is refused by the driver."""
    assert not is_fused(Host(block_bytes=48 << 10), SHAPES["CIFAR-10, overlapping means"], "float32")
    assert is_fused(Host(block_bytes=48 << 10), SHAPES["MNIST"], "float32")


def test_few_positions_take_three_steps() -> None:
    """A patch as large as the image fills one of 128 slots: 127 of 128 products would be of nothing."""
    for patch, expected in ((28, False), (22, False), (21, True), (6, True)):
        assert is_fused(Host(), replace(SHAPES["MNIST"], patch=patch, pool=30), "float32") is expected


def test_positions_are_not_sorted_where_regions_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    def sort(shape: ConvolutionShape) -> None:
        raise AssertionError(f"{shape} has its positions sorted, which takes seconds")

    monkeypatch.setattr(fused, "pooling_regions", sort)
    many = ConvolutionShape(224, 224, 3, 224, 1, 50_176, 6, 2, 1, True, None)
    assert not is_fused(Host(), many, "float32")


@SHAPE
def test_regions_are_counted(shape: ConvolutionShape) -> None:
    assert region_count(shape) == pooling_regions(shape).count
