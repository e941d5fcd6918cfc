"""scikit-learn's handwritten digits: 1,797 images of 8 x 8, in the package itself."""

from __future__ import annotations

import math

import numpy as np

from kernelgen.datasets.dataset import Dataset, build_provenance
from kernelgen.datasets.split import check_test_fraction

MAXIMUM = 16.0


def load_digits(*, test_fraction: float = 0.2) -> Dataset:
    """Digits with the last 20 % of rows for test: 1,437 train and 360 test images, values 0..16.

    The file has no official split. Its rows come in the order they were written, so the last rows are mostly
    other writers than the first: a fixed split, the same for every seed, and harder than a shuffled one.

    References
    ----------
    E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
    1998, https://doi.org/10.24432/C50P49
    """
    from sklearn.datasets import load_digits as sklearn_digits

    fraction = check_test_fraction(test_fraction)
    stored = sklearn_digits()
    X = np.ascontiguousarray(stored.data, dtype=np.uint8)
    y = np.asarray(stored.target, dtype=np.int64)
    n_train = len(X) - math.ceil(fraction * len(X))
    return Dataset(
        name="digits",
        X_train=X[:n_train],
        y_train=y[:n_train],
        X_test=X[n_train:],
        y_test=y[n_train:],
        class_names=tuple(str(digit) for digit in range(10)),
        maximum=MAXIMUM,
        source="scikit-learn (sklearn.datasets.load_digits)",
        image_shape=(8, 8, 1),
        layout="interleaved",
        provenance=build_provenance(notes=[f"no official split: first {n_train} rows train, the rest test"]),
    )
