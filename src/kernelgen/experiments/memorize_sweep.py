"""The theorem over a grid of points, features, depths and draws, and what left and midpoint knots do to errors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from kernelgen.errors import UsageError
from kernelgen.experiments.memorize import MemorizeConfig, draw_sample, literal_residual, make_record
from kernelgen.experiments.solve import versions
from kernelgen.memorize.build import build_memorizer

LITERAL_LIMIT = 20_000  # points up to which layers are applied one by one: n^2 activations

SweepProgress = Callable[[int, int], None]
"""Called as ``progress(cells done, cells in all)``."""


@dataclass(frozen=True)
class SweepConfig:
    """A grid; every combination is built `draws` times.

    Parameters
    ----------
    n, d : tuple of int
    depths : tuple of int
        Those above n are left out; empty: 2, 3, n/8, n/2 and n, rounded, for each n.
    labels : str
    draws : int
        Seeds 0, 1, ...
    """

    n: tuple[int, ...] = (10, 100, 1000)
    d: tuple[int, ...] = (1, 50, 784)
    depths: tuple[int, ...] = ()
    labels: str = "random"
    draws: int = 2

    def __post_init__(self) -> None:
        for name in ("n", "d", "depths"):
            if any(value < 1 for value in getattr(self, name)):
                raise UsageError(f"{name} must be positive numbers, got {getattr(self, name)}")
        if not self.n or not self.d or self.draws < 1:
            raise UsageError("a sweep needs at least one n, one d and one draw")
        MemorizeConfig(labels=self.labels)
        unused = [k for k in self.depths if not any(k in self.depths_for(n) for n in self.n)]
        if unused:
            raise UsageError(
                f"depth is 2, or from 3 to n: no n of {self.n} allows {', '.join(map(str, unused))}"
            )

    def depths_for(self, n: int) -> list[int]:
        """Depths that n points allow."""
        wanted = self.depths or (2, 3, n // 8, n // 2, n)
        return sorted({k for k in wanted if k == 2 or 3 <= k <= n})


@dataclass(frozen=True)
class SweepRecord:
    """One row for each network, and whether the theorem held for all.

    ``cells`` have n_samples, n_features, depth, width, width_bound, tied, nonzero, dense, formula,
    label_errors, max_residual, exact, max_abs_weight, seed, holds. ``errors`` have n_samples, knots,
    literal_residual, max_abs_weight, smallest_eigenvalue, smallest_singular_value.
    """

    cells: list[dict[str, Any]]
    errors: list[dict[str, Any]]
    all_hold: bool
    n_networks: int
    config: dict[str, Any]
    versions: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def run_sweep(config: SweepConfig, *, progress: SweepProgress | None = None) -> SweepRecord:
    """Build every network of the grid, check it against the theorem, and compare the knot rules.

    Examples
    --------
    >>> record = run_sweep(SweepConfig(n=(20,), d=(3,), depths=(2, 5), draws=1))
    >>> record.all_hold, record.n_networks
    (True, 2)
    """
    grid = [
        MemorizeConfig(n=n, d=d, depth=depth, labels=config.labels, seed=seed)
        for n, d, seed in itertools.product(config.n, config.d, range(config.draws))
        for depth in config.depths_for(n)
    ]
    rules = [
        MemorizeConfig(n=n, d=config.d[-1], knots=rule, labels=config.labels, seed=seed)
        for n, rule, seed in itertools.product(config.n, ("left", "midpoint"), range(config.draws))
        if n <= LITERAL_LIMIT
    ]
    total = len(grid) + len(rules)
    cells = []
    for done, cell in enumerate(grid):
        cells.append(_cell(cell))
        if progress is not None:
            progress(done + 1, total)
    errors = []
    for done, cell in enumerate(rules, start=len(grid)):
        errors.append(_error(cell))
        if progress is not None:
            progress(done + 1, total)
    return SweepRecord(
        cells, errors, all(cell["holds"] for cell in cells), len(cells), asdict(config), versions()
    )


def _cell(config: MemorizeConfig) -> dict[str, Any]:
    sample = draw_sample(config)
    result = build_memorizer(sample.X, sample.y, depth=config.depth, seed=config.seed)
    record = make_record(config, sample, result).as_dict()
    names = ("n_samples", "n_features", "depth", "width", "width_bound", "label_errors", "max_residual", "exact",
             "max_abs_weight", "seed", "holds")  # fmt: skip
    cell: dict[str, Any] = {name: record[name] for name in names}
    cell.update(record["n_weights"])
    return cell


def _error(config: MemorizeConfig) -> dict[str, Any]:
    sample = draw_sample(config)
    result = build_memorizer(sample.X, sample.y, knots=config.knots, seed=config.seed)
    record = make_record(config, sample, result).as_dict()
    residual = literal_residual(result, sample)
    names = ("n_samples", "knots", "max_abs_weight", "smallest_eigenvalue", "smallest_singular_value", "seed")
    found: dict[str, Any] = {name: record[name] for name in names}
    return found | {"literal_residual": residual if math.isfinite(residual) else None}
