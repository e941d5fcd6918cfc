"""Linear models trained by SGD, with scikit-learn's conventions; the algorithm is :func:`kernelgen.linear.sgd.sgd`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from kernelgen.errors import UsageError
from kernelgen.estimators.targets import decode_scores, encode_known, encode_labels
from kernelgen.linear.config import SGDConfig
from kernelgen.linear.sgd import sgd

DTYPES = [np.float64, np.float32]

parameters = dataclass(kw_only=True, eq=False, repr=False)
"""Writes the __init__ that scikit-learn reads names and defaults from; the rest is BaseEstimator's."""


@parameters
class SGDLinearModel(BaseEstimator):  # type: ignore[misc]
    """Base of the two estimators; not to be used by itself."""

    step: float | str = "kaczmarz"
    batch: int = 1
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    replacement: bool = False
    average: bool = True
    fit_intercept: bool = False
    warm_start: bool = False
    epochs: int = 100
    tol: float = 1e-10
    seed: int = 0
    threads: int | None = None

    def _descend(self, X: NDArray[Any], Y: NDArray[np.float64], *, go_on: bool, epochs: int) -> None:
        """Run the epochs, from 0 or from where the last call ended, and keep the result."""
        chosen = {
            field.name: getattr(self, field.name) for field in fields(SGDConfig) if hasattr(self, field.name)
        }
        config = SGDConfig(**chosen | {"epochs": epochs})
        if self.fit_intercept:
            X = np.hstack([X, np.ones((len(X), 1), dtype=X.dtype)])
        start = getattr(self, "result_", None) if go_on else None
        shape = (Y[:1].size, X.shape[1])
        if start is not None and start.state[0].shape != shape:
            before, now = (f"{c} output(s) of {d} feature(s)" for c, d in (start.state[0].shape, shape))
            raise UsageError(
                f"the fit to go on with has {before}, these data {now}; use warm_start=False or a new estimator"
            )
        result = sgd(X, Y, config, start=start, threads=self.threads).check_finite()
        self.result_ = result
        self.status_, self.message_, self.n_iter_ = result.status, result.message, result.epochs
        W = result.weights.T
        self.coef_ = W[..., :-1] if self.fit_intercept else W
        self.intercept_: Any = W[..., -1] if self.fit_intercept else np.zeros(W.shape[:-1])[()]

    def _scores(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self, "coef_")
        X = validate_data(self, X, reset=False, dtype=DTYPES)
        scores: NDArray[Any] = X @ self.coef_.T + self.intercept_
        return scores


