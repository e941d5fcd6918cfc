"""Inner products of random-convolution features that are never stored: a few filters at a time come, add, and go."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from os import PathLike
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.arrays.tensor_file import open_tensors, write_tensors
from kernelgen.engines.base import Heartbeat
from kernelgen.engines.choose import choose, choose_convolutions, engine_name
from kernelgen.engines.convolution import Convolutions, ConvolutionShape, FilterBank
from kernelgen.errors import DataError, DataMissing, UsageError
from kernelgen.features.base import FeatureValues
from kernelgen.features.random_conv import FittedRandomConv
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.progress import ProgressCallback, phase, share
from kernelgen.solvers.release import given_back
from kernelgen.solvers.residence import like

CHECKPOINT_SECONDS = 300.0
CHECKPOINT_SHARE = 0.05  # of the time, at most: the sums of 50,000 rows are 10 GB to write
FORMAT = "kernelgen-products"
VERSION = "1"
SCORED_ROWS = 256  # of K(test, train) that are held at a time

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def _gives_back(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Give a card's memory back when an exception passes, that of the function's own frame too."""

    @wraps(function)
    def call(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        with given_back(choose(str(kwargs.get("engine", "auto"))).memory()):
            return function(*args, **kwargs)

    return call


def filters_per_block(engine: Convolutions, shape: ConvolutionShape, n_rows: int, dtype: Any) -> int:
    """Filters whose features of all rows make one block: as many slabs as the engine's bytes hold, at least one."""
    itemsize: int = np.dtype(dtype).itemsize
    slab_bytes = engine.SLAB * shape.features_per_filter * itemsize * n_rows
    return engine.SLAB * max(1, engine.BLOCK_BYTES // slab_bytes)


@_gives_back
def stream_products(
    features: FittedRandomConv,
    X: FeatureValues,
    *,
    dtype: Any,
    threads: int,
    engine: str = "auto",
    tile: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_seconds: float | None = None,
    progress: ProgressCallback | None = None,
) -> InnerProducts:
    """G = Phi(X) Phi(X)^T by blocks of filters; features of all rows exist for one block only.

        G = sum over blocks b of Phi_b Phi_b^T,   products of a few hundred features in ``dtype``, sums in float64

    Parameters
    ----------
    features : FittedRandomConv
    X : FeatureValues, n rows
    dtype : float32 or float64
    engine : {"auto", "native", "cuda"}
        With "cuda" the sums lie on the card, and so does all that is computed from them.
    tile : int or None
        Side of the tiles of G; None leaves it to the engine.
    checkpoint : path or None
        Where the sum so far is kept: read first, where it is there and of the same problem, so that a run that was
        killed goes on with the same bits; written at the end, and before that after some blocks.
    checkpoint_seconds : float or None
        From one checkpoint to the next; None: five minutes, or longer where writing takes more than a twentieth of it.

    Raises
    ------
    UsageError
        The checkpoint is of another problem, or another engine's, which rounds differently.
    DataError
        The checkpoint is damaged.
    EngineUnavailable
        The engine cannot run here, or has no random convolutions.

    Notes
    -----
    n^2 D + 2 n positions depth filters flops for D features; n (n + tile) / 2 float64 numbers and one block.
    """
    convolving, module = choose_convolutions(engine), choose(engine)
    shape, n, name = features.shape, len(X.values), engine_name(module)
    side = convolving.default_tile(n) if tile is None else tile
    step, count = filters_per_block(convolving, shape, n, dtype), len(features.bank.filters)
    key, done, n_features, tiles = "", 0, 0, None
    if checkpoint is not None:
        key = _key(features, X, [str(np.dtype(dtype)), side, step, *convolving.arithmetic()])
        done, n_features, tiles = _resume(Path(checkpoint), key, name)
    products = convolving.inner_products(tiles, n, side, n_features)
    del tiles
    images = module.place(features.images(X))
    saved, wait = (
        time.perf_counter(),
        CHECKPOINT_SECONDS if checkpoint_seconds is None else checkpoint_seconds,
    )
    with phase("gram", progress) as heartbeat:
        for first in range(done, count, step):
            products = convolving.add_convolution_products(
                products,
                images,
                shape,
                features.bank.part(first, first + step),
                dtype=dtype,
                threads=threads,
                heartbeat=share(heartbeat, first // step, -(-count // step)),
            )
            is_last = first + step >= count
            start = time.perf_counter()
            if checkpoint is not None and (is_last or start - saved >= wait):
                with phase("checkpoint", progress):
                    here = replace(products, tiles=module.fetch(products.tiles))
                    _save(Path(checkpoint), key, name, here, min(first + step, count))
                saved = time.perf_counter()
                if checkpoint_seconds is None:
                    wait = max(CHECKPOINT_SECONDS, (saved - start) / CHECKPOINT_SHARE)
    return products


@_gives_back
def linear_scores(
    features: FittedRandomConv,
    train: FeatureValues,
    test: FeatureValues,
    alpha: FloatArray,
    *,
    dtype: Any,
    threads: int,
    engine: str = "auto",
    progress: ProgressCallback | None = None,
) -> FloatArray:
    """Phi(test) W of the linear kernel, with the primal weights W = Phi(train)^T alpha made and used block by block.

    Parameters
    ----------
    train, test : FeatureValues, n and m rows
    alpha : float64 array, shape (n, c)
    engine : {"auto", "native", "cuda"}

    Returns
    -------
    scores : float64 array, shape (m, c)
        On the host.

    Notes
    -----
    2 (n + m) (positions depth filters + D c) flops: the test Gram matrix is not needed.
    """
    module, shape = choose(engine), features.shape
    convolving = choose_convolutions(engine)
    scores = convolving.zeros((len(test.values), alpha.shape[1]))
    test_images, train_images = (module.place(features.images(X)) for X in (test, train))
    weights = module.upload(alpha)
    for part, heartbeat in _parts(
        features, convolving, len(train.values) + len(test.values), dtype, progress
    ):
        convolving.add_convolution_scores(
            scores,
            test_images,
            train_images,
            weights,
            shape,
            part,
            dtype=dtype,
            threads=threads,
            heartbeat=heartbeat,
        )
    return module.fetch(scores)


@_gives_back
def cross_products(
    features: FittedRandomConv,
    train: FeatureValues,
    test: FeatureValues,
    *,
    dtype: Any,
    threads: int,
    engine: str = "auto",
    progress: ProgressCallback | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Phi(test) Phi(train)^T and |phi(x)|^2 of the test rows, accumulated block by block.

    Parameters
    ----------
    train, test : FeatureValues, n and m rows
    engine : {"auto", "native", "cuda"}

    Returns
    -------
    G : float64 array, shape (m, n)
        Where the engine computes: on the card for "cuda".
    squared_norms : float64 array, shape (m,)
        Where G lies.

    Notes
    -----
    2 n m D flops and m n float64 numbers beside one block of both features.
    """
    module, shape = choose(engine), features.shape
    convolving = choose_convolutions(engine)
    G = convolving.zeros((len(test.values), len(train.values)))
    norms = convolving.zeros((len(test.values), 1))
    test_images, train_images = (module.place(features.images(X)) for X in (test, train))
    for part, heartbeat in _parts(
        features, convolving, len(train.values) + len(test.values), dtype, progress
    ):
        convolving.add_convolution_cross_products(
            G,
            norms,
            test_images,
            train_images,
            shape,
            part,
            dtype=dtype,
            threads=threads,
            heartbeat=heartbeat,
        )
    return G, norms[:, 0]


def _parts(
    features: FittedRandomConv,
    convolving: Convolutions,
    n_rows: int,
    dtype: Any,
    progress: ProgressCallback | None,
) -> Iterator[tuple[FilterBank, Heartbeat | None]]:
    """The bank in blocks, and a heartbeat for each, told as the phase "predict"."""
    step = filters_per_block(convolving, features.shape, n_rows, dtype)
    count = -(-len(features.bank.filters) // step)
    with phase("predict", progress) as heartbeat:
        for index, part in enumerate(features.parts(step)):
            yield part, share(heartbeat, index, count)


def kernel_scores(
    kernel: Kernel, G: FloatArray, norms: FloatArray, train_norms: FloatArray, alpha: FloatArray
) -> FloatArray:
    """K(test, train) alpha from inner products, for any kernel.

    Parameters
    ----------
    kernel : Kernel
    G : float64 array, shape (m, n)
        <phi(test row), phi(training row)>.
    norms, train_norms : float64 arrays, shapes (m,) and (n,)
        |phi(x)|^2 of the test and of the training rows.
    alpha : float64 array, shape (n, c)

    Returns
    -------
    scores : float64 array, shape (m, c)
        On the host, wherever G lies: K is made there.
    """
    train_norms, alpha = like(train_norms, G), like(alpha, G)
    scores = np.empty((len(G), alpha.shape[1]))
    for start in range(0, len(G), SCORED_ROWS):
        rows = slice(start, start + SCORED_ROWS)
        scores[rows] = kernel.evaluate_products(G[rows], norms[rows, None], train_norms) @ alpha
    return scores


def _key(features: FittedRandomConv, X: FeatureValues, arithmetic: list[Any]) -> str:
    """Digest of everything the products depend on, to the bit."""
    told = json.dumps([features.map.describe(), arithmetic, X.scale])
    digest = hashlib.sha256(told.encode())
    for array in (X.values, *features.state().values()):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _save(path: Path, key: str, engine: str, products: InnerProducts, filters_done: int) -> None:
    text = {
        "format": FORMAT,
        "format_version": VERSION,
        "engine": engine,
        "key": key,
        "filters_done": str(filters_done),
        "n_features": str(products.n_features),
        "sha256": hashlib.sha256(products.tiles.data).hexdigest(),
    }
    write_tensors(path, {"tiles": products.tiles}, text)


def _resume(path: Path, key: str, engine: str) -> tuple[int, int, AnyArray | None]:
    """Filters and features summed so far, and their sums; 0, 0 and None where there is no file yet."""
    try:
        tensors, text = open_tensors(path, mmap=False)
    except DataMissing:
        return 0, 0, None
    known = text.get("format") == FORMAT and text.get("format_version") == VERSION
    other = text.get("engine", "native")
    if known and other != engine:
        raise UsageError(
            f"{path} is a checkpoint of the {other} engine, which rounds differently from {engine}: "
            f"go on with --engine {other}, remove it, or name another file"
        )
    if not known or text.get("key") != key:
        raise UsageError(
            f"{path} is not a checkpoint of this problem (other rows, filters, precision, version or card): "
            "remove it, or name another file"
        )
    if hashlib.sha256(tensors["tiles"].data).hexdigest() != text.get("sha256"):
        raise DataError(
            f"{path} is damaged: its sums do not have the digest they were written with; remove it"
        )
    return int(text["filters_done"]), int(text["n_features"]), tensors["tiles"]
