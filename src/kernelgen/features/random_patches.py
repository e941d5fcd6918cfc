"""Patches at random places of random images."""

from __future__ import annotations

import numpy as np

from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.features.layout import Layout


def sample_patches(
    values: AnyArray, layout: Layout, *, patch: int, count: int, rng: np.random.Generator
) -> FloatArray:
    """``count`` patches of side ``patch``, drawn without replacement while there are enough, each a row.

    Parameters
    ----------
    values : array, shape (n, d)
        Images in the given layout.
    patch, count : int
    rng : Generator

    Returns
    -------
    patches : float64 array, shape (count, patch^2 channels)
        Ordered by row, column and channel.
    """
    height, width, channels = layout.shape_for("randconv")
    rows, columns = height - patch + 1, width - patch + 1
    total = len(values) * rows * columns
    picked = rng.choice(total, size=count, replace=count > total)
    planes = layout.planes(values)  # a view: (n, channels, height, width)
    image, position = np.divmod(picked, rows * columns)
    y, x = np.divmod(position, columns)
    down, across = (start[:, None] + np.arange(patch) for start in (y, x))
    found = planes[image[:, None, None], :, down[:, :, None], across[:, None, :]]
    return found.reshape(count, patch * patch * channels).astype(np.float64)