class SGDLinearRegressor(RegressorMixin, SGDLinearModel):  # type: ignore[misc]
    """Fit linear regression by SGD on the square loss; with n <= d it lands on the minimum-norm interpolant.

        w <- w - step (<w, x_i> - y_i) x_i

    Parameters
    ----------
    step, batch, momentum, nesterov, weight_decay, replacement, epochs, tol, seed
        As for :class:`kernelgen.SGDConfig`.
    average : bool, default True
        Keep the mean of the last epoch's iterates: the same limit where the data can be interpolated, less noise
        where they cannot.
    fit_intercept : bool, default False
        Append a feature that is 1; its weight counts in the norm like every other.
    warm_start : bool, default False
        Go on from the last fit: weights, velocity and epoch count.
    threads : int or None, default None
        Outputs are shared out among them; the result does not depend on it.

    Attributes
    ----------
    coef_ : array, shape (d,) or (c, d)
    intercept_ : float or array, shape (c,)
    result_ : SGDResult
    status_, message_, n_iter_
        ``converged`` or ``max_epochs``, a sentence on it, and the epochs run.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Raises
    ------
    NotConverged
        The run diverged; the message names a step that does not.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).standard_normal((20, 50))
    >>> model = SGDLinearRegressor(epochs=500).fit(X, X[:, 0])
    >>> bool(np.abs(model.coef_ - np.linalg.pinv(X) @ X[:, 0]).max() < 1e-9)
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Run SGD from 0, or with ``warm_start`` from the last fit.

        Parameters
        ----------
        X : array_like, shape (n, d)
        y : array_like, shape (n,) or (n, c)
        """
        rows, Y = validate_data(self, X, y, dtype=DTYPES, multi_output=True, y_numeric=True)
        self._descend(rows, np.asarray(Y, dtype=np.float64), go_on=self.warm_start, epochs=self.epochs)
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Run one epoch over these rows, from where the last call ended."""
        first = not hasattr(self, "coef_")
        rows, Y = validate_data(self, X, y, reset=first, dtype=DTYPES, multi_output=True, y_numeric=True)
        self._descend(rows, np.asarray(Y, dtype=np.float64), go_on=True, epochs=1)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return <w, x> + intercept at the rows of X: shape (m,) or (m, c) as y was."""
        return self._scores(X)

    def __sklearn_tags__(self) -> Any:
        """Say that y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


@parameters
class SGDLinearClassifier(ClassifierMixin, SGDLinearModel):  # type: ignore[misc]
    """Classify by a linear model trained by SGD: square loss to the interpolant, logistic loss towards max margin.

        f(x) = W^T x,    the class predicted is that of the largest column of f(x)

    Parameters
    ----------
    loss : {"square", "logistic"}, default "square"
        "square" fits columns of 0 and 1 (-1 and 1 for two classes); "logistic" one class against the rest.
    step, batch, momentum, nesterov, weight_decay, replacement, average, epochs, tol, seed
        As for :class:`SGDLinearRegressor`.
    fit_intercept, warm_start, threads
        As for :class:`SGDLinearRegressor`.

    Attributes
    ----------
    classes_ : array, shape (c,)
    coef_ : array, shape (c, d), or (1, d) for two classes
    intercept_ : array, shape (c,) or (1,)
    result_, status_, message_, n_iter_, n_features_in_, feature_names_in_
        As for :class:`SGDLinearRegressor`.

    Raises
    ------
    DataError
        One class only, or a class in ``partial_fit`` that was not announced.
    NotConverged
        The run diverged; the message names a step that does not.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SGDLinearClassifier(epochs=20).fit(X[:1437] / 16, y[:1437])
    >>> model.score(X[1437:] / 16, y[1437:]) > 0.85
    True
    """

    loss: str = "square"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Run SGD from 0, or with ``warm_start`` from the last fit.

        Parameters
        ----------
        X : array_like, shape (n, d)
        y : array_like, shape (n,)
            Labels of at least two classes.
        """
        rows, labels = validate_data(self, X, y, dtype=DTYPES)
        check_classification_targets(labels)
        if not (self.warm_start and hasattr(self, "classes_")):
            self.classes_ = encode_labels(labels)[0]
        self._descend(rows, self._targets(labels), go_on=self.warm_start, epochs=self.epochs)
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Run one epoch over these rows, from where the last call ended; the first call names all ``classes``."""
        first = not hasattr(self, "coef_")
        rows, labels = validate_data(self, X, y, reset=first, dtype=DTYPES)
        check_classification_targets(labels)
        if first:
            if classes is None:
                raise UsageError(
                    "the first partial_fit needs classes=..., all of them: later rows may bring new ones"
                )
            self.classes_ = encode_labels(np.asarray(classes))[0]
        elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            raise UsageError(f"classes differ from those of the first call: {self.classes_.tolist()}")
        self._descend(rows, self._targets(labels), go_on=True, epochs=1)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Return f at the rows of X: shape (m, c); (m,) for two classes, positive for ``classes_[1]``."""
        scores = self._scores(X)
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of the largest column of f at each row of X."""
        return decode_scores(self._scores(X), self.classes_)

    def _targets(self, labels: NDArray[Any]) -> NDArray[np.float64]:
        """A column a class; of -1 and 1 for the logistic loss."""
        Y = encode_known(labels, self.classes_)
        return np.where(Y > 0, 1.0, -1.0) if self.loss == "logistic" else Y
