"""Equal rows: found by hashing, verified exactly, and refused where their labels differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import row_blocks
from kernelgen.arrays.points import AnyArray
from kernelgen.errors import ConflictingLabels

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Which rows repeat an earlier one.

    Parameters
    ----------
    first : int64 array, shape (n,)
        Index of the first row equal to each row; a row that repeats nothing points at itself.
    n_duplicates : int
        Number of rows that repeat an earlier one.
    """

    first: NDArray[np.int64]
    n_duplicates: int

    @property
    def unique_rows(self) -> NDArray[np.int64]:
        """Rows that repeat nothing, in order."""
        return np.flatnonzero(self.first == np.arange(len(self.first)))


def find_duplicates(values: AnyArray) -> Duplicates:
    """Group equal rows of a finite array of shape (n, d), with -0.0 equal to 0.0.

    Notes
    -----
    O(n d) time; rows are compared byte by byte wherever their 64-bit hashes agree, so that a collision costs time
    and never a wrong answer. Memory: 24 n bytes and one block of rows.
    """
    hashes = np.concatenate([_hash_rows(block) for _, block in row_blocks(values)])
    order = np.argsort(hashes, kind="stable")
    first = np.arange(len(values), dtype=np.int64)
    boundaries = np.flatnonzero(np.diff(hashes[order])) + 1
    starts = np.concatenate([[0], boundaries])
    stops = np.concatenate([boundaries, [len(values)]])
    for group in np.flatnonzero(stops - starts > 1):
        seen: dict[bytes, int] = {}
        for row in order[starts[group] : stops[group]]:  # stable: in ascending order of rows
            first[row] = seen.setdefault(_canonical(values[row]).tobytes(), int(row))
    return Duplicates(first, int(np.count_nonzero(first != np.arange(len(first)))))


ADVICE = "Drop one of each, make their targets agree, or use a ridge above 0"


def check_labels_agree(duplicates: Duplicates, Y: AnyArray, *, limit: int = 5, advice: str = ADVICE) -> None:
    """Raise ConflictingLabels, naming some pairs of rows, where equal rows have different targets."""
    if not duplicates.n_duplicates:
        return
    first = duplicates.first
    repeats = np.flatnonzero(first != np.arange(len(first)))
    differ = Y[repeats] != Y[first[repeats]]
    conflicts = repeats[differ.reshape(len(repeats), -1).any(axis=1)]
    if len(conflicts):
        pairs = [(int(first[row]), int(row)) for row in conflicts[:limit]]
        listed = ", ".join(f"{a} and {b}" for a, b in pairs) + (", ..." if len(conflicts) > limit else "")
        raise ConflictingLabels(
            f"{len(conflicts)} row(s) repeat an earlier row with a different target, which no function fits: "
            f"rows {listed} (0-based). {advice}",
            pairs=pairs,
        )


def _canonical(rows: AnyArray) -> AnyArray:
    return rows if rows.dtype == np.uint8 else rows + 0.0  # -0.0 + 0.0 is 0.0


def _hash_rows(block: AnyArray) -> NDArray[np.uint64]:
    """sum_k mix(word_k) r_k mod 2^64 over the row's 64-bit words, with odd random r_k."""
    n_bytes = block.shape[1] * block.dtype.itemsize
    padded = np.zeros((len(block), -(-n_bytes // 8) * 8), dtype=np.uint8)
    padded[:, :n_bytes] = np.ascontiguousarray(_canonical(block)).view(np.uint8)
    words = padded.view(np.uint64)
    weights = np.random.default_rng(0).integers(0, 2**63, words.shape[1], dtype=np.uint64)
    weights = weights * np.uint64(2) + np.uint64(1)
    mixed = words * _MULTIPLIER
    mixed ^= mixed >> np.uint64(32)  # short mantissas leave the low bits empty; the shift fills them
    hashes: NDArray[np.uint64] = mixed @ weights
    return hashes
