"""Choose the parameters of feature maps on a held-out part of MNIST's *training* set; the test set is never used.

    python bench/choose_features.py --data-dir DATA

Training rows are the first n of a fixed permutation of the 60,000 training images, held-out rows its last 10,000. Each
spec is scored by the smallest held-out error over a few bandwidths, multiples of the default rule's (the median
distance to the nearest neighbour), with ridge 0 and a float32 factor. The candidates of the first round meet at a
small n; the best of each family goes on to larger ones.
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


# The first round: around a start in each family, one thing is varied at a time.
CANDIDATES = {
    "gabor": [
        f"gabor:{text}"
        for text in (
            "pool=7,stride=3,root=false,normalize=none,lowpass=true",
            "pool=7,stride=3,root=true,normalize=none,lowpass=true",
            "pool=7,stride=3,root=true,normalize=none,lowpass=true,nonlinearity=rectified",
            "pool=7,stride=3,root=true,normalize=none,lowpass=false",
            "pool=7,stride=3,root=true,normalize=image,lowpass=true",
            "pool=7,stride=3,root=true,normalize=image,lowpass=false",
            "pool=7,stride=3,root=true,normalize=image,lowpass=false+standardize",
            "pool=7,stride=3,root=true,normalize=image,lowpass=false,nonlinearity=rectified",
            "pool=7,stride=3,root=true,normalize=image,lowpass=false,nonlinearity=energy",
            "pool=7,stride=3,root=true,normalize=image,lowpass=false,frequencies=0.3/0.2/0.13",
            "pool=7,stride=3,root=true,normalize=image,lowpass=false,frequencies=0.25/0.18/0.125/0.09",
            "pool=7,stride=3,root=true,normalize=image,lowpass=false,orientations=12",
            "pool=7,stride=3,root=true,normalize=image,lowpass=false,width=0.45",
            "pool=7,stride=3,root=true,normalize=image,lowpass=false,aspect=0.7",
            "pool=10,stride=3,root=true,normalize=image,lowpass=false",
            "pool=5,stride=3,root=true,normalize=image,lowpass=false,window=gaussian",
        )
    ],
    "scattering": [
        f"scattering:{text}"
        for text in (
            "scales=2,root=true,normalize=none",
            "scales=3,root=false,normalize=none",
            "scales=3,root=true,normalize=none",
            "scales=3,root=true,normalize=image",
            "scales=3,root=true,normalize=image,order=1",
        )
    ],
    "wavelet": [
        f"wavelet:{text}"
        for text in (
            "wavelet=db2,level=2,pool=7,stride=3,root=true,normalize=none",
            "wavelet=db2,level=2,pool=7,stride=3,root=true,normalize=image",
            "wavelet=db4,level=2,pool=7,stride=3,root=true,normalize=image",
            "wavelet=db2,level=2,kind=decimated,pool=2,stride=1,root=true,normalize=image",
        )
    ],
}
ROUNDS = (5_000, 10_000, 20_000)  # training rows
LATER_MULTIPLES = (3.0, 4.0)  # of the second round and the third
SMOKE = {"gabor": ["gabor:pool=3,stride=1", "gabor:pool=4,stride=2"], "wavelet": ["wavelet:pool=2,stride=2"]}


class Split:
    """Training and held-out rows of MNIST's training set."""

    def __init__(self, data_dir: Any, name: str = "mnist", n_held_out: int = HELD_OUT):
        from kernelgen.datasets import load_dataset
        from kernelgen.features import Layout

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = load_dataset(name, data_dir=data_dir, offline=True)
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


def main() -> None:
    """All candidates at the first size, the best of each family at the next ones; written after each round."""
    options = arguments(__doc__)
    split = Split(options.data_dir, "digits", 400) if options.smoke else Split(options.data_dir)
    chosen, rounds = (SMOKE, (300, 600)) if options.smoke else (CANDIDATES, ROUNDS)
    result: dict[str, Any] = {"held_out": len(split.held_out), "test_set_used": False}
    for k, n in enumerate(rounds):
        multiples = LATER_MULTIPLES if k else MULTIPLES
        scores = {
            family: [score(split, spec, n, multiples) for spec in specs] for family, specs in chosen.items()
        }
        ranked = {
            family: sorted(scored, key=lambda r: (r["best_percent"], r["n_features"]))
            for family, scored in scores.items()
        }
        result[f"n = {n}"] = ranked
        chosen = {family: [scored[0]["spec"]] for family, scored in ranked.items()}
        for scored in ranked.values():
            assert scored[0]["best_percent"] < 50, scored[0]  # chance is 90: the features carry the digits
        write("choose-features", result, options)


if __name__ == "__main__":
    main()
