from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from kernelgen.errors import UsageError
from kernelgen.memorize import project as module
from kernelgen.memorize.project import (
    best_direction,
    given_direction,
    integer_bits,
    integer_direction,
    principal_direction,
    project,
    project_double_double,
    project_exactly,
    random_direction,
    resolve_rule,
    round_bits,
)
from oracles import tolerance


def points(n: int, d: int, dtype: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype == "uint8":
        return rng.integers(0, 256, (n, d), dtype=np.uint8)
    return rng.standard_normal((n, d)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_against_a_product(dtype: str) -> None:
    X, a = points(50, 33, dtype), random_direction(33, np.random.default_rng(1)).a
    expected = X.astype(float) @ a
    bound = tolerance("float64", n=33, norm=(np.abs(X.astype(float)) @ np.abs(a)).max())
    assert np.abs(project(X, a) - expected).max() <= bound


def test_integer_projections_are_exact() -> None:
    X = points(40, 3072, "uint8")
    a = integer_direction(3072, np.random.default_rng(0)).a
    found = project(X, a)
    assert found.dtype == np.int64
    assert found.tolist() == [
        sum(int(u) * int(v) for u, v in zip(row, a.tolist(), strict=True)) for row in X.tolist()
    ]
    assert 255 * int(np.abs(a).sum()) < 2**53
    assert a.all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_row_gives_the_same_bits_in_any_block(dtype: str, monkeypatch) -> None:
    X, a = points(1000, 77, dtype), random_direction(77, np.random.default_rng(1)).a
    whole = project(X, a)
    monkeypatch.setattr(module, "BLOCK_BYTES", 10_000)
    assert np.array_equal(project(X, a), whole)
    assert np.array_equal(project(X[137:139], a), whole[137:139])
    order = np.random.default_rng(2).permutation(1000)
    assert np.array_equal(project(np.ascontiguousarray(X[order]), a), whole[order])


def test_streams_from_a_memory_map(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 1 << 16)
    X = np.lib.format.open_memmap(tmp_path / "big.npy", mode="w+", dtype=np.float32, shape=(5000, 64))
    X[:] = points(5000, 64, "float32")
    X.flush()
    mapped = np.load(tmp_path / "big.npy", mmap_mode="r")
    told = []
    a = random_direction(64, np.random.default_rng(1)).a
    assert np.array_equal(project(mapped, a, progress=told.append), project(np.array(mapped), a))
    assert told == sorted(told)
    assert (len(told), told[-1]) == (20, 1.0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_double_double_has_thirty_digits(dtype: str) -> None:
    X = points(20, 100, dtype)
    a = random_direction(100, np.random.default_rng(3)).a
    high, low = project_double_double(X, a)
    integers, exponent = project_exactly(X, a)
    for h, lo, p in zip(high.tolist(), low.tolist(), integers, strict=True):
        exact = Fraction(p, 2**exponent)
        assert abs(Fraction(h) + Fraction(lo) - exact) <= Fraction(1, 2**90) * 100
        assert exact == 0 or abs(float(Fraction(h) / exact) - 1) < 1e-15


def test_exact_projection_is_the_sum_of_fractions() -> None:
    X = np.array([[1e-300, 3.0, 0.1], [2.0**-1074, 0.0, -7e20]])
    a = np.array([0.3, -1e5, 7.0])
    integers, exponent = project_exactly(X, a)
    for p, row in zip(integers, X.tolist(), strict=True):
        assert Fraction(int(p), 2**exponent) == sum(
            Fraction(u) * Fraction(v) for u, v in zip(row, a.tolist(), strict=True)
        )


def test_directions_are_short_enough_for_exact_products() -> None:
    for a in (
        random_direction(500, np.random.default_rng(0)).a,
        round_bits(np.array([1 / 3, 1e-9, 0.0, -7.7])),
    ):
        mantissa = np.frexp(a)[0] * 2**26
        assert np.array_equal(mantissa, np.rint(mantissa))


def test_best_has_a_larger_gap_than_most_draws() -> None:
    X = points(300, 10, "float64")

    def gap(a: np.ndarray) -> float:
        t = np.sort(X @ a)
        return float(np.diff(t).min() / (t[-1] - t[0]))

    best = gap(best_direction(X, np.random.default_rng(0), draws=32).a)
    others = [gap(random_direction(10, np.random.default_rng(seed)).a) for seed in range(1, 33)]
    assert best > np.median(others)


def test_principal_direction_is_the_first_singular_vector() -> None:
    X = points(400, 6, "float64") * np.array([9.0, 1, 1, 1, 1, 1]) + 50
    a = principal_direction(X, np.random.default_rng(0)).a
    first = np.linalg.svd(X - X.mean(axis=0))[2][0]
    assert abs(a @ first) == pytest.approx(1.0, abs=1e-6)


def test_principal_direction_of_equal_points() -> None:
    assert np.isfinite(principal_direction(np.ones((5, 3)), np.random.default_rng(0)).a).all()


@pytest.mark.parametrize("d", [1, 64, 784, 3072, 100_000])
def test_integer_bits(d: int) -> None:
    assert 255 * d * 2 ** integer_bits(d) <= 2**53


def test_too_many_features_for_integers() -> None:
    with pytest.raises(UsageError, match="random"):
        integer_bits(2**46)


@pytest.mark.parametrize(
    "wrong",
    [np.ones(3), np.zeros(4), np.array([1, np.nan, 1, 1]), np.ones((4, 1)), np.array(list("abcd"))],
)
def test_a_given_direction_is_checked(wrong: np.ndarray) -> None:
    with pytest.raises(UsageError, match="direction"):
        given_direction(wrong, np.dtype(np.float64), 4)


def test_given_integers_stay_exact_for_bytes() -> None:
    assert given_direction([1, 2], np.dtype(np.uint8), 2).is_exact
    assert not given_direction([1, 2], np.dtype(np.float32), 2).is_exact
    with pytest.raises(UsageError, match="too large"):
        given_direction([2**50, 1], np.dtype(np.uint8), 2)


def test_rules() -> None:
    assert resolve_rule("auto", np.dtype(np.uint8)) == "integer"
    assert resolve_rule("auto", np.dtype(np.float32)) == "random"
    for rule, word in (("integer", "uint8"), ("wavy", "must be one of")):
        with pytest.raises(UsageError, match=word):
            resolve_rule(rule, np.dtype(np.float64))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_memory_map_is_never_copied_as_a_whole(dtype: str, tmp_path, monkeypatch) -> None:
    """Fitted and predicted from a file with a fraction of its bytes in memory."""
    import tracemalloc

    from kernelgen.arrays.checks import check_points
    from kernelgen.memorize.sample import line_sample
    from kernelgen.memorize.two_layer import build_two_layer

    monkeypatch.setattr(module, "BLOCK_BYTES", 1 << 20)
    n, d = 20_000, 784
    X = np.lib.format.open_memmap(tmp_path / "big.npy", mode="w+", dtype=dtype, shape=(n, d))
    X[:] = points(n, d, dtype)
    X.flush()
    mapped = np.load(tmp_path / "big.npy", mmap_mode="r")
    y = np.random.default_rng(1).integers(0, 10, (n, 1)).astype(float)
    build_two_layer(line_sample(mapped[:50], y[:50]))(mapped[:50])  # compile first
    tracemalloc.start()
    try:
        network = build_two_layer(line_sample(check_points(mapped).values, y))
        outputs = network(mapped)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(np.rint(outputs), y)
    assert peak < mapped.nbytes / 2
