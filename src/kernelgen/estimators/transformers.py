"""Feature maps as scikit-learn transformers: thin classes, one for each map of images."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from kernelgen.arrays.checks import check_positive
from kernelgen.errors import DataError, UsageError
from kernelgen.estimators.base import DTYPES
from kernelgen.features.base import FeatureMap, FeatureValues, ProgressFraction
from kernelgen.features.gabor import Gabor
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import RandomConv
from kernelgen.features.scattering import Scattering
from kernelgen.features.wavelet import Wavelet

ImageShape = tuple[int, int] | tuple[int, int, int] | str | None
ROW_PARAMETERS = ("image_shape", "layout", "scale", "threads", "progress")


class ImageFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """What the transformers share; not to be used by itself."""

    _map: ClassVar[type[FeatureMap]]
    image_shape: ImageShape
    layout: Any
    scale: float
    threads: int | None
    progress: ProgressFraction | None

    def _read_rows(
        self,
        image_shape: ImageShape,
        layout: str,
        scale: float,
        threads: int | None,
        progress: ProgressFraction | None,
    ) -> None:
        """Keep the parameters that are the same for all maps, as they are."""
        self.image_shape, self.layout, self.scale = image_shape, layout, scale
        self.threads, self.progress = threads, progress

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Take note of the shape of the images.

        Parameters
        ----------
        X : array_like, shape (n, height * width * channels)
            Rows of images; uint8, float32 and float64 are kept as they are.
        y : ignored

        Raises
        ------
        DataError
            A row does not have the number of values of `image_shape`, or a value is not finite.
        UsageError
            A parameter is out of range, or the images are too small for it.
        """
        rows = validate_data(self, X, dtype=DTYPES)
        parameters = {k: v for k, v in self.get_params(deep=False).items() if k not in ROW_PARAMETERS}
        features = self._map(**parameters)
        check_positive(self.scale, "scale")
        shape = self._shape(rows.shape[1])
        row = Layout(self._filled(rows[:1]).shape[1], shape, self.layout)
        try:
            features.output(row, rows.dtype)
        except UsageError as error:
            raise UsageError(f"{error} (X has {rows.shape[1]} feature(s))") from None
        self.image_shape_ = shape
        self.features_ = features.fit(FeatureValues(self._filled(rows), self.scale), row)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Features of the rows of X: shape (n, p), float64 for float64 rows, float32 for float32 and uint8."""
        check_is_fitted(self, "features_")
        rows = self._filled(validate_data(self, X, reset=False, dtype=DTYPES))
        values = FeatureValues(rows, self.scale)
        return self.features_.apply(values, threads=self.threads, progress=self.progress).values

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the features: the map, the filter, and the row and column of the average."""
        check_is_fitted(self, "features_")
        return np.array(self.features_.feature_names(), dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _shape(self, n_values: int) -> tuple[int, int, int]:
        """The image shape that `image_shape` stands for."""
        if isinstance(self.image_shape, tuple | list):
            if len(self.image_shape) not in (2, 3):
                raise UsageError(f"image_shape is (height, width[, channels]); got {self.image_shape!r}")
            height, width, channels = (*self.image_shape, 1)[:3]
            return int(height), int(width), int(channels)
        side = math.isqrt(n_values - 1) + 1  # the smallest with side^2 >= n_values
        if self.image_shape == "square":
            return side, side, 1
        if self.image_shape is not None:
            raise UsageError(
                f"image_shape is None, 'square' or (height, width, channels); got {self.image_shape!r}"
            )
        if side**2 != n_values:
            raise DataError(
                f"a row has {n_values} values, which is no square image of one channel; give "
                "image_shape=(height, width, channels)"
            )
        return side, side, 1

    def _filled(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows, with zeros up to the square where image_shape is "square"."""
        if self.image_shape != "square":
            return rows
        missing = math.prod(self._shape(rows.shape[1])) - rows.shape[1]
        return np.pad(rows, [(0, 0), (0, missing)]) if missing else rows


class GaborFeatures(ImageFeatures):
    """Local averages of the responses of images to a bank of Gabor filters.

        phi(x) = pool( rho(x * psi_{f, t}) )

    Parameters
    ----------
    frequencies, orientations, width, aspect, nonlinearity, pool, stride, window, lowpass, root,
    boundary, normalize
        As for :class:`kernelgen.features.Gabor`, with the same defaults.
    image_shape : tuple (height, width[, channels]), "square" or None, default None
        Of the image in a row. None is a square of one channel, and an error where the number of values is not a
        square number. "square" is the smallest square that holds a row, filled up with zeros: for rows that are no
        images.
    layout : {"interleaved", "planes"}, default "interleaved"
        Order of the values in a row: height, width, channel with the last fastest; or channel, height, width.
    scale : float, default 1.0
        Multiplies X first, 1/255 for bytes of an image.
    threads : int or None, default None
        None: every core this process may use.
    progress : callable or None, default None
        Called with the fraction done while transforming.

    Attributes
    ----------
    features_ : FittedMap
    image_shape_ : tuple (height, width, channels)
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> GaborFeatures(pool=3, stride=1, scale=1 / 16).fit_transform(X[:5]).shape
    (5, 576)
    """

    _map = Gabor

    def __init__(
        self,
        *,
        frequencies: tuple[float, ...] = (0.25, 0.125),
        orientations: int = 8,
        width: float = 0.35,
        aspect: float = 0.5,
        nonlinearity: str = "modulus",
        pool: int = 5,
        stride: int = 3,
        window: str = "gaussian",
        lowpass: bool = False,
        root: bool = True,
        boundary: str = "zero",
        normalize: str = "image",
        image_shape: ImageShape = None,
        layout: str = "interleaved",
        scale: float = 1.0,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ):
        self.frequencies = frequencies
        self.orientations = orientations
        self.width = width
        self.aspect = aspect
        self.nonlinearity = nonlinearity
        self.pool = pool
        self.stride = stride
        self.window = window
        self.lowpass = lowpass
        self.root = root
        self.boundary = boundary
        self.normalize = normalize
        self._read_rows(image_shape, layout, scale, threads, progress)


class WaveletFeatures(ImageFeatures):
    """Moduli of the wavelet coefficients of images (PyWavelets), averaged.

        phi(x) = pool( |<x, psi_{band, u}>| )

    Parameters
    ----------
    wavelet, level, kind, mode, modulus, pool, stride, window, root, normalize
        As for :class:`kernelgen.features.Wavelet`, with the same defaults.
    image_shape, layout, scale, threads, progress
        As for :class:`GaborFeatures`, and so are the attributes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> WaveletFeatures(wavelet="haar", pool=2, stride=2, scale=1 / 16).fit_transform(X[:5]).shape
    (5, 112)
    """

    _map = Wavelet

    def __init__(
        self,
        *,
        wavelet: str = "db2",
        level: int = 2,
        kind: str = "stationary",
        mode: str = "symmetric",
        modulus: bool = True,
        pool: int = 7,
        stride: int = 3,
        window: str = "box",
        root: bool = True,
        normalize: str = "image",
        image_shape: ImageShape = None,
        layout: str = "interleaved",
        scale: float = 1.0,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ):
        self.wavelet = wavelet
        self.level = level
        self.kind = kind
        self.mode = mode
        self.modulus = modulus
        self.pool = pool
        self.stride = stride
        self.window = window
        self.root = root
        self.normalize = normalize
        self._read_rows(image_shape, layout, scale, threads, progress)


class ScatteringFeatures(ImageFeatures):
    """The scattering transform of images: wavelet moduli, once and twice, averaged.

        S x = { x * phi,  |x * psi_a| * phi,  ||x * psi_a| * psi_b| * phi }

    Parameters
    ----------
    scales, orientations, order, stride, root, boundary, normalize
        As for :class:`kernelgen.features.Scattering`, with the same defaults.
    image_shape, layout, scale, threads, progress
        As for :class:`GaborFeatures`, and so are the attributes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> ScatteringFeatures(scales=2, scale=1 / 16).fit_transform(X[:5]).shape
    (5, 324)
    """

    _map = Scattering

    def __init__(
        self,
        *,
        scales: int = 3,
        orientations: int = 8,
        order: int = 2,
        stride: int | None = None,
        root: bool = True,
        boundary: str = "zero",
        normalize: str = "none",
        image_shape: ImageShape = None,
        layout: str = "interleaved",
        scale: float = 1.0,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ):
        self.scales = scales
        self.orientations = orientations
        self.order = order
        self.stride = stride
        self.root = root
        self.boundary = boundary
        self.normalize = normalize
        self._read_rows(image_shape, layout, scale, threads, progress)


class RandomConvFeatures(ImageFeatures):
    """Pooled responses of images to filters that are patches of the training images, whitened and never trained.

        phi(x) = pool max(+-(<filter, patch> - offset) - bias, 0)

    Parameters
    ----------
    filters, recipe, patch, source, bias, pool, stride, epsilon, average, standardize, n_patches, seed
        As for :class:`kernelgen.features.RandomConv`, with the same defaults.
    image_shape, layout, scale, threads, progress
        As for :class:`GaborFeatures`, and so are the attributes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> RandomConvFeatures(filters=50, patch=3, pool=3, stride=2, scale=1 / 16).fit_transform(X[:5]).shape
    (5, 900)
    """

    _map = RandomConv

    def __init__(
        self,
        *,
        filters: int = 256,
        recipe: str = "coates_ng",
        patch: int = 6,
        source: str = "patches",
        bias: float | None = None,
        pool: int | None = None,
        stride: int | None = None,
        epsilon: float | None = None,
        average: bool | None = None,
        standardize: bool | None = None,
        n_patches: int = 100_000,
        seed: int = 0,
        image_shape: ImageShape = None,
        layout: str = "interleaved",
        scale: float = 1.0,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
    ):
        self.filters = filters
        self.recipe = recipe
        self.patch = patch
        self.source = source
        self.bias = bias
        self.pool = pool
        self.stride = stride
        self.epsilon = epsilon
        self.average = average
        self.standardize = standardize
        self.n_patches = n_patches
        self.seed = seed
        self._read_rows(image_shape, layout, scale, threads, progress)
