"""Labels to memorize, by rule: "random", "signs", "classes:C", "real" or "true"."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.errors import UsageError

DEFAULT_CLASSES = 10


def parse_label_rule(text: str) -> tuple[str, int]:
    """Rule and number of classes of "random", "signs", "classes:C", "real" or "true".

    Examples
    --------
    >>> parse_label_rule("classes:7")
    ('classes', 7)
    """
    rule, colon, count = text.partition(":")
    if rule == "classes" and colon:
        if not count.isdecimal() or int(count) < 1:
            raise UsageError(f"in 'classes:C', C is an integer of at least 1; got {text!r}")
        return rule, int(count)
    if text not in ("random", "signs", "real", "true"):
        raise UsageError(f"labels are 'random', 'signs', 'classes:C', 'real' or 'true'; got {text!r}")
    return rule, DEFAULT_CLASSES


def draw_labels(text: str, n: int, y: NDArray[Any] | None, rng: np.random.Generator) -> NDArray[Any]:
    """Labels of n points by the rule given; `y` are the true ones, None where there are none.

    Raises
    ------
    UsageError
        There is no such rule, or no true labels to take.
    """
    rule, n_classes = parse_label_rule(text)
    if rule == "true":
        if y is None:
            raise UsageError("labels 'true' are those of a data set; name one (--dataset)")
        return y
    if rule == "signs":
        return rng.choice([-1.0, 1.0], size=n)
    if rule == "real":
        return rng.standard_normal(n)
    if rule == "random" and y is not None:
        return rng.choice(np.unique(y), size=n)
    return rng.integers(0, n_classes, size=n)
