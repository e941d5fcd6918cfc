"""The certificate: what the network does on every row it was built from, and its size against the theorem's formula.

Three computations that share nothing but the weights:

- *exact*: the construction is carried out in rational arithmetic on exact projections (Python integers and
  fractions), and the network of those weights is evaluated exactly. Its residual is 0, or the construction is
  wrong. For bytes under an integer direction this is feasible at any n; for floating-point numbers while n d is
  at most 2^21.
- *double-double*: the stored float64 weights, evaluated with 32 digits at projections with 32 digits: what
  rounding the weights did.
- *float64*: the stored weights as anybody would evaluate them; labels are read from this one.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.memorize.deep import deep_layers, hinge_targets, split_segments
from kernelgen.memorize.hinges import evaluate_hinges_exactly, fit_hinges_exactly
from kernelgen.memorize.layer import Layer
from kernelgen.memorize.line_form import exact_hinges_of
from kernelgen.memorize.network import ReluNetwork
from kernelgen.memorize.project import project_double_double, project_exactly
from kernelgen.memorize.sample import LineSample
from kernelgen.memorize.two_layer import two_layer_layers
from kernelgen.memorize.yun import yun_layers

EXACT_ELEMENTS = 1 << 21
EXACT_UNLIKE_LEFT = 300  # other knots than left ones make fractions as long as the sample
REAL_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was found on the rows the network was built from.

    Parameters
    ----------
    label_errors : int
        Rows whose label is not fitted by the stored network in float64: the output is nearer to another
        integer, or, for labels that are no integers, further off than 1e-6 of the largest one.
    max_residual : float
        Largest |f(z_i) - y_i| in the best arithmetic there was: of the rational network where `exact`, else
        of the stored one.
    exact : bool
        Whether `max_residual` comes from rational or integer arithmetic.
    arithmetic : {"rational", "integer", "double-double", "float64"}
        Which one.
    stored_residual : float
        Largest residual of the stored float64 weights, evaluated in double-double where there is a line form.
    float64_residual : float
        The same in float64: what a user of the network sees.
    """

    label_errors: int
    max_residual: float
    exact: bool
    arithmetic: str
    stored_residual: float
    float64_residual: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def certify_line(
    network: ReluNetwork, X: AnyArray, Y: FloatArray, sample: LineSample, *, knots: str | Any = "left"
) -> Certificate:
    """Certify a two-layer or depth-k network on its own sample.

    Parameters
    ----------
    network : ReluNetwork
        Of :func:`build_two_layer` or :func:`build_deep`.
    X : array, shape (n, d)
    Y : float64 array, shape (n, c)
    sample : LineSample
        Of X and Y.
    knots : as for :func:`place_knots`
        What the network was built with.
    """
    assert network.hinges is not None
    in_float64 = network.hinges(sample.projections) - Y
    high, low = (
        (sample.projections, np.zeros(len(X)))
        if sample.direction.is_exact
        else project_double_double(X, sample.direction.a)
    )
    stored = float(np.abs(network.hinges.residual(high, low, Y)).max())
    exact = (
        exact_residual(X, sample, network.builder, depth=network.depth, knots=knots)
        if _exact_is_feasible(X, sample, network.builder, knots)
        else None
    )
    return Certificate(
        label_errors=count_label_errors(in_float64, Y),
        max_residual=stored if exact is None else exact,
        exact=exact is not None,
        arithmetic="double-double" if exact is None else "rational",
        stored_residual=stored,
        float64_residual=float(np.abs(in_float64).max()),
    )


def certify_layers(network: ReluNetwork, X: AnyArray, Y: FloatArray) -> Certificate:
    """Certify a network by applying its layers: exactly where its weights are Python numbers, else in float64."""
    residual = network.forward(X) - Y.astype(object if network.is_exact else np.float64)
    largest = float(np.abs(residual).max())
    return Certificate(
        label_errors=count_label_errors(residual.astype(np.float64), Y),
        max_residual=largest,
        exact=network.is_exact,
        arithmetic="integer" if network.is_exact else "float64",
        stored_residual=largest,
        float64_residual=largest,
    )


def certify_yun(network: ReluNetwork, X: AnyArray, Y: FloatArray, sample: LineSample) -> Certificate:
    """Certify the stored layers in float64; for at most 300 points the construction in rational arithmetic, too."""
    certificate = certify_layers(network, X, Y)
    if sample.n_distinct > EXACT_UNLIKE_LEFT or X.size > EXACT_ELEMENTS:
        return certificate
    points = _exact_points(X, sample)
    order = sorted(range(len(points)), key=points.__getitem__)
    x, y = np.array([points[i] for i in order], dtype=object), _fractions(sample.Y[order])
    rational = ReluNetwork(yun_layers(x, y[:, 0]), np.ones(1), "yun")
    largest = float(np.abs(rational.forward_on_line(x) - y).max())
    return replace(certificate, max_residual=largest, exact=True, arithmetic="rational")


