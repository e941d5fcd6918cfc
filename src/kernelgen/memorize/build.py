"""From points and labels to a network with its certificate: the one call that everything above this floor makes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelgen.arrays.checks import check_choice, check_points, check_targets
from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.errors import DataError, UsageError
from kernelgen.memorize.bubeck import bubeck_formula, build_bubeck
from kernelgen.memorize.conditioning import smallest_eigenvalue, smallest_singular_value
from kernelgen.memorize.deep import build_deep, deep_formula
from kernelgen.memorize.knots import place_knots
from kernelgen.memorize.network import ReluNetwork
from kernelgen.memorize.sample import LineSample, line_sample
from kernelgen.memorize.two_layer import build_two_layer, two_layer_formula
from kernelgen.memorize.vardi import build_vardi, small_integer_sample, vardi_shape
from kernelgen.memorize.verify import Certificate, certify_layers, certify_line, certify_yun
from kernelgen.memorize.yun import build_yun, yun_formula

BUILDERS = ("zhang", "bubeck", "yun", "vardi")
PHASES = ("project", "build", "evaluate", "verify")
SMALLEST_SIZE = 1e-150  # squares of smaller numbers leave float64

PhaseProgress = Callable[[str, float], None]
"""Called as ``progress(phase, fraction)``."""


@dataclass(frozen=True, eq=False)
class Memorization:
    """A network that fits its sample, and what proves it.

    Parameters
    ----------
    network : ReluNetwork
    certificate : Certificate
    n_samples, n_distinct, n_features : int
        Rows given; those left after equal ones were merged; d.
    formula : int
        The theorem's number of weights, for ``n_distinct`` points: exact for two layers, else a bound.
    smallest_eigenvalue, smallest_singular_value : float or None
        Of the triangular system of Theorem 1 with the network's knots; the second is an estimate. None for
        "bubeck".
    seconds : dict
        ``project`` (with the sort), ``build``, ``evaluate`` (all rows, from their projections, or layer by layer where
        there is no line form), ``verify``.
    """

    network: ReluNetwork
    certificate: Certificate
    n_samples: int
    n_distinct: int
    n_features: int
    formula: int
    smallest_eigenvalue: float | None
    smallest_singular_value: float | None
    seconds: dict[str, float]


def build_memorizer(
    X: Any,
    y: Any,
    *,
    depth: int | None = None,
    builder: str = "zhang",
    knots: str | Any = "left",
    direction: str | Any = "auto",
    draws: int = 16,
    seed: int = 0,
    progress: PhaseProgress | None = None,
) -> Memorization:
    """Build a ReLU network that fits every label, without training, and certify it.

        f(z_i) = y_i  for all i

    Parameters
    ----------
    X : array_like, shape (n, d)
        uint8, float32 or float64, finite; other integers become float64. May be a memory map. Equal rows with
        equal labels are merged.
    y : array_like, shape (n,) or (n, c)
        Numbers; class labels as integers.
    depth : int or None
        Weight layers of builder "zhang": 2 (None) for Theorem 1, 3 to n for Corollary 1.
    builder : {"zhang", "bubeck", "yun", "vardi"}
        "zhang": 2 n + d weights, or width about n/k. "bubeck": 4 ceil(n/d) units, general position. "yun": two
        hidden layers of about 2 sqrt(n). "vardi": O~(sqrt n) weights, bytes and integer labels.
    knots : {"left", "midpoint"} or array of shape (n,)
        Of depth 2; an array interleaves with the sorted projections.
    direction : {"auto", "random", "best", "integer", "principal"} or array of shape (d,)
        "auto" is "integer" for bytes (exact projections), else "random". "best" keeps, of `draws`, the one with
        the largest smallest gap.
    draws, seed : int
    progress : callable, optional
        Called as ``progress(phase, fraction)``.

    Returns
    -------
    Memorization

    Raises
    ------
    ConflictingLabels
        Equal rows have different labels: no function fits them. The message names rows.
    DataError
        No features, no rows, values that are not finite, float16, labels of the wrong length; for "bubeck",
        points that are not in general position.
    UsageError
        Depth out of range, unknown names, an option the builder does not read, knots that do not interleave.

    Notes
    -----
    O(n d) to project, O(n log n) to sort, O(n) to build.

    References
    ----------
    C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals, "Understanding deep learning requires rethinking
    generalization", ICLR 2017, arXiv:1611.03530, section 4 and appendix C.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> result = build_memorizer(rng.standard_normal((500, 20)), rng.integers(0, 10, 500))
    >>> result.network.n_weights.tied == 2 * 500 + 20 == result.formula
    True
    >>> result.certificate.label_errors, result.certificate.exact, result.certificate.max_residual
    (0, True, 0.0)
    """
    check_choice(builder, "builder", BUILDERS)
    _check_options(builder, depth, knots, direction, draws, seed)
    clock = _Clock(progress)
    values = check_points(X).values
    _check_size(values)
    Y, _ = check_targets(y, len(values), name="y")
    sample = _sample(values, Y, builder, direction, draws, seed, clock)
    clock.stop("project")
    network = _build(values, sample, builder, depth, knots, seed)
    _check_weights(network)
    clock.stop("build")
    if network.hinges is not None:
        network.hinges(sample.projections)
    else:
        network.forward(values)
    clock.stop("evaluate")
    certificate = _certify(network, values, Y, sample, knots)
    eigenvalue, singular_value = _conditioning(network, sample)
    clock.stop("verify")
    return Memorization(
        network=network,
        certificate=certificate,
        n_samples=len(values),
        n_distinct=sample.n_distinct,
        n_features=values.shape[1],
        formula=_formula(network, sample, builder),
        smallest_eigenvalue=eigenvalue,
        smallest_singular_value=singular_value,
        seconds=clock.seconds,
    )


class _Clock:
    """Seconds of each phase, told to whoever asked."""

    def __init__(self, progress: PhaseProgress | None):
        self.seconds: dict[str, float] = {}
        self.progress = progress
        self.start = time.perf_counter()

    def tell(self, phase: str, fraction: float) -> None:
        if self.progress is not None:
            self.progress(phase, fraction)

    def stop(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = now - self.start
        self.start = now
        self.tell(phase, 1.0)


def _check_options(
    builder: str, depth: int | None, knots: Any, direction: Any, draws: int, seed: int
) -> None:
    if depth is not None and (
        isinstance(depth, bool) or not isinstance(depth, int | np.integer) or depth < 2
    ):
        raise UsageError(f"depth must be an integer of at least 2, got {depth!r}")
    is_left = isinstance(knots, str) and knots == "left"
    if builder != "zhang" and depth is not None:
        raise UsageError(f"builder {builder!r} has its own depth; depth is an option of 'zhang'")
    if not is_left and (builder != "zhang" or (depth or 2) > 2):
        raise UsageError(
            "knots are an option of builder 'zhang' at depth 2; deeper networks have theirs at the points"
        )
    for name, value, least in (("draws", draws, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise UsageError(f"{name} must be an integer of at least {least}, got {value!r}")
    is_auto = isinstance(direction, str) and direction == "auto"
    if builder in ("bubeck", "vardi") and not is_auto:
        raise UsageError(f"builder {builder!r} finds its own directions; leave direction at 'auto'")


def _sample(
    X: AnyArray, Y: FloatArray, builder: str, direction: Any, draws: int, seed: int, clock: _Clock
) -> LineSample:
    if builder == "vardi":
        return small_integer_sample(X, Y, seed=seed)
    return line_sample(
        X,
        Y,
        direction=direction,
        draws=draws,
        seed=seed,
        progress=lambda fraction: clock.tell("project", fraction),
    )


def _build(
    X: AnyArray, sample: LineSample, builder: str, depth: int | None, knots: Any, seed: int
) -> ReluNetwork:
    match builder:
        case "bubeck":
            return build_bubeck(X[sample.rows], sample.Y, seed=seed)
        case "yun":
            return build_yun(sample)
        case "vardi":
            return build_vardi(sample)
    if depth is None or depth == 2:
        return build_two_layer(sample, knots=knots)
    return build_deep(sample, depth=int(depth))


def _check_size(X: AnyArray) -> None:
    """Refuse points so small that products of their differences leave float64."""
    largest = 0.0 if X.dtype == np.uint8 else float(max(X.max(), -X.min()))
    if 0.0 < largest < SMALLEST_SIZE:
        raise DataError(f"the largest value of X is {largest:.3g}, below {SMALLEST_SIZE:g}: scale X up")


def _check_weights(network: ReluNetwork) -> None:
    """Refuse weights beyond float64: slopes between points that are too close for their labels."""
    layers = network.layers if not network.is_exact else ()
    if not all(
        np.isfinite(layer.values).all() and (layer.bias is None or np.isfinite(layer.bias).all())
        for layer in layers
    ):
        raise DataError(
            "a weight of the network is beyond float64: some points are too close together for the difference of "
            "their labels. Scale X up, or merge points that nearly coincide"
        )


def _certify(network: ReluNetwork, X: AnyArray, Y: FloatArray, sample: LineSample, knots: Any) -> Certificate:
    if network.hinges is not None:
        return certify_line(network, X, Y, sample, knots=knots)
    if network.builder == "yun":
        return certify_yun(network, X, Y, sample)
    return certify_layers(network, X, Y)


def _conditioning(network: ReluNetwork, sample: LineSample) -> tuple[float | None, float | None]:
    """Of the triangular system with the network's own knots; the deep network has them at the points (left)."""
    if network.hinges is None:
        return None, None
    b = network.hinges.knots if network.builder == "two_layer" else place_knots(sample.x, "left")
    return smallest_eigenvalue(sample.x, b), smallest_singular_value(sample.x, b)


def _formula(network: ReluNetwork, sample: LineSample, builder: str) -> int:
    n, d, c = sample.n_distinct, sample.n_features, sample.Y.shape[1]
    match builder:
        case "bubeck":
            return bubeck_formula(n, d)
        case "yun":
            return yun_formula(n, d)
        case "vardi":
            shape = vardi_shape(n, int(sample.x[-1] - sample.x[0]), int(sample.Y.max()) + 1)
            return shape.formula(d)
    if network.depth == 2:
        return two_layer_formula(n, d, n_outputs=c)
    return deep_formula(n, d, network.depth, n_outputs=c)
