"""Classification by kernel interpolation of the labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from kernelgen.estimators.base import DTYPES, KernelInterpolator
from kernelgen.estimators.targets import decode_scores, encode_labels, error_rate


class KernelClassifier(ClassifierMixin, KernelInterpolator):  # type: ignore[misc]
    """Classify by the interpolant of the labels: K alpha = Y, solved exactly and proved.

        f(x) = sum_i k(x, x_i) alpha_i,    the class predicted is that of the largest column of f(x)

    Parameters
    ----------
    kernel : {"gaussian", "laplacian", "polynomial", "linear"}, Kernel or callable, default "gaussian"
        A callable takes an array of squared distances and returns an array of the same shape; wrap it in
        :class:`kernelgen.Custom` for distances or products.
    bandwidth : float, "auto" or "auto:X", default "auto"
        Of the gaussian and laplacian kernels, in the units of the scaled points. "auto" is the median
        distance to the nearest neighbour, "auto:X" is X times that.
    degree, gamma, coef0, normalize
        Of the polynomial kernel.
    scale : float, default 1.0
        Multiplies X before the kernel sees it, 1/255 for bytes of an image; bytes stay bytes in memory.
    ridge : float, default 0.0
        Added to the diagonal of K. At 0 the training data are interpolated.
    precision : {"auto", "float64", "float32", "mixed"}, default "auto"
    engine : {"auto", "native", "portable", "cuda"}, default "auto"
        A named engine that cannot run here is an error, never replaced.
    threads : int or None, default None
        None: every core this process may use.
    memory_budget : int, str or None, default None
        Bytes, or for instance "8GB"; a fit that needs more is refused before anything is allocated.
    keep_factor : bool, default False
        Keep the factor of K as ``factor_``, for leave-one-out residuals or further label sets.
    progress : callable or None, default None
        Called with a :class:`kernelgen.solvers.progress.Progress` while fitting and predicting.

    Attributes
    ----------
    classes_ : array, shape (c,)
    dual_coef_ : array, shape (n, c), or (n, 1) for two classes
        alpha; zero on rows merged into an equal one.
    bandwidth_ : float or None
        As used; None for kernels without one.
    kernel_ : Kernel
    certificate_ : Certificate
        Residuals, smallest pivot, condition estimate, RKHS norm and training error.
    status_ : Status
    solution_ : Solution
    n_merged_duplicates_ : int
        Rows equal to an earlier row with the same label, which add nothing to the problem.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Raises
    ------
    DataError
        One class only, no samples, or values that are not finite. A ValueError, too.
    ConflictingLabels
        Equal rows with different labels, with ``ridge=0``: no function fits them.
    NotPositiveDefinite, NotConverged
        K is too close to singular for the precision; the message names the rows and what to try.
    BudgetExceeded
        The fit needs more memory than its budget.

    Notes
    -----
    Targets are one column a class, 0 or 1. Two classes need one column only, -1 and 1: alpha is linear in
    Y, so its interpolant is the difference of the two, and the decision is the same. n^3/3 + 2 n^2 c flops.

    References
    ----------
    M. Belkin, S. Ma, S. Mandal, "To understand deep learning we need to understand kernel learning",
    ICML 2018, arXiv:1802.01396.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = KernelClassifier(scale=1 / 16).fit(X[:1437], y[:1437])
    >>> model.certificate_.train_error
    0.0
    >>> model.score(X[1437:], y[1437:]) > 0.9
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Interpolate the labels.

        Parameters
        ----------
        X : array_like, shape (n, d)
            uint8, float32 and float64 are kept as they are; anything else becomes float64.
        y : array_like, shape (n,)
            Labels of at least two classes.
        """
        X_checked, labels = validate_data(self, X, y, dtype=DTYPES, order="C")
        check_classification_targets(labels)
        self.classes_, Y = encode_labels(labels)
        self._interpolate(X_checked, Y)
        fitted = decode_scores(self.solution_.fitted, self.classes_)
        self.certificate_ = replace(self.certificate_, train_error=error_rate(fitted, labels))
        self.solution_ = replace(self.solution_, certificate=self.certificate_)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Return f at the rows of X: shape (m, c); (m,) for two classes, positive for ``classes_[1]``."""
        scores = self._scores(X)
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of the largest column of f at each row of X."""
        return decode_scores(np.asarray(self._scores(X)), self.classes_)