def count_label_errors(residual: FloatArray, Y: FloatArray) -> int:
    """Rows with a label that is not fitted: off by 1/2 or more for integers, by 1e-6 of the largest for others."""
    is_integer = bool(np.all(np.rint(Y) == Y))
    tolerance = 0.5 if is_integer else REAL_TOLERANCE * float(np.abs(Y).max())
    wrong = ~(np.abs(residual) < tolerance)  # nan is wrong
    return int(np.count_nonzero(wrong.any(axis=1)))


def exact_residual(
    X: AnyArray, sample: LineSample, builder: str, *, depth: int, knots: str | Any = "left"
) -> float | None:
    """Largest residual of the construction carried out in rational arithmetic: 0.0 if it is right.

    None where exact projections differ from those in float64 so much that there is no such construction: two of them
    are equal, or a knot of the caller's is on the other side of its point.
    """
    points = _exact_points(X, sample)
    order = sorted(range(len(points)), key=points.__getitem__)  # neighbours to 1e-16 may change places
    x, Y = [points[i] for i in order], _fractions(sample.Y[order])
    b = _exact_knots(x, knots)
    if not all(a < z for a, z in zip(b, x, strict=True)) or not all(
        a <= z for a, z in zip(x[:-1], b[1:], strict=True)
    ):
        return None
    positions, weights, starts = exact_hinges_of(exact_layers(x, Y, builder, depth=depth, knots=b))
    worst = Fraction(0)
    for column, start, y in zip(weights, starts, Y.T, strict=True):
        values = evaluate_hinges_exactly(x, positions, column, start=start)
        worst = max(worst, *(abs(value - label) for value, label in zip(values, y, strict=True)))
    return float(worst)


def exact_layers(
    x: list[Fraction], Y: AnyArray, builder: str, *, depth: int, knots: list[Fraction]
) -> tuple[Layer, ...]:
    """The network of the theorem in rational numbers.

    Parameters
    ----------
    x : list of Fraction, ascending
    Y : array of Fraction, shape (n, c)
    builder : {"two_layer", "deep"}
    knots : list of Fraction
        Of two layers; the deep network has its own.
    """
    zero = Fraction(0)
    if builder == "two_layer":
        targets = list(range(len(x)))
        columns = [fit_hinges_exactly(x, list(y), knots, targets=targets, start=zero) for y in Y.T]
        return two_layer_layers(np.array(knots, dtype=object), np.array(columns, dtype=object).T)
    bounds = split_segments(len(x) - 1, depth - 2)
    blocks = [range(begin, end + 1) for begin, end in itertools.pairwise(bounds)]
    offsets = [np.array([x[i] - x[block[0]] for i in block], dtype=object) for block in blocks]
    positions = [x[i] for block in blocks for i in block]
    targets = hinge_targets(bounds).tolist()
    columns = [fit_hinges_exactly(x, list(y), positions, targets=targets, start=y[0]) for y in Y.T]
    weights = np.array(columns, dtype=object).T
    shift = -Y.min(axis=0)
    return deep_layers(x[0], offsets, weights, first=Y[0] + shift, bias=Y[0] if len(blocks) == 1 else -shift)


def _exact_is_feasible(X: AnyArray, sample: LineSample, builder: str, knots: str | Any) -> bool:
    if builder == "two_layer" and not (isinstance(knots, str) and knots == "left"):
        return sample.n_distinct <= EXACT_UNLIKE_LEFT and X.size <= EXACT_ELEMENTS
    return sample.direction.is_exact or X.size <= EXACT_ELEMENTS


def _exact_points(X: AnyArray, sample: LineSample) -> list[Fraction]:
    """Exact projections of the sample's points, in its order."""
    if sample.direction.is_exact:
        return [Fraction(int(value)) for value in sample.x]
    integers, exponent = project_exactly(X[sample.rows], sample.direction.a)
    scale = Fraction(1, 2**exponent)
    return [value * scale for value in integers]


def _fractions(Y: FloatArray) -> AnyArray:
    out = np.empty(Y.shape, dtype=object)
    out[:] = [[Fraction(value) for value in row] for row in Y.tolist()]
    return out


def _exact_knots(x: list[Fraction], rule: str | Any) -> list[Fraction]:
    if not isinstance(rule, str):
        return [Fraction(float(knot)) for knot in rule]
    first = x[0] - ((x[-1] - x[0]) / (len(x) - 1) if len(x) > 1 else 1)
    if rule == "left":
        return [first, *x[:-1]]
    return [first, *((a + b) / 2 for a, b in itertools.pairwise(x))]
