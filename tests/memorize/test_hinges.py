from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from kernelgen.errors import UsageError
from kernelgen.memorize.hinges import evaluate_hinges_exactly, fit_hinges, fit_hinges_exactly
from kernelgen.memorize.knots import place_knots
from oracles import tolerance


def exact_value(t: float, hinges) -> Fraction:
    """f(t) of the stored weights, term by term."""
    terms = (
        Fraction(w) * max(Fraction(t) - Fraction(k), Fraction(0))
        for k, w in zip(hinges.knots.tolist(), hinges.weights[:, 0].tolist(), strict=True)
    )
    return Fraction(float(hinges.start[0])) + sum(terms)


@pytest.mark.parametrize("rule", ["left", "midpoint"])
def test_evaluation_of_the_stored_weights_against_exact_sums(rule: str) -> None:
    rng = np.random.default_rng(0)
    x = np.sort(rng.standard_normal(200))
    Y = rng.standard_normal((200, 1))
    hinges = fit_hinges(x, Y, place_knots(x, rule))
    t = np.concatenate([x, hinges.knots, rng.uniform(-5, 5, 100)])
    exact = [exact_value(v, hinges) for v in t.tolist()]
    values, slopes = hinges.segments[0], hinges.segments[2]
    step = np.abs(slopes).max() * np.diff(np.concatenate([hinges.knots, [5.0]])).max()
    bound = tolerance("float64", norm=np.abs(values).max() + step)
    assert (
        max(abs(float(e - Fraction(float(f)))) for e, f in zip(exact, hinges(t)[:, 0], strict=True)) <= bound
    )
    residual = hinges.residual(t, np.zeros(len(t)), np.zeros((len(t), 1)))[:, 0]
    for e, r in zip(exact, residual.tolist(), strict=True):
        assert (
            abs(float(e) - r)
            <= 4 * np.finfo(float).eps * abs(float(e)) + 1e-25 * np.abs(hinges.weights).sum()
        )


def test_double_double_sees_what_float64_cannot() -> None:
    """A step of 1e-25 beside points of order 1: the residual moves by the slope times it."""
    x = np.array([0.0, 1e-6, 1.0])
    hinges = fit_hinges(x, np.array([[0.0], [1.0], [0.0]]), place_knots(x))
    found = hinges(x)[:, 0]
    residual = hinges.residual(x, np.full(3, 1e-25), found[:, None])[:, 0]
    at_x = [
        float(exact_value(v, hinges) - Fraction(float(f))) for v, f in zip(x.tolist(), found, strict=True)
    ]
    slopes = hinges.segments[2][:, 0]
    right = slopes[[1, 2, 2]]  # of each point: left knots stand at the point before
    assert np.allclose(residual, right * 1e-25 + at_x, rtol=1e-9, atol=1e-26)


def test_errors_do_not_add_up_along_the_line() -> None:
    """Each weight corrects the rounding of those before it: a hundred thousand points, no drift."""
    rng = np.random.default_rng(1)
    x = np.sort(rng.standard_normal(100_000))
    Y = rng.choice([-1.0, 1.0], (100_000, 1))
    hinges = fit_hinges(x, Y, place_knots(x))
    assert np.abs(hinges.residual(x, np.zeros(len(x)), Y)).max() < 1e-9


def test_left_of_the_first_knot_it_is_constant() -> None:
    x = np.array([1.0, 2.0])
    hinges = fit_hinges(x, np.array([[5.0], [6.0]]), np.array([0.0, 1.0]))
    assert hinges(np.array([-3.0, 0.0]))[:, 0].tolist() == [0.0, 0.0]


def test_exact_twins() -> None:
    x = [Fraction(k * k) for k in range(1, 12)]
    y = [Fraction((-1) ** k * k, 3) for k in range(11)]
    knots = [x[0] - 1, *x[:-1]]
    weights = fit_hinges_exactly(x, y, knots, targets=list(range(11)), start=Fraction(0))
    assert evaluate_hinges_exactly(x, knots, weights, start=Fraction(0)) == y
    brute = [sum(w * max(t - k, 0) for w, k in zip(weights, knots, strict=True)) for t in x]
    assert brute == y


@pytest.mark.parametrize(
    "bad", [[0.0, 0.9, 2.0], [0.0, 1.0, 3.0], [1.0, 1.0, 2.0], [0.0, np.nan, 2.0], [-np.inf, 1, 2]]
)
def test_knots_must_interleave(bad: list[float]) -> None:
    with pytest.raises(UsageError, match="knot"):
        place_knots(np.array([1.0, 2.0, 3.0]), bad)


def test_midpoints_of_neighbours_in_float64() -> None:
    x = np.array([1.0, np.nextafter(1.0, 2.0), 2.0])
    knots = place_knots(x, "midpoint")
    assert (knots < x).all()
    assert (knots[1:] >= x[:-1]).all()


def test_one_thread_and_many_give_the_same_bits(monkeypatch) -> None:
    from kernelgen.memorize import hinges as module

    rng = np.random.default_rng(0)
    x = np.sort(rng.standard_normal(500))
    hinges = fit_hinges(x, rng.standard_normal((500, 2)), place_knots(x))
    t = rng.uniform(-4, 4, 5000)
    few = hinges(t)
    monkeypatch.setattr(module, "FEW", 0)
    assert np.array_equal(hinges(t), few)
