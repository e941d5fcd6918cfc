"""The cost model of a solve: what each phase holds and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelgen.engines.base import Engine

_DESCENTS = 3  # conjugate gradient iterations of a refinement in mixed precision
_NORM_SOLVES = 5  # solves that estimate |K^-1|_1
_EVALUATION_FLOPS = 24.0  # one kernel value (an exponential), counted at the rate of float64 products


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: what the process holds above the start while it runs, its floating-point work and its time.

    Where features are streamed, ``blocks`` says how often some are made, used and dropped, and ``filters_per_block``
    how many filters each block has (the last one what is left); both are None elsewhere.
    """

    name: str
    bytes: int
    flops: float
    seconds: float
    blocks: int | None = None
    filters_per_block: int | None = None


def factor_dtype(precision: str) -> np.dtype[Any]:
    """Dtype of the factor: float64 for ``"float64"``, float32 for ``"float32"`` and ``"mixed"``."""
    return np.dtype(np.float64 if precision == "float64" else np.float32)


def format_bytes(count: int) -> str:
    """Bytes in the largest decimal unit that leaves a number of at least 1."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count} B"


@dataclass(frozen=True, slots=True)
class Costs:
    """Bytes, flops and seconds of a solve, as functions of the number of points and the precision."""

    n_features: int
    n_targets: int
    n_test: int
    values_dtype: np.dtype[Any]
    engine: Engine
    threads: int
    tile: int
    held_bytes: int

    def phases(self, n: int, precision: str) -> list[Phase]:
        """The phases of a solve of n points."""
        d, c, rates = self.n_features, self.n_targets, self.engine.measure_rates(self.threads)
        dtype = factor_dtype(precision)
        work = self._bytes(n, precision)
        exact = rates["bytes"] if self.values_dtype == np.uint8 else rates["float64"]
        own = rates["bytes"] if self.values_dtype == np.uint8 else rates[str(dtype)]
        storage = self.engine.storage_elements(n, self.tile) * dtype.itemsize
        factor_flops = n**3 / 3 + n**2 * d
        factor_seconds = n**3 / 3 / rates[str(dtype)] + n**2 * d / own + self._evaluate(n**2 / 2, rates)
        solve_flops = 2.0 * n**2 * c
        one_solve = max(solve_flops / rates[str(dtype)], 2 * storage / rates["bandwidth"])
        product_flops = n**2 * d + 2.0 * n**2 * c
        one_product = n**2 * d / exact + 2.0 * n**2 * c / rates["float64"] + self._evaluate(n**2 / 2, rates)
        descents = _DESCENTS if precision == "mixed" else 0
        direct = 0 if precision == "mixed" else 1
        norm = _NORM_SOLVES * 2 * storage / rates["bandwidth"]
        found = [
            Phase("factor", work["factor"], factor_flops, factor_seconds),
            Phase("solve", work["solve"], direct * solve_flops, direct * one_solve),
            Phase(
                "refine",
                work["refine"],
                descents * (solve_flops + product_flops) + product_flops,
                descents * (one_solve + one_product) + one_product + norm,
            ),
        ]
        if self.n_test:
            m = self.n_test
            flops = 2.0 * n * m * (d + c)
            seconds = 2.0 * n * m * (d / exact + c / rates["float64"]) + self._evaluate(n * m, rates)
            found.append(Phase("predict", work["predict"], flops, seconds))
        return found

    @staticmethod
    def _evaluate(count: float, rates: dict[str, float]) -> float:
        return count * _EVALUATION_FLOPS / rates["float64"]

    def _bytes(self, n: int, precision: str) -> dict[str, int]:
        d, c, dtype = self.n_features, self.n_targets, factor_dtype(precision)
        column = 8 * n * c
        resting = self.engine.storage_elements(n, self.tile) * dtype.itemsize + 8 * d + self.held_bytes
        if self.engine.memory() is not None:  # bytes of a card: the points are there too, the columns are not
            column = 0
            resting += n * d * self.values_dtype.itemsize

        def workspace(phase: Any, dtype: Any) -> int:
            return self.engine.workspace_bytes(
                n, d, self.values_dtype, dtype, c, self.threads, self.tile, phase
            )

        solving = 3 * column + workspace("solve", dtype)  # targets, right-hand sides, solution
        alpha_dtype = np.dtype(np.float32 if precision == "float32" else np.float64)
        predicting = 2 * 8 * self.n_test * c + self._test_points() + workspace("predict", alpha_dtype)
        return {
            "factor": resting + workspace("factor", dtype),
            "solve": resting + solving,
            # targets and their scaled copy, alpha, product, residual; x, r, z, p, K p of the descent
            "refine": resting + 10 * column + max(workspace("multiply", np.dtype(np.float64)), solving),
            "predict": resting + column + predicting,
        }

    def _test_points(self) -> int:
        """Bytes of the test points, where they have to be moved: as they are, and as products read them."""
        if self.engine.memory() is None:
            return 0
        return self.n_test * self.n_features * (self.values_dtype.itemsize + 8)

    def suggest(self, n: int, precision: str, budget: int) -> str:
        """The same problem in a narrower factor where that fits, else the most points that do."""
        needed = max(self._bytes(n, precision).values())
        if precision == "float64":
            mixed = max(self._bytes(n, "mixed").values())
            if mixed <= budget:
                return f'precision="mixed" needs {format_bytes(mixed)} and gives the same residual'
        narrow = "float32" if precision == "float32" else "mixed"
        low, high = 0, n
        while high - low > 1:
            middle = (low + high) // 2
            if max(self._bytes(middle, narrow).values()) <= budget:
                low = middle
            else:
                high = middle
        points = f'at most {low} training points fit with precision="{narrow}"' if low else "no subset fits"
        return f"{points}; all {n} need a budget of {format_bytes(needed)}"
