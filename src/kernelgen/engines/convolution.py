"""What a random convolution is, and what an engine that has it offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import AnyArray, FloatArray, Points
from kernelgen.engines.base import Heartbeat


@dataclass(frozen=True, slots=True)
class ConvolutionShape:
    """Where patches lie in a row of values, and how responses are pooled.

    Parameters
    ----------
    height, width, channels : int
        Of an image.
    row_step, column_step, channel_step : int
        Value (y, x, channel) of an image lies at y row_step + x column_step + channel channel_step of its row.
    patch : int
        Side of a patch; all (height - patch + 1) (width - patch + 1) positions are used.
    pool, stride : int
        Side of a pooling window in positions, and the distance from one to the next; the last may reach over the edge.
    average : bool
        Pooled values are means, not sums.
    contrast : float or None
        None: patches as they are; else (p - mean(p)) / sqrt(var(p) + contrast).
    """

    height: int
    width: int
    channels: int
    row_step: int
    column_step: int
    channel_step: int
    patch: int
    pool: int
    stride: int
    average: bool
    contrast: float | None

    @property
    def positions(self) -> tuple[int, int]:
        """Rows and columns of positions at which a patch fits."""
        return self.height - self.patch + 1, self.width - self.patch + 1

    @property
    def windows(self) -> tuple[int, int]:
        """Rows and columns of pooling windows: ceil((positions - pool) / stride) + 1, at least 1."""
        down, across = (max(0, -(-(side - self.pool) // self.stride)) + 1 for side in self.positions)
        return down, across

    @property
    def features_per_filter(self) -> int:
        """Two sides of each window."""
        return 2 * self.windows[0] * self.windows[1]

    @property
    def depth(self) -> int:
        """Values in a patch."""
        return self.patch**2 * self.channels


@dataclass(frozen=True, slots=True)
class FilterBank:
    """Filters and what is taken from their responses: z = <filter, patch> - offset.

    Parameters
    ----------
    filters : float64 array, shape (n_filters, patch^2 channels)
        Ordered by row, column and channel of a patch.
    offsets : float64 array, shape (n_filters,)
    bias : float, not negative
        The two features of a filter in a window are the pooled max(z - bias, 0) and max(-z - bias, 0).
    mean, factor : float64 arrays, shape (windows, 2, n_filters)
        What each feature is less, and then times: 0 and 1, or what standardizes it.
    """

    filters: FloatArray
    offsets: FloatArray
    bias: float
    mean: FloatArray
    factor: FloatArray

    def part(self, first: int, last: int) -> FilterBank:
        """Filters first .. last - 1."""
        return FilterBank(
            self.filters[first:last],
            self.offsets[first:last],
            self.bias,
            self.mean[..., first:last],
            self.factor[..., first:last],
        )

    def arguments(self) -> tuple[Any, ...]:
        """What the compiled loops read."""
        return self.filters, self.offsets, self.bias, self.mean.ravel(), self.factor.ravel()


class Convolutions(Protocol):
    """The functions of a module that has random convolutions: of one engine, whose arrays theirs are."""

    SLAB: int
    """Filters that its products take at once; blocks have a multiple of it."""

    BLOCK_BYTES: int
    """Of features made at a time."""

    def arithmetic(self) -> list[Any]:
        """What the bits of inner products depend on beside their dtype, tile and blocks of filters."""

    def default_tile(self, n_samples: int, /) -> int:
        """Side of the tiles in which inner products are summed."""

    def inner_products(
        self, tiles: AnyArray | None, n_samples: int, tile: int, n_features: int, /
    ) -> InnerProducts:
        """Inner products of sums that are there (an array of the host), or of none: then all are 0."""

    def zeros(self, shape: tuple[int, int], /) -> AnyArray:
        """A float64 array of zeros where the engine computes."""

    def workspace_bytes(
        self, images: tuple[int, Any], shape: ConvolutionShape, n_filters: int, dtype: Any, /
    ) -> int:
        """Bytes beside features and sums, for a number of images with values of some dtype."""

    def traffic_bytes(
        self, n_images: int, shape: ConvolutionShape, n_filters: int, dtype: Any, /, *, blocks: int
    ) -> int:
        """Bytes written and read between images and features, with the filters in so many blocks."""

    def convolve(
        self,
        images: Points,
        shape: ConvolutionShape,
        bank: FilterBank,
        *,
        out: AnyArray,
        threads: int,
        heartbeat: Heartbeat | None = None,
    ) -> AnyArray:
        """Pooled, rectified responses of every filter at every patch of every image."""

    def add_convolution_products(
        self,
        products: InnerProducts,
        images: Points,
        shape: ConvolutionShape,
        bank: FilterBank,
        *,
        dtype: Any,
        threads: int,
        heartbeat: Heartbeat | None = None,
    ) -> InnerProducts:
        """G += Phi Phi^T with Phi the features of a part of a bank."""

    def add_convolution_cross_products(
        self,
        out: AnyArray,
        norms: AnyArray,
        test: Points,
        train: Points,
        shape: ConvolutionShape,
        bank: FilterBank,
        *,
        dtype: Any,
        threads: int,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        """out += Phi_test Phi_train^T and norms += |phi_test|^2, for a part of a bank."""

    def add_convolution_scores(
        self,
        out: AnyArray,
        test: Points,
        train: Points,
        alpha: AnyArray,
        shape: ConvolutionShape,
        bank: FilterBank,
        *,
        dtype: Any,
        threads: int,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        """out += Phi_test (Phi_train^T alpha), for a part of a bank."""
