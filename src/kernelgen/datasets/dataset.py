"""What every loader returns: the arrays of a data set, and where they came from."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kernelgen.errors import DataError

LoadProgress = Callable[[str, int, int | None], None]
"""Called as ``progress(what, done, total)``; bytes of a download, files of a folder; total None: unknown."""


class DatasetWarning(UserWarning):
    """The data can be used, but are not what their name promises (other bytes than the official files)."""


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Train and test arrays of one data set, as stored: no scaling, no centering.

    Attributes
    ----------
    name : str
        ``"digits"``, ``"mnist"``, ``"cifar10"``, ``"folder"``, or the name of an array file.
    X_train, X_test : array, shape (n, d) and (m, d)
        C-contiguous. uint8 for images; float32 or float64 where an array file says so.
    y_train, y_test : int64 array, shape (n,) and (m,)
        Class numbers, indices into `class_names`.
    class_names : tuple of str
    maximum : float
        Largest value a feature can have; the ``pixels`` features are values / maximum (255; 16 for digits;
        1 for float arrays, which are taken as they are).
    source : str
        Path, or the package, that the bytes were read from.
    image_shape : tuple (height, width, channels) or None
    layout : {"interleaved", "planes"} or None
        Order of values in a row: height, width, channel (last fastest), or channel, height, width (CIFAR-10).
    provenance : dict
        JSON-ready: ``official`` (True, False, or None where there is nothing to compare with), ``files``
        (name, digest, official), ``warnings`` and ``notes`` (lists of str).
    """

    name: str
    X_train: NDArray[Any]
    y_train: NDArray[np.int64]
    X_test: NDArray[Any]
    y_test: NDArray[np.int64]
    class_names: tuple[str, ...]
    maximum: float
    source: str
    image_shape: tuple[int, int, int] | None = None
    layout: Literal["interleaved", "planes"] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part, X, y in (("train", self.X_train, self.y_train), ("test", self.X_test, self.y_test)):
            if X.ndim != 2 or y.ndim != 1 or X.shape[1] == 0:
                raise DataError(
                    f"{self.source}: {part} arrays have shapes {X.shape} and {y.shape}, not (n, d) and (n,)"
                )
            if len(X) != len(y):
                raise DataError(f"{self.source}: {len(X)} {part} rows but {len(y)} {part} labels")
        if len(self.X_train) == 0:
            raise DataError(f"{self.source}: no training rows")
        if self.X_train.shape[1] != self.X_test.shape[1]:
            raise DataError(
                f"{self.source}: {self.X_train.shape[1]} values in a training row, "
                f"{self.X_test.shape[1]} in a test row"
            )

    @property
    def n_features(self) -> int:
        """Values in a row."""
        return int(self.X_train.shape[1])

    @property
    def n_classes(self) -> int:
        """Classes that have a name, whether or not they have rows."""
        return len(self.class_names)

    def as_images(self, X: NDArray[Any]) -> NDArray[Any]:
        """Rows of X as images, shape (n, height, width, channels); a view, whatever the layout of the rows.

        Raises
        ------
        DataError
            The rows of this data set are not images.
        """
        if self.image_shape is None:
            raise DataError(f"{self.name} ({self.source}): the rows are not images")
        height, width, channels = self.image_shape
        if self.layout == "planes":
            return X.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        return X.reshape(-1, height, width, channels)


def build_provenance(
    files: list[dict[str, Any]] | None = None,
    *,
    official: bool | None = None,
    problems: list[str] | None = None,
    notes: list[str] | None = None,
) -> dict[str, Any]:
    """The provenance record of a :class:`Dataset`; each of `problems` is also issued as a DatasetWarning."""
    for problem in problems or []:
        warnings.warn(problem, DatasetWarning, stacklevel=4)
    return {"official": official, "files": files or [], "warnings": problems or [], "notes": notes or []}
