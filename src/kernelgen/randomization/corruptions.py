"""Corruptions of a training set: pure functions ``(X, y, rng) -> (X', y')`` that leave their input alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kernelgen.errors import UsageError

Corruption: TypeAlias = Callable[
    [NDArray[Any], NDArray[Any], np.random.Generator], tuple[NDArray[Any], NDArray[Any]]
]


def true_labels(
    X: NDArray[Any], y: NDArray[Any], rng: np.random.Generator
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the training set as it is; nothing is drawn from `rng`."""
    del rng
    return X, y


def corrupted_labels(
    X: NDArray[Any], y: NDArray[Any], rng: np.random.Generator, *, probability: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Replace each label, with the probability given, by a class drawn uniformly.

    Parameters
    ----------
    X : array, shape (n, ...)
        Returned as it is.
    y : array, shape (n,)
        Labels; the classes drawn from are those that occur in it.
    rng : numpy.random.Generator
        Two draws of length n are taken, whatever the probability: with one seed, the rows corrupted at 0.3
        are among those corrupted at 0.6, and carry the same new labels.
    probability : float
        In [0, 1].

    Returns
    -------
    X, y : arrays
        `y` is new, of the same dtype.

    Notes
    -----
    The class drawn may be the one that was there, so a share of probability * (1 - 1/c) of the labels changes
    in expectation, for c classes, whatever their frequencies.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.repeat([0, 1], 500)
    >>> _, z = corrupted_labels(np.empty((1000, 1)), y, np.random.default_rng(0), probability=0.3)
    >>> 0.1 < np.mean(z != y) < 0.2
    np.True_
    """
    if not 0.0 <= probability <= 1.0:
        raise UsageError(f"the probability of a corrupted label lies in [0, 1]; got {probability!r}")
    classes = np.unique(y)
    hit = rng.random(len(y)) < probability
    drawn = classes[rng.integers(len(classes), size=len(y))]
    return X, np.where(hit, drawn, y)


def random_labels(
    X: NDArray[Any], y: NDArray[Any], rng: np.random.Generator
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Replace every label by a class drawn uniformly: nothing of the truth is left."""
    return corrupted_labels(X, y, rng, probability=1.0)


def parse_labels(text: str) -> Corruption:
    """Return the corruption that ``true``, ``random`` or ``corrupted:P`` names, P in [0, 1].

    Examples
    --------
    >>> parse_labels("corrupted:1.3")
    Traceback (most recent call last):
    ...
    kernelgen.errors.UsageError: the probability of a corrupted label lies in [0, 1]; got 'corrupted:1.3'
    """
    if text == "true":
        return true_labels
    if text == "random":
        return random_labels
    name, colon, value = text.partition(":")
    if name != "corrupted" or not colon:
        raise UsageError(
            f"labels are 'true', 'random' or 'corrupted:P', for instance corrupted:0.3; got {text!r}"
        )
    try:
        probability = float(value)
    except ValueError:
        raise UsageError(f"in 'corrupted:P', P is a number in [0, 1]; got {text!r}") from None
    if not 0.0 <= probability <= 1.0:
        raise UsageError(f"the probability of a corrupted label lies in [0, 1]; got {text!r}")
    return partial(corrupted_labels, probability=probability)
