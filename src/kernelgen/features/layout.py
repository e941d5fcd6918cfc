"""What the values of a row are: an image of some shape in some order, or just numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from kernelgen.arrays.checks import check_choice
from kernelgen.errors import DataError, UsageError

Order = Literal["interleaved", "planes"]
ORDERS = ("interleaved", "planes")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a row is read.

    Parameters
    ----------
    n_values : int
        Values in a row.
    image_shape : tuple (height, width, channels) or None
        None where rows are not images.
    order : {"interleaved", "planes"}
        Height, width, channel with the last fastest; or channel, height, width (CIFAR-10).

    Raises
    ------
    DataError
        `n_values` is not height * width * channels.

    Examples
    --------
    >>> import numpy as np
    >>> Layout(12, (2, 2, 3), "planes").planes(np.zeros((5, 12))).shape
    (5, 3, 2, 2)
    """

    n_values: int
    image_shape: tuple[int, int, int] | None = None
    order: Order = "interleaved"

    def __post_init__(self) -> None:
        check_choice(self.order, "order", ORDERS)
        if self.image_shape is None:
            return
        if len(self.image_shape) != 3 or min(self.image_shape) < 1:
            raise UsageError(
                f"image_shape must be (height, width, channels), each at least 1; got {self.image_shape}"
            )
        if math.prod(self.image_shape) != self.n_values:
            size = " x ".join(map(str, self.image_shape))
            raise DataError(
                f"image_shape {size} (height x width x channels) has {math.prod(self.image_shape)} values, "
                f"a row has {self.n_values}"
            )

    def shape_for(self, name: str) -> tuple[int, int, int]:
        """The image shape; UsageError that says which map (`name`) needs one where rows are not images."""
        if self.image_shape is None:
            raise UsageError(
                f"features {name!r} are made from images, and these rows of {self.n_values} values are not known to "
                "be images: put no other features before these; give an image_shape, or store the images as an array "
                "of shape (n, height, width) or (n, height, width, channels)"
            )
        return self.image_shape

    def planes(self, X: NDArray[Any]) -> NDArray[Any]:
        """Rows as planes, shape (n, channels, height, width); a view."""
        if self.image_shape is None:
            raise DataError("the rows are not images")
        height, width, channels = self.image_shape
        if self.order == "planes":
            return X.reshape(-1, channels, height, width)
        return X.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
