"""Class labels as targets of an interpolation problem, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.errors import DataError


def encode_labels(y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the sorted classes and the targets: a column of 0 and 1 a class; one of -1 and 1 for two.

    Parameters
    ----------
    y : array, shape (n,)

    Returns
    -------
    classes : array, shape (c,)
    Y : array, shape (n, c), or (n, 1) for c = 2

    Raises
    ------
    DataError
        There are fewer than two classes.

    Notes
    -----
    With two classes the columns of 0 and 1 have the interpolants f_0 and f_1, and since alpha is linear in
    Y the one of -1 and 1 is f_1 - f_0: the same decision at half the work.

    Examples
    --------
    >>> import numpy as np
    >>> classes, Y = encode_labels(np.array(["b", "a", "b"]))
    >>> classes.tolist(), Y.ravel().tolist()
    (['a', 'b'], [1.0, -1.0, 1.0])
    """
    classes, index = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        found = f"y has one class, {classes[0].item()!r}, in all {len(y)} row(s)" if len(y) else "y is empty"
        raise DataError(f"a classifier needs at least two classes; {found}")
    return classes, _columns(index, len(classes))


def encode_known(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.float64]:
    """Return the targets of :func:`encode_labels` for classes that are known already.

    Raises
    ------
    DataError
        A label is none of them.

    Examples
    --------
    >>> import numpy as np
    >>> encode_known(np.array(["b", "b"]), np.array(["a", "b"])).ravel().tolist()
    [1.0, 1.0]
    """
    index = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    known = classes[index] == y
    if not np.all(known):
        raise DataError(f"y has a class that was not announced: {y[~known][0]!r}; the classes are {classes}")
    return _columns(index, len(classes))


def _columns(index: NDArray[Any], n_classes: int) -> NDArray[np.float64]:
    if n_classes == 2:
        return np.where(index == 1, 1.0, -1.0)[:, None]
    Y = np.zeros((len(index), n_classes))
    Y[np.arange(len(index)), index] = 1.0
    return Y


def decode_scores(scores: NDArray[Any], classes: NDArray[Any]) -> NDArray[Any]:
    """Return the class of each row of scores, of shape (m, c) or (m, 1); a tie goes to the first.

    Examples
    --------
    >>> import numpy as np
    >>> decode_scores(np.array([[0.2], [-0.1]]), np.array(["a", "b"])).tolist()
    ['b', 'a']
    """
    index = (scores.reshape(-1) > 0).astype(np.int64) if len(classes) == 2 else scores.argmax(axis=1)
    labels: NDArray[Any] = classes[index]
    return labels


def error_rate(predicted: NDArray[Any], true: NDArray[Any]) -> float:
    """Return the share of labels missed."""
    return float(np.mean(predicted != true))
