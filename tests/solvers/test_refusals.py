"""What cannot be solved is refused with the rows and the way out; nothing is solved in its place."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import (
    BudgetExceeded,
    ConflictingLabels,
    DataError,
    NotPositiveDefinite,
    UsageError,
)
from kernelgen.kernels.custom import Custom
from kernelgen.kernels.gaussian import Gaussian
from kernelgen.kernels.linear import Linear
from kernelgen.kernels.polynomial import Polynomial
from kernelgen.solvers.cholesky import factorize
from kernelgen.solvers.result import Status
from oracles import scattered


def test_a_near_duplicate_is_named_with_its_partner(engine: str) -> None:
    X = scattered(100, 5, seed=1)
    X[77] = X[13] + 1e-9
    with pytest.raises(NotPositiveDefinite, match=r"row 77[\s\S]*row 13[\s\S]*smaller bandwidth") as caught:
        factorize(X, Gaussian(1.0), precision="float64", engine=engine)
    assert (caught.value.row, caught.value.partner) == (77, 13)
    assert caught.value.distance == pytest.approx(1e-9 * np.sqrt(5), rel=1e-4)
    assert caught.value.exit_code == 3


def test_rows_are_the_callers_even_where_some_are_merged(engine: str) -> None:
    X = scattered(100, 5, seed=2)
    X[10] = X[3]
    X[77] = X[13] + 1e-9
    with pytest.raises(NotPositiveDefinite) as caught:
        factorize(X, Gaussian(1.0), precision="float64", engine=engine)
    assert (caught.value.row, caught.value.partner) == (77, 13)


def test_float32_points_to_the_wider_precisions(engine: str) -> None:
    X = scattered(100, 5, seed=3)
    X[77] = X[13] + 1e-5
    with pytest.raises(NotPositiveDefinite, match=r'precision="mixed".*precision="float64"') as caught:
        factorize(X, Gaussian(1.0), precision="float32", engine=engine)
    assert (caught.value.row, caught.value.partner) == (77, 13)
    for precision in ("mixed", "float64"):
        solved = factorize(X, Gaussian(1.0), precision=precision, engine=engine).solve(np.ones(100))
        assert solved.status is Status.SOLVED


def test_an_indefinite_kernel_is_noticed_in_mixed_precision(engine: str) -> None:
    X = scattered(60, 3, seed=4)
    indefinite = Custom(lambda q: 1.0 - q)
    for precision in ("float64", "mixed"):
        with pytest.raises(NotPositiveDefinite):
            factorize(X, indefinite, precision=precision, engine=engine)


def test_slightly_indefinite_systems_end_as_a_status(engine: str) -> None:
    """Pairs with eigenvalue -3e-6: float32 plus jitter factors K, the descent meets the curvature."""
    X = scattered(60, 3, seed=5)
    X = np.concatenate([X, X + 1e-7])
    shifted = Custom(lambda q: np.exp(-0.5 * q) - 3e-6 * (q == 0))
    factor = factorize(X, shifted, precision="mixed", engine=engine)
    assert factor.jitter > 3e-6
    solution = factor.solve(np.concatenate([np.ones(60), -np.ones(60)]))
    assert solution.status is Status.NOT_POSITIVE_DEFINITE
    assert "ridge above 0" in solution.message
    assert np.isfinite(solution.alpha).all()


@pytest.mark.parametrize(
    ("kernel", "rank"), [(Linear(), 3), (Polynomial(2), 6), (Polynomial(2, coef0=1.0), 10)], ids=str
)
@pytest.mark.parametrize("precision", ["float64", "mixed", "float32"])
def test_more_points_than_the_rank_can_carry(
    engine: str, kernel: Polynomial, rank: int, precision: str
) -> None:
    X = scattered(20, 3, seed=6)
    with pytest.raises(NotPositiveDefinite, match=f"rank at most {rank}.*ridge above 0"):
        factorize(X, kernel, precision=precision, engine=engine)
    assert factorize(X, kernel, ridge=1.0, precision=precision, engine=engine).solve(np.ones(20)).alpha.any()
    repeated = np.repeat(X[:rank], 2, axis=0)  # duplicates do not count
    factorize(repeated, kernel, precision="float64", engine=engine)


def test_a_row_of_zeros_cannot_be_normalized(engine: str) -> None:
    X = scattered(9, 3, seed=7)
    X[4] = 0.0
    with pytest.raises(DataError, match="row 4"):
        factorize(X, Polynomial(2, normalize=True), engine=engine)
    factor = factorize(X[:4], Polynomial(2, normalize=True), engine=engine)
    with pytest.raises(DataError, match="row 4"):
        factor.predict(X, np.ones(4))


@pytest.mark.parametrize("precision", ["float64", "mixed"])
def test_a_kernel_that_gives_nan_is_not_called_singular(engine: str, precision: str) -> None:
    X = np.arange(30.0)[:, None]
    broken = Custom(lambda q: np.where(q == 25.0, np.nan, np.exp(-q)))
    with pytest.raises(DataError, match="rows 5 and 0 is nan"):
        factorize(X, broken, precision=precision, engine=engine)


def test_a_kernel_beyond_float32_points_to_float64(engine: str) -> None:
    X = 1e6 * scattered(5, 4, seed=8)
    for precision in ("float32", "mixed"):
        with pytest.raises(UsageError, match=r'row [0-9] .*float32 cannot hold.*precision="float64"'):
            factorize(X, Polynomial(4, coef0=1.0), precision=precision, engine=engine)
        with pytest.raises(UsageError, match=r"row [0-9] .*float32 cannot hold"):
            factorize(1e16 * X, Gaussian(1e20), precision=precision, engine=engine)
        with pytest.raises(UsageError, match="float32 cannot hold"):
            factorize(
                scattered(5, 784, seed=8, dtype="uint8"), Polynomial(6), precision=precision, engine=engine
            )
    factorize(X, Polynomial(4, coef0=1.0), precision="float64", engine=engine)
    with pytest.raises(UsageError, match="float64 cannot hold"):
        factorize(X, Polynomial(50), precision="float64", engine=engine)


def test_equal_rows_need_equal_targets(engine: str) -> None:
    X = scattered(20, 3, seed=9)[np.r_[0:20, 4, 5]]
    factor = factorize(X, Gaussian(1.0), engine=engine)
    y = np.arange(22.0)
    with pytest.raises(ConflictingLabels, match="rows 4 and 20, 5 and 21") as caught:
        factor.solve(y)
    assert caught.value.pairs == ((4, 20), (5, 21))
    factor.solve(y[np.r_[0:20, 4, 5]])
    factorize(X, Gaussian(1.0), ridge=0.1, engine=engine).solve(y)  # another problem, asked for by name


@pytest.mark.parametrize(
    "arguments",
    [
        {"ridge": -1.0},
        {"ridge": np.nan},
        {"precision": "half"},
        {"engine": "gpu"},
        {"threads": 0},
        {"threads": 100_000},
        {"tile": 50},
        {"memory_budget": "lots"},
        {"scale": 0.0},
        {"kernel": "gaussian"},
    ],
)
def test_arguments_out_of_range(engine: str, arguments: dict) -> None:
    with pytest.raises(UsageError):
        factorize(scattered(5, 2, seed=10), **{"kernel": Gaussian(1.0), "engine": engine, **arguments})


def test_points_that_cannot_be_used(engine: str) -> None:
    for X in (np.zeros((0, 2)), np.zeros(3), [[np.nan]], [["a"]]):
        with pytest.raises(DataError):
            factorize(X, Gaussian(1.0), engine=engine)


def test_targets_and_limits_that_cannot_be_used(engine: str) -> None:
    factor = factorize(scattered(5, 2, seed=11), Gaussian(1.0), engine=engine)
    for Y in (np.ones(4), np.array([1.0, 2.0, np.nan, 4.0, 5.0]), np.ones((5, 0))):
        with pytest.raises(DataError):
            factor.solve(Y)
    for limits in ({"tol": -1.0}, {"tol": np.nan}, {"max_iterations": -1}):
        with pytest.raises(UsageError):
            factor.solve(np.ones(5), **limits)
    with pytest.raises(UsageError, match="5 rows"):
        factor.predict(np.ones((1, 2)), np.ones(4))
    with pytest.raises(DataError, match="3 features"):
        factor.predict(np.ones((1, 3)), np.ones(5))


def test_a_budget_too_small_is_refused_before_anything_is_allocated(engine: str) -> None:
    X = scattered(3000, 2, seed=12)

    def never(progress: object) -> None:
        raise AssertionError("the factorization began")

    with pytest.raises(BudgetExceeded, match='precision="mixed"') as caught:
        factorize(X, Gaussian(0.1), precision="float64", memory_budget="35MB", engine=engine, progress=never)
    assert caught.value.exit_code == 5
    assert not caught.value.plan.fits
    with pytest.raises(BudgetExceeded, match=r"at most [0-9]+ training points"):
        factorize(X, Gaussian(0.1), precision="mixed", memory_budget="5MB", engine=engine, progress=never)
