"""Inner products of random-convolution features that are never stored: a few filters at a time come, add, and go."""

from __future__ import annotations

import hashlib
import json
import time
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.arrays.tensor_file import open_tensors, write_tensors
from kernelgen.engines.base import TILE, storage_elements
from kernelgen.engines.convolve import (
    ConvolutionShape,
    add_convolution_cross_products,
    add_convolution_products,
    convolve,
)
from kernelgen.errors import DataError, DataMissing, UsageError
from kernelgen.features.base import FeatureValues
from kernelgen.features.random_conv import FittedRandomConv
from kernelgen.kernels.base import Kernel
from kernelgen.solvers.progress import ProgressCallback, phase, share

BLOCK_BYTES = 500_000_000
"""Of features made at a time: enough work for each time that images are cut into patches and tiles read and written."""
_SLAB = 48  # filters that the micro-kernel takes at once
CHECKPOINT_SECONDS = 300.0
FORMAT = "kernelgen-products"
VERSION = "1"
_ROWS = 4096  # of a block that is held in float64
_SCORED_ROWS = 256  # of K(test, train) that are held at a time


def filters_per_block(shape: ConvolutionShape, n_rows: int, dtype: Any) -> int:
    """Filters whose features of all rows make one block: as many slabs as fit into ``BLOCK_BYTES``, at least one."""
    itemsize: int = np.dtype(dtype).itemsize
    slab_bytes = _SLAB * shape.features_per_filter * itemsize * n_rows
    return _SLAB * max(1, BLOCK_BYTES // slab_bytes)


def stream_products(
    features: FittedRandomConv,
    X: FeatureValues,
    *,
    dtype: Any,
    threads: int,
    tile: int = TILE,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    progress: ProgressCallback | None = None,
) -> InnerProducts:
    """G = Phi(X) Phi(X)^T by blocks of filters; features of all rows exist for one block only.

        G = sum over blocks b of Phi_b Phi_b^T,   each product of 384 features in ``dtype``, the sum in float64

    Parameters
    ----------
    features : FittedRandomConv
    X : FeatureValues, n rows
    dtype : float32 or float64
    checkpoint : path or None
        Where the sum so far is kept: read first, where it is there and of the same problem, so that a run that was
        killed goes on with the same bits; written every ``checkpoint_seconds`` and at the end.

    Raises
    ------
    UsageError
        The checkpoint is of another problem.
    DataError
        The checkpoint is damaged.

    Notes
    -----
    n^2 D + 2 n positions depth filters flops for D features; n (n + tile) / 2 float64 numbers and one block.
    """
    images, shape, n = features.images(X), features.shape, len(X.values)
    step, count = filters_per_block(shape, n, dtype), len(features.bank.filters)
    key = _key(features, X, [str(np.dtype(dtype)), tile, step]) if checkpoint is not None else ""
    done, products = 0, None
    if checkpoint is not None:
        done, products = _resume(Path(checkpoint), key, n, tile)
    if products is None:
        products = InnerProducts(np.zeros(storage_elements(n, tile)), n, tile, 0)
    saved = time.perf_counter()
    with phase("gram", progress) as heartbeat:
        for first in range(done, count, step):
            products = add_convolution_products(
                products,
                images,
                shape,
                features.bank.part(first, first + step),
                dtype=dtype,
                threads=threads,
                heartbeat=share(heartbeat, first // step, -(-count // step)),
            )
            is_last = first + step >= count
            if checkpoint is not None and (is_last or time.perf_counter() - saved >= checkpoint_seconds):
                _save(Path(checkpoint), key, products, min(first + step, count))
                saved = time.perf_counter()
    return products


def linear_scores(
    features: FittedRandomConv,
    train: FeatureValues,
    test: FeatureValues,
    alpha: FloatArray,
    *,
    dtype: Any,
    threads: int,
    progress: ProgressCallback | None = None,
) -> FloatArray:
    """Phi(test) W of the linear kernel, with the primal weights W = Phi(train)^T alpha made and used block by block.

    Parameters
    ----------
    train, test : FeatureValues, n and m rows
    alpha : float64 array, shape (n, c)

    Returns
    -------
    scores : float64 array, shape (m, c)

    Notes
    -----
    2 (n + m) (positions depth filters + D c) flops: the test Gram matrix is not needed.
    """
    shape, count = features.shape, len(features.bank.filters)
    step = filters_per_block(shape, len(train.values) + len(test.values), dtype)
    scores = np.zeros((len(test.values), alpha.shape[1]))
    train_images, test_images = features.images(train), features.images(test)
    with phase("predict", progress) as heartbeat:
        for first in range(0, count, step):
            part = features.bank.part(first, first + step)
            beat = share(heartbeat, first // step, -(-count // step))
            depth = shape.features_per_filter * len(part.filters)
            Phi: AnyArray = np.empty((len(train.values), depth), dtype=dtype)
            convolve(train_images, shape, part, out=Phi, threads=threads, heartbeat=beat)
            # W = Phi^T alpha
            W = sum(
                Phi[rows : rows + _ROWS].T.astype(np.float64) @ alpha[rows : rows + _ROWS]
                for rows in range(0, len(Phi), _ROWS)
            )
            Psi: AnyArray = np.empty((len(test.values), depth), dtype=dtype)
            convolve(test_images, shape, part, out=Psi, threads=threads)
            for rows in range(0, len(Psi), _ROWS):
                scores[rows : rows + _ROWS] += Psi[rows : rows + _ROWS].astype(np.float64) @ W
    return scores


def cross_products(
    features: FittedRandomConv,
    train: FeatureValues,
    test: FeatureValues,
    *,
    dtype: Any,
    threads: int,
    progress: ProgressCallback | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Phi(test) Phi(train)^T and |phi(x)|^2 of the test rows, accumulated block by block.

    Returns
    -------
    G : float64 array, shape (m, n)
    squared_norms : float64 array, shape (m,)

    Notes
    -----
    2 n m D flops and m n float64 numbers beside one block of both features.
    """
    shape, count = features.shape, len(features.bank.filters)
    step = filters_per_block(shape, len(train.values) + len(test.values), dtype)
    train_images, test_images = features.images(train), features.images(test)
    G = np.zeros((len(test.values), len(train.values)))
    norms = np.zeros(len(test.values))
    with phase("predict", progress) as heartbeat:
        for first in range(0, count, step):
            part = features.bank.part(first, first + step)
            add_convolution_cross_products(
                G,
                test_images,
                train_images,
                shape,
                part,
                tile=TILE,
                dtype=dtype,
                threads=threads,
                heartbeat=share(heartbeat, first // step, -(-count // step)),
            )
            Psi: AnyArray = np.empty(
                (len(test.values), shape.features_per_filter * len(part.filters)), dtype=dtype
            )
            convolve(test_images, shape, part, out=Psi, threads=threads)
            norms += np.einsum("ij,ij->i", Psi, Psi, dtype=np.float64)
    return G, norms


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
    """
    scores = np.empty((len(G), alpha.shape[1]))
    for start in range(0, len(G), _SCORED_ROWS):
        rows = slice(start, start + _SCORED_ROWS)
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


def _save(path: Path, key: str, products: InnerProducts, filters_done: int) -> None:
    text = {
        "format": FORMAT,
        "format_version": VERSION,
        "key": key,
        "filters_done": str(filters_done),
        "n_features": str(products.n_features),
        "sha256": hashlib.sha256(products.tiles.data).hexdigest(),
    }
    write_tensors(path, {"tiles": products.tiles}, text)


def _resume(path: Path, key: str, n: int, tile: int) -> tuple[int, InnerProducts | None]:
    try:
        tensors, text = open_tensors(path, mmap=False)
    except DataMissing:
        return 0, None
    if text.get("format") != FORMAT or text.get("format_version") != VERSION or text.get("key") != key:
        raise UsageError(
            f"{path} is not a checkpoint of this problem (other rows, filters, precision or version): "
            "remove it, or name another file"
        )
    if hashlib.sha256(tensors["tiles"].data).hexdigest() != text.get("sha256"):
        raise DataError(
            f"{path} is damaged: its sums do not have the digest they were written with; remove it"
        )
    products = InnerProducts(tensors["tiles"], n, tile, int(text["n_features"]))
    return int(text["filters_done"]), products
