"""Choose the parameters of feature maps on a held-out part of MNIST's *training* set; the test set is never used.

    python bench/choose_features.py --data-dir DATA

Training rows are the first n of a fixed permutation of the 60,000 training images, held-out rows its last 10,000. Each
spec is scored by the smallest held-out error over a few bandwidths, multiples of the default rule's (the median
distance to the nearest neighbour), with ridge 0 and a float32 factor. The candidates of the first round meet at a
small n; the best of each family go on to a larger one.
"""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

import numpy as np
from record import arguments, write

MULTIPLES = (1.5, 2.0, 2.5, 3.0, 4.0)
HELD_OUT = 10_000


def candidates() -> dict[str, list[str]]:
    """The specs of the first round, by family; each line varies one thing."""
    base = "frequencies=0.25/0.125,pool=7,stride=3"
    return {"gabor": [f"gabor:{base},root=true"], "wavelet": [], "scattering": []}


class Split:
    """Training and held-out rows of MNIST's training set."""

    def __init__(self, data_dir: Any, n_held_out: int):
        from kernelgen.datasets import load_dataset
        from kernelgen.features import Layout

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = load_dataset("mnist", data_dir=data_dir, offline=True)
        self.order = np.random.default_rng(2017).permutation(len(data.X_train))
        self.X, self.y = data.X_train, data.y_train
        self.scale = 1 / data.maximum
        self.layout = Layout(data.n_features, data.image_shape, data.layout)
        self.held_out = self.order[-n_held_out:]

    def features(self, spec: str, n: int) -> tuple[Any, Any, float]:
        """Features of n training rows and of the held-out rows, and seconds."""
        from kernelgen.features import FeatureValues, make_features

        start = time.perf_counter()
        X = FeatureValues(self.X[self.order[:n]], self.scale)
        fitted, train = make_features(spec).fit_apply(X, self.layout)
        held_out = fitted.apply(FeatureValues(self.X[self.held_out], self.scale))
        return train, held_out, time.perf_counter() - start


def score(split: Split, spec: str, n: int, multiples: tuple[float, ...] = MULTIPLES) -> dict[str, Any]:
    """Held-out errors of one spec by bandwidth, in per cent; None where K has no float32 factor."""
    from kernelgen import Gaussian, factorize
    from kernelgen.arrays.points import Points
    from kernelgen.errors import NotPositiveDefinite
    from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth

    train, held_out, seconds = split.features(spec, n)
    y = split.y[split.order[:n]]
    rule = nearest_neighbour_bandwidth(Points(*train))
    errors: dict[str, float | None] = {}
    for multiple in multiples:
        try:
            factor = factorize(
                train.values, Gaussian(multiple * rule), scale=train.scale, precision="float32", n_targets=10
            )
        except NotPositiveDefinite:
            errors[f"{multiple:g}"] = None
            break  # a wider kernel is closer still to singular
        scores = np.asarray(factor.predict(held_out.values, factor.solve(np.eye(10)[y]).alpha))
        errors[f"{multiple:g}"] = 100 * float(np.mean(scores.argmax(axis=1) != split.y[split.held_out]))
    found = {k: e for k, e in errors.items() if e is not None}
    best = min(found, key=lambda k: found[k])
    result = {
        "spec": spec, "n_train": n, "n_held_out": len(split.held_out), "n_features": train.values.shape[1],
        "rule_bandwidth": rule, "best_percent": found[best], "best_multiple": float(best),
        "percent_by_multiple": errors, "feature_seconds": seconds,
    }  # fmt: skip
    shown = {k: None if e is None else round(e, 2) for k, e in errors.items()}
    print(
        f"{found[best]:.2f} % {spec} n={n} p={result['n_features']} {shown} {seconds:.1f} s",
        file=sys.stderr,
        flush=True,
    )
    return result
