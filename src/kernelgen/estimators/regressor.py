"""Regression by kernel interpolation."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from kernelgen.estimators.base import DTYPES, KernelInterpolator


class KernelRegressor(RegressorMixin, KernelInterpolator):  # type: ignore[misc]
    """Predict by the interpolant of the targets: K alpha = Y, solved exactly and proved.

        f(x) = sum_i k(x, x_i) alpha_i,    f(x_i) = y_i

    Of all functions in the kernel's space that pass through the data, f is the one of the smallest norm.
    Nothing is centered: far from the data the gaussian and laplacian interpolants tend to 0.

    Parameters
    ----------
    kernel, bandwidth, degree, gamma, coef0, normalize, scale, ridge, precision
        As for :class:`KernelClassifier`.
    engine, threads, memory_budget, keep_factor, progress
        As for :class:`KernelClassifier`.

    Attributes
    ----------
    dual_coef_ : array, shape (n,) or (n, c) as y was
        alpha; zero on rows merged into an equal one.
    bandwidth_, kernel_, certificate_, status_, solution_, n_merged_duplicates_, n_features_in_
        As for :class:`KernelClassifier`.

    Raises
    ------
    ConflictingLabels
        Equal rows with different targets, with ``ridge=0``: no function fits them.
    DataError, NotPositiveDefinite, NotConverged, BudgetExceeded
        As for :class:`KernelClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(0, 3, 7)[:, None]
    >>> model = KernelRegressor(bandwidth=1.0).fit(x, np.sin(x[:, 0]))
    >>> bool(abs(model.predict([[1.25]])[0] - np.sin(1.25)) < 1e-3)
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Interpolate the targets.

        Parameters
        ----------
        X : array_like, shape (n, d)
            uint8, float32 and float64 are kept as they are; anything else becomes float64.
        y : array_like, shape (n,) or (n, c)
        """
        X_checked, Y = validate_data(self, X, y, dtype=DTYPES, order="C", multi_output=True, y_numeric=True)
        self._interpolate(X_checked, np.asarray(Y, dtype=np.float64))
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return f at the rows of X: shape (m,) or (m, c) as y was."""
        scores = self._scores(X)
        return scores[:, 0] if self.dual_coef_.ndim == 1 else scores

    def __sklearn_tags__(self) -> Any:
        """Say that y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
