"""Naive oracles in float64, one rule for tolerances, and the engines there are to test."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from kernelgen.engines import native
from kernelgen.engines.base import TileFactor
from kernelgen.engines.cuda.device import device, using
from kernelgen.engines.cuda.host import Host

ENGINES = [
    "portable",
    "cuda on the host",
    pytest.param("cuda", marks=pytest.mark.gpu),
    pytest.param(
        "native", marks=pytest.mark.skipif(native.available() is not None, reason=str(native.available()))
    ),
]


def entered(name: str) -> Iterator[str]:
    """Yield the name under which an engine of ENGINES is chosen, with what it runs on in place meanwhile."""
    if name != "cuda on the host":
        yield name
        return
    with using(Host()):
        yield "cuda"


def child_engine(engine: str) -> str:
    """The name in ENGINES of an engine in place, for a child process that has to put it in place itself."""
    return "cuda on the host" if engine == "cuda" and isinstance(device(), Host) else engine


def tolerance(dtype: Any, *, cond: float = 1.0, norm: float = 1.0, n: int = 1, c: float = 8.0) -> float:
    """c * n * eps * cond * norm: what a backward stable computation of size n may be off by."""
    return c * n * float(np.finfo(dtype).eps) * cond * norm


def naive_kernel(description: dict[str, Any], x: Sequence[float], z: Sequence[float]) -> float:
    """k(x, z), coordinate by coordinate, from the kernel's description."""
    if description.get("normalize"):
        x = [a / math.sqrt(math.fsum(b * b for b in x)) for a in x]
        z = [a / math.sqrt(math.fsum(b * b for b in z)) for a in z]
    product = math.fsum(a * b for a, b in zip(x, z, strict=True))
    distance = math.sqrt(math.fsum((a - b) ** 2 for a, b in zip(x, z, strict=True)))
    match description["name"]:
        case "gaussian":
            return math.exp(-(distance**2) / (2 * description["bandwidth"] ** 2))
        case "laplacian":
            return math.exp(-distance / description["bandwidth"])
        case "polynomial":
            return (description["gamma"] * product + description["coef0"]) ** description["degree"]
        case "linear":
            return product
    raise ValueError(description)


def naive_gram(
    description: dict[str, Any], X: np.ndarray, Z: np.ndarray | None = None, *, scale: float = 1.0
):
    """K by two loops."""
    rows = [[scale * float(a) for a in x] for x in X]
    columns = rows if Z is None else [[scale * float(a) for a in z] for z in Z]
    return np.array([[naive_kernel(description, x, z) for z in columns] for x in rows])


def naive_cholesky(K: np.ndarray) -> np.ndarray:
    """L with L L^T = K, by the textbook's three loops."""
    n = len(K)
    L = np.zeros((n, n))
    for j in range(n):
        L[j, j] = math.sqrt(K[j, j] - math.fsum(L[j, :j] ** 2))
        for i in range(j + 1, n):
            L[i, j] = (K[i, j] - math.fsum(L[i, :j] * L[j, :j])) / L[j, j]
    return L


def dense_factor(factor: TileFactor) -> np.ndarray:
    """L as an n x n array, element by element from the layout's definition."""
    n, T = factor.n_samples, factor.tile
    nt, G = -(-n // T), 64 // factor.storage.dtype.itemsize
    r, k = np.meshgrid(np.arange(T), np.arange(T), indexing="ij")
    inside = (r // G) * T * G + k * G + r % G if factor.layout == "grouped" else r * T + k
    storage = factor.storage if isinstance(factor.storage, np.ndarray) else factor.storage.get()
    L = np.zeros((nt * T,) * 2)
    for i in range(nt):
        for j in range(i + 1):
            tile = j * nt - j * (j - 1) // 2 + i - j if factor.layout == "columns" else i * (i + 1) // 2 + j
            L[i * T : (i + 1) * T, j * T : (j + 1) * T] = storage[tile * T * T + inside]
    return np.tril(L[:n, :n])


def scattered(n: int, d: int, *, seed: int, dtype: str = "float64", scale: float = 1.0) -> np.ndarray:
    """Distinct random points: standard normal ones, or bytes."""
    rng = np.random.default_rng(seed)
    if dtype == "uint8":
        return rng.integers(0, 256, (n, d), dtype=np.uint8)
    return (scale * rng.standard_normal((n, d))).astype(dtype)


def raw_unit(X: np.ndarray) -> float:
    """A scale under which the points have coordinates of order 1."""
    return 1 / 64 if X.dtype == np.uint8 else 1.0


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """|found - expected|_F / |expected|_F in float64."""
    expected = np.asarray(expected, dtype=np.float64)
    return float(np.linalg.norm(np.asarray(found, dtype=np.float64) - expected) / np.linalg.norm(expected))


def spd(n: int, cond: float, rng: np.random.Generator) -> np.ndarray:
    """Random symmetric positive definite matrix of a given condition number."""
    Q, _ = np.linalg.qr(rng.standard_normal((n, n)))
    return (Q * np.geomspace(1.0, 1.0 / cond, n)) @ Q.T
