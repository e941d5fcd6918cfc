"""The certificate's numbers, and the estimate of |K^-1|_1."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernelgen.solvers.certificate import certify, estimate_inverse_norm
from kernelgen.solvers.result import Certificate, Status
from oracles import spd

KNOWN = {"condition_estimate": 1.0, "min_pivot": 1.0, "min_pivot_row": 0, "factor_precision": "float64"}


def test_residuals_and_norm() -> None:
    K = np.array([[2.0, 1.0], [1.0, 2.0]])
    alpha = np.array([[1.0, 0.0], [1.0, 2.0]])
    Y = K @ alpha + np.array([[0.0, 0.5], [0.0, 0.0]])
    found = certify(alpha, Y, K @ alpha, ridge=0.0, **KNOWN)
    assert found.max_residual == 0.5
    assert found.relative_residual == pytest.approx(0.5 / np.linalg.norm(Y))
    assert found.rkhs_norm == pytest.approx(math.sqrt(np.sum(alpha * (K @ alpha))))


def test_with_a_ridge_the_norm_is_still_that_of_the_function() -> None:
    K = np.array([[2.0, 1.0], [1.0, 2.0]])
    alpha = np.array([[1.0], [-1.0]])
    product = K @ alpha + 0.5 * alpha
    assert certify(alpha, product, product, ridge=0.5, **KNOWN).rkhs_norm == pytest.approx(math.sqrt(2.0))


def test_a_norm_that_is_none_becomes_null_in_json() -> None:
    found = certify(np.ones((1, 1)), np.ones((1, 1)), -np.ones((1, 1)), ridge=0.0, **KNOWN)
    assert math.isnan(found.rkhs_norm)
    record = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert record["rkhs_norm"] is None
    assert record["max_residual"] == 2.0
    assert {"min_pivot", "min_pivot_row", "condition_estimate", "train_error"} <= record.keys()


@settings(max_examples=50)
@given(n=st.integers(1, 40), cond=st.sampled_from([1.0, 1e3, 1e8]), seed=st.integers(0, 2**32 - 1))
def test_the_estimate_is_a_sharp_lower_bound(n: int, cond: float, seed: int) -> None:
    inverse = np.linalg.inv(spd(n, cond, np.random.default_rng(seed)))
    inverse = (inverse + inverse.T) / 2
    counts: list[int] = []

    def solve(R: np.ndarray, done: int) -> np.ndarray:
        counts.append(done)
        return inverse @ R

    exact = np.linalg.norm(inverse, 1)
    assert exact / 3 <= estimate_inverse_norm(solve, n) <= exact * (1 + 1e-12)
    assert counts == list(range(len(counts)))
    assert len(counts) <= 11


def test_every_status_has_advice() -> None:
    assert all(status.advice("mixed") for status in Status)
    assert 'precision="float64"' in Status.NOT_CONVERGED.advice("mixed")
    assert "precision" not in Status.NOT_CONVERGED.advice("float64")  # nothing sharper to try
    assert str(Status.NOT_CONVERGED) == "not_converged"


def test_a_certificate_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Certificate(0, 0, 1, 0, 1, 1).max_residual = 1  # type: ignore[misc]
