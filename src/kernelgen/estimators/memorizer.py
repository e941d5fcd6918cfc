"""Estimators that memorize: the networks of :mod:`kernelgen.memorize` with scikit-learn's conventions."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from kernelgen.estimators.base import DTYPES
from kernelgen.memorize.build import build_memorizer


class ReLUMemorizer(BaseEstimator):  # type: ignore[misc]
    """Base of the two estimators; not to be used by itself."""

    def __init__(
        self,
        depth: int | None = None,
        *,
        builder: str = "zhang",
        knots: str | Any = "left",
        direction: str | Any = "auto",
        draws: int = 16,
        random_state: int | np.random.RandomState | None = 0,
    ):
        self.depth = depth
        self.builder = builder
        self.knots = knots
        self.direction = direction
        self.draws = draws
        self.random_state = random_state

    def _memorize(self, X: NDArray[Any], Y: NDArray[Any]) -> None:
        from sklearn.utils import check_random_state

        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31)
        result = build_memorizer(
            X,
            Y,
            depth=self.depth,
            builder=self.builder,
            knots=self.knots,
            direction=self.direction,
            draws=self.draws,
            seed=int(seed),
        )
        self.network_ = result.network
        self.certificate_ = result.certificate
        self.n_merged_duplicates_ = result.n_samples - result.n_distinct

    def _outputs(self, X: Any) -> NDArray[Any]:
        """Return f at the rows of X: shape (m, c)."""
        check_is_fitted(self, "network_")
        X = validate_data(self, X, reset=False, dtype=DTYPES, order="C")
        return np.asarray(self.network_(X))


class ReLUMemorizerClassifier(ClassifierMixin, ReLUMemorizer):  # type: ignore[misc]
    """Classify by a ReLU network that fits every training label, built and not trained.

        f(z_i) = index of the class of z_i,    the class predicted is that nearest to f(z)

    What it predicts elsewhere means nothing: it shows that networks of 2 n + d weights can fit any labels, which is why
    fitting them explains no generalization.

    Parameters
    ----------
    depth : int or None, default None
        Weight layers: 2 (None), Theorem 1 with 2 n + d weights; 3 to n, Corollary 1 with width about n/depth.
    builder : {"zhang", "bubeck", "yun", "vardi"}, default "zhang"
    knots : {"left", "midpoint"} or array, default "left"
    direction : {"auto", "random", "best", "integer", "principal"} or array of shape (d,), default "auto"
    draws : int, default 16
        Directions that "best" chooses from.
    random_state : int, RandomState or None, default 0

    Attributes
    ----------
    classes_ : array, shape (c,)
    network_ : ReluNetwork
    certificate_ : Certificate
    n_merged_duplicates_ : int
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Raises
    ------
    ConflictingLabels
        Equal rows with different labels: no function fits them.
    DataError, UsageError
        As for :func:`kernelgen.build_memorizer`.

    References
    ----------
    C. Zhang et al., "Understanding deep learning requires rethinking generalization", ICLR 2017, Theorem 1.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((300, 10)), rng.choice(["ash", "beech", "cedar"], 300)
    >>> model = ReLUMemorizerClassifier(depth=12).fit(X, y)
    >>> model.score(X, y), model.network_.width
    (1.0, 32)
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Build the network.

        Parameters
        ----------
        X : array_like, shape (n, d)
            uint8, float32 and float64 are kept as they are; anything else becomes float64.
        y : array_like, shape (n,)
            Labels; one class is enough.
        """
        X_checked, labels = validate_data(self, X, y, dtype=DTYPES, order="C")
        check_classification_targets(labels)
        self.classes_, index = np.unique(labels, return_inverse=True)
        self._memorize(X_checked, index)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class whose index is nearest to f at each row of X."""
        index = np.rint(self._outputs(X)[:, 0].astype(np.float64)).clip(0, len(self.classes_) - 1)
        labels: NDArray[Any] = self.classes_[index.astype(np.int64)]
        return labels


class ReLUMemorizerRegressor(RegressorMixin, ReLUMemorizer):  # type: ignore[misc]
    """Predict by a ReLU network that goes through every training target, built and not trained.

        f(z_i) = y_i

    Parameters
    ----------
    depth, builder, knots, direction, draws, random_state
        As for :class:`ReLUMemorizerClassifier`. With depth 3 or more, f never leaves the range of the targets.

    Attributes
    ----------
    network_, certificate_, n_merged_duplicates_, n_features_in_
        As for :class:`ReLUMemorizerClassifier`.

    Raises
    ------
    ConflictingLabels, DataError, UsageError
        As for :class:`ReLUMemorizerClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(0, 3, 7)[:, None]
    >>> model = ReLUMemorizerRegressor(depth=4).fit(x, np.sin(x[:, 0]))
    >>> bool(abs(model.predict([[1.0]])[0] - np.sin(1.0)) < 1e-12)
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Build the network.

        Parameters
        ----------
        X : array_like, shape (n, d)
            uint8, float32 and float64 are kept as they are; anything else becomes float64.
        y : array_like, shape (n,) or (n, c)
        """
        X_checked, Y = validate_data(self, X, y, dtype=DTYPES, order="C", multi_output=True, y_numeric=True)
        self._memorize(X_checked, Y)
        self.target_ndim_ = np.ndim(Y)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return f at the rows of X: shape (m,) or (m, c) as y was."""
        outputs = self._outputs(X).astype(np.float64)
        return outputs[:, 0] if self.target_ndim_ == 1 else outputs

    def __sklearn_tags__(self) -> Any:
        """Say that y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
