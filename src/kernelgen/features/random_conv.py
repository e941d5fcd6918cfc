"""Random convolutions: patches of the training images as filters, two-sided rectification, average pooling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import (
    check_choice,
    check_finite,
    check_non_negative,
    check_positive,
    check_threads,
)
from kernelgen.arrays.points import FloatArray, Points
from kernelgen.engines.choose import choose, choose_convolutions
from kernelgen.engines.convolution import ConvolutionShape, FilterBank
from kernelgen.engines.convolve import convolve
from kernelgen.errors import DataError, UsageError
from kernelgen.features.base import (
    FeatureMap,
    FeatureValues,
    FittedMap,
    Output,
    ProgressFraction,
    float_dtype,
)
from kernelgen.features.layout import Layout
from kernelgen.features.random_patches import sample_patches
from kernelgen.features.zca import zca_matrix

STANDARDIZED_FILTERS = 64  # whose features of all images are made at a time, for their statistics
WHITENED_ROWS = 1024  # images that are whitened at a time
SMALLEST_NORM = 1e-8  # a patch shorter than this is constant: it is left as it is


@dataclass(frozen=True, slots=True)
class Recipe:
    """The constants of one published random-convolution net.

    Parameters
    ----------
    images : {"unit", "raw", "whitened"}
        Values in [0, 1]; in [0, 255]; or each image less its mean, of norm 55, then whitened as one long row.
    whitening : {"twice", "filters", "none"}
        Of patches. "twice": filters are unit patches times W W, so that filter and patch are both whitened where the
        patch is taken as it is. "filters": filters are whitened patches of unit norm times W, less the mean patch.
    epsilon : float
        Added to the eigenvalues that are whitened (of patches; of images for "whitened").
    contrast : float or None
        Patches become (p - mean(p)) / sqrt(var(p) + contrast).
    bias, pool, stride, average
        Of rectification and pooling; see :class:`~kernelgen.engines.convolution.ConvolutionShape`.
    standardize : bool
        Each feature has mean 0 and variance 1 on the training rows.
    """

    images: str
    whitening: str
    epsilon: float
    contrast: float | None
    bias: float
    pool: int
    stride: int
    average: bool
    standardize: bool


RECIPES = {
    "coates_ng": Recipe("unit", "twice", 1e-3, None, 1.0, 15, 6, True, False),
    "random_patch_cifar": Recipe("raw", "filters", 0.1, 10.0, 0.25, 14, 13, False, True),
    "whitened_image": Recipe("whitened", "none", 0.1, None, 1.0, 14, 13, True, False),
}
"""The three recipes by name."""


@dataclass(frozen=True)
class RandomConv(FeatureMap):
    """One layer of random filters, of which nothing is trained.

        z = <filter, patch> - offset,   features = pool max(z - bias, 0)  and  pool max(-z - bias, 0)

    Parameters
    ----------
    filters : int
        Each gives 2 features in each pooling window: 18 under "coates_ng" on 32 x 32 images.
    recipe : {"coates_ng", "random_patch_cifar", "whitened_image"}
        Where the constants that are None below come from.
    patch : int
        Side of a patch.
    source : {"patches", "gaussian"}
        Filters before whitening: patches of the training images, or standard normal numbers.
    bias, pool, stride, epsilon, average, standardize : or None
        As in :class:`Recipe`.
    n_patches : int
        Patches from which the whitening is estimated.
    seed : int

    References
    ----------
    A. Coates, A. Y. Ng, Learning feature representations with k-means, 2012, doi:10.1007/978-3-642-35289-8_30.
    C. Zhang et al., Understanding deep learning requires rethinking generalization, 2017, Section 5 ("random
    convolutional features").
    """

    filters: int = 256
    recipe: str = "coates_ng"
    patch: int = 6
    source: str = "patches"
    bias: float | None = None
    pool: int | None = None
    stride: int | None = None
    epsilon: float | None = None
    average: bool | None = None
    standardize: bool | None = None
    n_patches: int = 100_000
    seed: int = 0

    name = "randconv"

    def __post_init__(self) -> None:
        check_choice(self.recipe, "recipe", tuple(RECIPES))
        check_choice(self.source, "source", ("patches", "gaussian"))
        for name in ("filters", "patch", "n_patches"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")
        constants = self.constants()
        check_positive(constants.epsilon, "epsilon")
        check_non_negative(constants.bias, "bias")
        if not 1 <= constants.stride <= constants.pool:
            raise UsageError(
                f"stride must be from 1 to pool = {constants.pool}, so that every response is pooled; "
                f"got {constants.stride}"
            )

    def constants(self) -> Recipe:
        """The recipe, with what was given in place of its own constants."""
        recipe = RECIPES[self.recipe]
        given = {
            item.name: getattr(self, item.name)
            for item in fields(recipe)
            if getattr(self, item.name, None) is not None
        }
        return replace(recipe, **given)

    def shape(self, layout: Layout) -> ConvolutionShape:
        """Where patches lie in rows of this layout; UsageError where none fits."""
        height, width, channels = layout.shape_for(self.name)
        if self.patch > min(height, width):
            raise UsageError(
                f"a patch of side {self.patch} does not fit in images of {height} x {width}: "
                f"patch is at most {min(height, width)}"
            )
        recipe = self.constants()
        planes = layout.order == "planes"
        return ConvolutionShape(
            height=height,
            width=width,
            channels=channels,
            row_step=width if planes else width * channels,
            column_step=1 if planes else channels,
            channel_step=height * width if planes else 1,
            patch=self.patch,
            pool=recipe.pool,
            stride=recipe.stride,
            average=recipe.average,
            contrast=recipe.contrast,
        )

    def output(self, layout: Layout, dtype: Any) -> Output:
        """2 windows filters features, in float64 for float64 rows and in float32 for others."""
        shape = self.shape(layout)
        down, across = shape.positions
        flops = 2.0 * down * across * shape.depth * self.filters
        made, computed = Layout(shape.features_per_filter * self.filters), float_dtype(dtype)
        return Output(made, computed, flops, made.n_values * computed.itemsize)

    def fit_bytes(self, n_samples: int, layout: Layout, dtype: Any) -> int:
        """Bytes that :meth:`fit` holds at its peak for so many images with values of this dtype, the filters included.

        Three copies of the patches that are drawn and the workspace of their eigenvectors (two copies, where they are
        not whitened), unless whitened images or statistics of features take more.
        """
        shape, recipe, n, d = self.shape(layout), self.constants(), n_samples, layout.n_values
        drawn = self.drawn(n, layout)
        images, whitening = self.image_bytes(n, layout, dtype), 0
        if recipe.images == "whitened":
            whitening = 16 * n * d + 40 * d**2  # images, centered ones, the eigenvectors' workspace
        copies, vectors = (2, 0) if recipe.whitening == "none" else (3, 40 * shape.depth**2)
        patches = images + drawn * (8 * copies * shape.depth + 40) + vectors
        statistics = images + 24 * n * shape.features_per_filter * min(self.filters, STANDARDIZED_FILTERS)
        return max(whitening, patches, statistics if recipe.standardize else 0) + self.bank_bytes(layout)

    def drawn(self, n_samples: int, layout: Layout) -> int:
        """Patches that :meth:`fit` draws: those that whitening is estimated from, the filters among them."""
        down, across = self.shape(layout).positions
        return max(min(self.n_patches, n_samples * down * across), self.filters)

    def fit_flops(self, n_samples: int, layout: Layout) -> float:
        """Floating-point operations of whitening, without the statistics that standardize features."""
        recipe, n, d = self.constants(), n_samples, layout.n_values
        if recipe.images == "whitened":  # second moments, their eigenvectors, and all images times them
            return 4.0 * n * d**2 + 10.0 * d**3
        depth = self.shape(layout).depth
        return 2.0 * self.drawn(n, layout) * depth**2 + 10.0 * depth**3

    def bank_bytes(self, layout: Layout) -> int:
        """Bytes of the filters and of what their features are less and times."""
        shape = self.shape(layout)
        return 8 * self.filters * (shape.depth + 1 + 2 * shape.features_per_filter)

    def image_bytes(self, n_samples: int, layout: Layout, dtype: Any) -> int:
        """Bytes of the images as the recipe wants them, beside those that are there: whitened ones are others."""
        if self.constants().images != "whitened":
            return 0
        d = layout.n_values
        making = 24 * min(n_samples, WHITENED_ROWS) * d
        return n_samples * d * float_dtype(dtype).itemsize + making + 8 * d**2

    def fit(
        self,
        X: FeatureValues,
        layout: Layout,
        *,
        threads: int | None = None,
        engine: str = "native",
        progress: ProgressFraction | None = None,
    ) -> FittedRandomConv:
        """Draw the filters from the training images, whiten them, and standardize where the recipe does.

        The statistics that standardize features are made by ``engine``; all else is little and done on the host.

        Raises
        ------
        DataError
            There are fewer patches than filters, or all patches that were drawn are constant.
        """
        shape, recipe, rng = self.shape(layout), self.constants(), np.random.default_rng(self.seed)
        total = len(X.values) * shape.positions[0] * shape.positions[1]
        if self.source == "patches" and self.filters > total:
            raise DataError(
                f"{self.filters} filters are asked for, but {len(X.values)} image(s) have {total} patches: ask for "
                "fewer filters, give more images, or draw the filters at random (source=gaussian)"
            )
        state: dict[str, NDArray[Any]] = {}
        if recipe.images == "whitened":
            state |= _image_whitening(X, recipe.epsilon)
        fitted = FittedRandomConv(self, layout, state, _no_bank(shape, self.filters, recipe.bias))
        images = fitted.images(X)
        patches = images.scale * sample_patches(
            images.values,
            layout,
            patch=self.patch,
            count=self.drawn(len(X.values), layout),
            rng=rng,
        )
        bank = _filters(patches, self.filters, recipe, rng if self.source == "gaussian" else None)
        fitted = replace(fitted, bank=replace(fitted.bank, filters=bank[0], offsets=bank[1]))
        if recipe.standardize:
            fitted = fitted.standardized(X, engine=engine, threads=threads, progress=progress)
        return fitted

    def restore(self, layout: Layout, state: Mapping[str, NDArray[Any]]) -> FittedRandomConv:
        """The map with the filters (and statistics) of an earlier fit."""
        shape, recipe = self.shape(layout), self.constants()
        whitened = ("image_mean", "image_whitening") if recipe.images == "whitened" else ()
        names = ("filters", "offsets", "mean", "factor", *whitened)
        if sorted(state) != sorted(names) or state["filters"].shape != (self.filters, shape.depth):
            raise DataError(
                f"what was learned by {self.spec} is not there: found {', '.join(sorted(state)) or 'nothing'}"
            )
        bank = FilterBank(state["filters"], state["offsets"], recipe.bias, state["mean"], state["factor"])
        return FittedRandomConv(self, layout, {name: state[name] for name in whitened}, bank)


@dataclass(frozen=True, eq=False)
class FittedRandomConv(FittedMap):
    """Filters for images of one layout; its features can be had at once, or a few filters at a time."""

    map: RandomConv
    layout: Layout
    whitening: dict[str, NDArray[Any]]  # image_mean and image_whitening where the recipe whitens images
    bank: FilterBank

    @property
    def shape(self) -> ConvolutionShape:
        """Where patches lie, and how responses are pooled."""
        return self.map.shape(self.layout)

    def images(self, X: FeatureValues) -> Points:
        """Images as the recipe wants them: bytes stay bytes, with a scale; whitened ones are float32 or float64."""
        self.check(X)
        if X.values.dtype.kind == "f":
            check_finite(X.values, "X")
        kind = self.map.constants().images
        if kind != "whitened":
            return Points(np.ascontiguousarray(X.values), X.scale * (255.0 if kind == "raw" else 1.0))
        whitened = np.empty(X.values.shape, dtype=float_dtype(X.values.dtype))
        for start in range(0, len(whitened), WHITENED_ROWS):
            rows = slice(start, start + WHITENED_ROWS)
            centered = _unit_contrast(X.values[rows]) - self.whitening["image_mean"]
            whitened[rows] = centered @ self.whitening["image_whitening"]
        return Points(whitened)

    def apply(
        self,
        X: FeatureValues,
        *,
        threads: int | None = None,
        progress: ProgressFraction | None = None,
        overwrite: bool = False,
    ) -> FeatureValues:
        """All features of the rows of X: float64 for float64 rows, float32 for others."""
        dtype = float_dtype(X.values.dtype)
        out = np.empty((len(X.values), self.shape.features_per_filter * len(self.bank.filters)), dtype=dtype)
        convolve(
            self.images(X), self.shape, self.bank, out=out, threads=check_threads(threads), heartbeat=progress
        )
        return FeatureValues(out)

    def parts(self, filters: int) -> Iterator[FilterBank]:
        """The bank in parts of at most that many filters, in order."""
        for first in range(0, len(self.bank.filters), filters):
            yield self.bank.part(first, first + filters)

    def standardized(
        self, X: FeatureValues, *, engine: str, threads: int | None, progress: ProgressFraction | None
    ) -> FittedRandomConv:
        """The same filters, with features of mean 0 and variance 1 on the rows of X; constant ones become 0."""
        convolving, module = choose_convolutions(engine), choose(engine)
        images, shape, n = module.place(self.images(X)), self.shape, len(X.values)
        mean, factor = np.zeros_like(self.bank.mean), np.ones_like(self.bank.factor)
        step, count = STANDARDIZED_FILTERS, len(self.bank.filters)
        for first in range(0, count, step):
            part = self.bank.part(first, first + step)
            out = convolving.zeros((n, shape.features_per_filter * len(part.filters)))
            convolving.convolve(images, shape, part, out=out, threads=check_threads(threads))
            average, std = module.fetch(out.mean(axis=0)), module.fetch(out.std(axis=0))
            constant = std <= n * np.finfo(np.float64).eps * np.abs(average)
            mean[..., first : first + step] = average.reshape(part.mean.shape)
            factor[..., first : first + step] = np.where(
                constant, 0.0, 1.0 / np.where(constant, 1.0, std)
            ).reshape(part.mean.shape)
            if progress is not None:
                progress(min(1.0, (first + step) / count))
        return replace(self, bank=replace(self.bank, mean=mean, factor=factor))

    def feature_names(self) -> list[str]:
        """``randconv_window0_positive_filter0`` and so on, in the order of the features."""
        down, across = self.shape.windows
        return [
            f"{self.map.name}_window{window}_{side}_filter{f}"
            for window in range(down * across)
            for side in ("positive", "negative")
            for f in range(len(self.bank.filters))
        ]

    def state(self) -> dict[str, NDArray[Any]]:
        """Filters, offsets, what standardizes the features, and the whitening of images."""
        bank = self.bank
        return {
            "filters": bank.filters,
            "offsets": bank.offsets,
            "mean": bank.mean,
            "factor": bank.factor,
            **self.whitening,
        }


def _no_bank(shape: ConvolutionShape, count: int, bias: float) -> FilterBank:
    cells = (shape.features_per_filter // 2, 2, count)
    return FilterBank(np.zeros((count, shape.depth)), np.zeros(count), bias, np.zeros(cells), np.ones(cells))


def _filters(
    patches: FloatArray, count: int, recipe: Recipe, rng: np.random.Generator | None
) -> tuple[FloatArray, FloatArray]:
    """Filters and offsets from patches: normalized, whitened, and cut down to ``count``."""
    drawn = None if rng is None else rng.standard_normal((count, patches.shape[1]))
    if recipe.whitening == "none":
        return _not_constant(patches[:count] if drawn is None else drawn), np.zeros(count)
    if recipe.whitening == "twice":
        normalized = _unit_rows(patches - patches.mean(axis=1, keepdims=True))
        W = zca_matrix(normalized, epsilon=recipe.epsilon, center=False)
        base = _not_constant(normalized[:count] if drawn is None else _unit_rows(drawn))
        return base @ W @ W, np.zeros(count)
    normalized = _contrast(patches, recipe.contrast)
    center = normalized.mean(axis=0)
    W = zca_matrix(normalized, epsilon=recipe.epsilon, center=True)
    base = _not_constant((normalized[:count] - center) @ W if drawn is None else drawn)
    filters = _unit_rows(base) @ W
    return filters, filters @ center


def _not_constant(filters: FloatArray) -> FloatArray:
    if np.abs(filters).max() <= SMALLEST_NORM:
        raise DataError(
            "all patches that were drawn are constant: images without contrast, or patches of a single value, give "
            "no filters"
        )
    return filters.copy()


def _unit_rows(rows: FloatArray) -> FloatArray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    result: FloatArray = rows / np.where(norms > SMALLEST_NORM, norms, 1.0)
    return result


def _contrast(patches: FloatArray, contrast: float | None) -> FloatArray:
    """(p - mean(p)) / sqrt(var(p) + contrast), with the variance over d - 1."""
    if contrast is None:
        return patches
    centered = patches - patches.mean(axis=1, keepdims=True)
    result: FloatArray = centered / np.sqrt(
        patches.var(axis=1, ddof=min(1, patches.shape[1] - 1), keepdims=True) + contrast
    )
    return result


IMAGE_NORM = 55.0


def _unit_contrast(values: NDArray[Any]) -> FloatArray:
    """Each image less its mean, of norm 55."""
    rows = values - values.mean(axis=1, dtype=np.float64, keepdims=True)
    return IMAGE_NORM * _unit_rows(rows)


def _image_whitening(X: FeatureValues, epsilon: float) -> dict[str, NDArray[Any]]:
    rows = _unit_contrast(X.values)
    return {
        "image_mean": rows.mean(axis=0),
        "image_whitening": zca_matrix(rows, epsilon=epsilon, center=True),
    }
