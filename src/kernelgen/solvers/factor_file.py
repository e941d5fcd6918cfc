"""A factor in a file: the tiles of L, the points it belongs to, and what it takes to use them."""

from __future__ import annotations

import json
from os import PathLike
from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_threads
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.arrays.points import AnyArray, Points
from kernelgen.arrays.tensor_file import open_tensors, write_tensors
from kernelgen.engines.base import TileFactor, storage_elements
from kernelgen.engines.choose import choose
from kernelgen.errors import DataError, UsageError
from kernelgen.kernels.base import Kernel
from kernelgen.kernels.registry import kernel_from_description
from kernelgen.solvers.costs import factor_dtype
from kernelgen.solvers.factor import Factor
from kernelgen.solvers.plan import plan

FORMAT = "kernelgen-factor"
VERSION = "1"


def save_factor(factor: Factor, path: str | PathLike[str]) -> None:
    """Write a factor; L goes from where it is to the disk, without a copy in memory."""
    points = factor.points
    if isinstance(points, InnerProducts):
        raise UsageError("a factor of inner products is not saved: keep their checkpoint, and factor again")
    storage = choose(factor.engine).fetch(factor.tiles.storage)  # from a card: one copy; else where it is
    tensors: dict[str, AnyArray] = {"L": storage, "values": points.values}
    if points.center is not None:
        tensors["center"] = points.center
    if factor.first is not None:
        tensors["first"] = factor.first
    tiles = factor.tiles
    record = {
        "kernel": factor.kernel.describe(),
        "scale": points.scale,
        "ridge": factor.ridge,
        "precision": factor.precision,
        "engine": factor.engine,
        "n_samples": factor.n_samples,
        "jitter": factor.jitter,
        "tile": tiles.tile,
        "layout": tiles.layout,
        "min_pivot": tiles.min_pivot,
        "min_pivot_row": tiles.min_pivot_row,
        "seconds": factor.seconds,
    }
    write_tensors(path, tensors, {"format": FORMAT, "version": VERSION, "factor": json.dumps(record)})


def load_factor(
    path: str | PathLike[str], *, mmap: bool = True, kernel: Kernel | None = None, threads: int | None = None
) -> Factor:
    """Read a factor; with ``mmap`` its pages come from the disk as they are first used.

    Raises
    ------
    DataError
        The file is missing, truncated, not a factor, or of another version.
    UsageError
        The kernel was a Custom one and is not given, or the one given is not the factor's.
    """
    tensors, metadata = open_tensors(path, mmap=mmap)
    check_format(path, metadata, FORMAT, VERSION)
    try:
        return _assemble(tensors, json.loads(metadata["factor"]), kernel, check_threads(threads))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, UsageError | DataError):
            raise
        raise DataError(f"{path} is not a complete factor: {error!r}") from None


def check_format(path: str | PathLike[str], metadata: dict[str, str], kind: str, version: str) -> None:
    """Refuse a file of another kind or of another version of its kind, saying which."""
    found = metadata.get("format", "unknown")
    if found != kind:
        raise DataError(f"{path} is not a {kind} file; its format is {found!r}")
    if metadata.get("version") != version:
        raise DataError(
            f"{path} is a {kind} file of version {metadata.get('version')!r}; this kernelgen reads version {version!r}"
        )


def _assemble(
    tensors: dict[str, AnyArray], record: dict[str, Any], kernel: Kernel | None, threads: int
) -> Factor:
    points = Points(tensors["values"], float(record["scale"]), tensors.get("center"))
    tile, n = int(record["tile"]), points.n_samples
    storage = tensors["L"]
    if storage.shape != (storage_elements(n, tile),) or storage.dtype != factor_dtype(record["precision"]):
        raise ValueError("the tiles do not match the points")
    tiles = TileFactor(
        storage=storage,
        n_samples=n,
        tile=tile,
        layout=str(record["layout"]),
        pivot_row=-1,
        min_pivot=float(record["min_pivot"]),
        min_pivot_row=int(record["min_pivot_row"]),
        gram_seconds=0.0,
    )
    return Factor(
        points=points,
        placed=choose(str(record["engine"])).place(points),
        kernel=_same_kernel(kernel, record["kernel"]),
        ridge=float(record["ridge"]),
        precision=str(record["precision"]),
        engine=str(record["engine"]),
        plan=plan(
            n,
            points.n_features,
            precision=str(record["precision"]),
            values_dtype=points.values.dtype,
            engine=str(record["engine"]),
            threads=threads,
            tile=tile,
        ),
        n_samples=int(record["n_samples"]),
        tiles=tiles,
        first=tensors.get("first"),
        jitter=float(record["jitter"]),
        threads=threads,
        seconds={str(key): float(value) for key, value in record["seconds"].items()},
        peak_bytes=0,
        held_bytes=0 if isinstance(_owner(storage), np.memmap) else storage.nbytes,
    )


def _same_kernel(given: Kernel | None, description: dict[str, Any]) -> Kernel:
    if given is None:
        if description["name"] == "custom":
            raise UsageError(
                f"this factor's kernel is the function {description['function']!r}, which a file does not hold: "
                "pass kernel=Custom(...) with the same function"
            )
        return kernel_from_description(description)
    if given.describe() != description:
        raise UsageError(f"this factor belongs to the kernel {description}, not to {given.describe()}")
    return given


def _owner(array: AnyArray) -> Any:
    owner: Any = array
    while isinstance(owner, np.ndarray) and not isinstance(owner, np.memmap) and owner.base is not None:
        owner = owner.base
    return owner
