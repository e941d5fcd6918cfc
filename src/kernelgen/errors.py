"""Exceptions: one class for each thing a caller can do differently, and the exit code the command line gives it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernelgen.solvers.plan import Plan


class KernelgenError(Exception):
    """Base of all errors that kernelgen raises on purpose; the message says what, where and what to try."""

    exit_code = 1


class UsageError(KernelgenError, ValueError):
    """An argument is out of range or contradicts another one."""

    exit_code = 2


class EngineUnavailable(KernelgenError, RuntimeError):
    """The engine asked for cannot run here; the message gives the reason. Never replaced by another one."""

    exit_code = 2


class PackageMissing(KernelgenError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""

    exit_code = 2


class NotPositiveDefinite(KernelgenError, ArithmeticError):
    """The Gram matrix has a non-positive pivot at the precision asked for.

    Attributes
    ----------
    row : int
        Row of X whose pivot is not positive (0-based).
    partner : int or None
        The earlier row nearest to it, often a near duplicate.
    distance : float or None
        Euclidean distance between the two, in the units the kernel sees.
    """

    exit_code = 3

    def __init__(self, message: str, *, row: int, partner: int | None = None, distance: float | None = None):
        super().__init__(message)
        self.row = row
        self.partner = partner
        self.distance = distance


class NotConverged(KernelgenError, ArithmeticError):
    """Refinement stopped before the residual reached its tolerance."""

    exit_code = 3


class DataError(KernelgenError, ValueError):
    """Data are missing, damaged, of the wrong shape, or contain values that cannot be used."""

    exit_code = 4


class DataMissing(DataError, FileNotFoundError):
    """A file of a data set is not where it was looked for."""


class ChecksumMismatch(DataError):
    """A downloaded file does not have the digest on record."""


class ConflictingLabels(DataError):
    """Identical rows carry different labels: no function fits them.

    Attributes
    ----------
    pairs : sequence of (int, int)
        Some pairs of rows that are equal in X and differ in Y (0-based).
    """

    def __init__(self, message: str, *, pairs: Sequence[tuple[int, int]]):
        super().__init__(message)
        self.pairs = tuple(pairs)


class BudgetExceeded(KernelgenError, MemoryError):
    """The plan needs more memory than the budget; raised before anything is allocated.

    Attributes
    ----------
    plan : Plan
        The refused plan; ``plan.suggestion`` is the smallest change that fits.
    """

    exit_code = 5

    def __init__(self, message: str, *, plan: Plan):
        super().__init__(message)
        self.plan = plan
