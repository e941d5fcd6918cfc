"""A sample on a line: projected, sorted, equal rows merged. What every construction along a direction starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.duplicates import Duplicates, check_labels_agree, find_duplicates
from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.errors import UsageError
from kernelgen.memorize.project import (
    BlockProgress,
    Direction,
    best_direction,
    given_direction,
    integer_direction,
    principal_direction,
    project,
    random_direction,
    resolve_rule,
)

REDRAWS = 20
ADVICE = "Drop one of each, or make their labels agree"


@dataclass(frozen=True, slots=True, eq=False)
class LineSample:
    """Distinct projections in ascending order, and their labels.

    Parameters
    ----------
    x : float64 array, shape (m,)
    Y : float64 array, shape (m, c)
    rows : int64 array, shape (m,)
        A row of X that each came from.
    projections : float64 array, shape (n,)
        <a, z_i> of every row of X, in the order of the rows.
    direction : Direction
    """

    x: FloatArray
    Y: FloatArray
    rows: NDArray[np.int64]
    projections: FloatArray
    direction: Direction

    @property
    def n_samples(self) -> int:
        """Rows given."""
        return len(self.projections)

    @property
    def n_distinct(self) -> int:
        """Points left after merging: the n of the theorems."""
        return len(self.x)

    @property
    def n_features(self) -> int:
        """d."""
        return len(self.direction.a)


class Collision(Exception):
    """Two different rows have one projection."""

    def __init__(self, first: int, second: int):
        super().__init__(first, second)
        self.rows = first, second


def line_sample(
    X: AnyArray,
    Y: FloatArray,
    *,
    direction: str | Any = "auto",
    draws: int = 16,
    seed: int = 0,
    progress: BlockProgress | None = None,
) -> LineSample:
    """Project, sort and merge; draw another direction where two different rows collide on this one.

    Parameters
    ----------
    X : array, shape (n, d), uint8, float32 or float64, finite
    Y : float64 array, shape (n, c)
    direction : {"auto", "random", "best", "integer", "principal"} or array of shape (d,)
    draws : int
        Directions that "best" chooses from.
    seed : int

    Raises
    ------
    ConflictingLabels
        Equal rows have different labels; the message names rows.
    UsageError
        Different rows have equal projections on the direction given, or on 20 drawn in turn.

    Notes
    -----
    O(n d) to project, O(n log n) to sort. Rows are compared only where their projections tie.
    """
    rng = np.random.default_rng(seed)
    rule = resolve_rule(direction, X.dtype) if isinstance(direction, str) else "given"
    collision: Collision | None = None
    for _ in range(1 if rule in ("given", "principal") else REDRAWS):
        found = _find_direction(X, rule, direction, draws, rng)
        projections = project(X, found.a, progress=progress)
        try:
            order, is_first = _merge(projections, X, Y)
        except Collision as error:
            collision = error
            continue
        rows = order[is_first]
        line = projections.astype(np.float64, copy=False)
        return LineSample(line[rows], np.ascontiguousarray(Y[rows]), rows, line, found)
    assert collision is not None
    first, second = collision.rows
    raise UsageError(
        f"rows {first} and {second} (0-based) differ, but have the same projection on the {rule} direction, to the "
        f"precision of {'integers' if rule == 'integer' else 'float64'}; try direction='random', another seed, or "
        "points that are further apart"
    )


def _find_direction(
    X: AnyArray, rule: str, given: str | Any, draws: int, rng: np.random.Generator
) -> Direction:
    d = X.shape[1]
    match rule:
        case "given":
            return given_direction(given, X.dtype, d)
        case "integer":
            return integer_direction(d, rng)
        case "best":
            return best_direction(X, rng, draws=draws)
        case "principal":
            return principal_direction(X, rng)
        case _:
            return random_direction(d, rng)


def _merge(projections: AnyArray, X: AnyArray, Y: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows in the order of their projections, and which of them are the first of a run of equal rows.

    Exact projections that tie may be merged although the rows differ, if their labels agree.
    """
    order = np.argsort(projections, kind="stable")
    ascending = projections[order]
    is_first = np.concatenate([[True], ascending[1:] != ascending[:-1]])
    if is_first.all():
        return order, is_first
    leaders = order[np.flatnonzero(is_first)[np.cumsum(is_first) - 1]]
    tied = order[~is_first]
    leaders = leaders[~is_first]
    agree = (Y[tied] == Y[leaders]).all(axis=1)
    if projections.dtype == np.int64 and agree.all():
        return order, is_first
    rows = np.unique(np.concatenate([tied, leaders]))
    duplicates = find_duplicates(np.ascontiguousarray(X[rows]))
    first = np.arange(len(X))
    first[rows] = rows[duplicates.first]
    check_labels_agree(Duplicates(first, duplicates.n_duplicates), Y, advice=ADVICE)
    differ = first[tied] != first[leaders]
    if projections.dtype == np.int64:
        differ &= ~agree
    if differ.any():
        k = int(np.argmax(differ))
        raise Collision(int(leaders[k]), int(tied[k]))
    return order, is_first
