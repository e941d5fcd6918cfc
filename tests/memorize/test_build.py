"""The one call: bad input, ties, options, and what it returns."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.errors import ConflictingLabels, DataError, UsageError
from kernelgen.memorize.build import build_memorizer


def sample(n: int = 60, d: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)), rng.integers(0, 4, n)


def test_one_point() -> None:
    result = build_memorizer([[3.0, 4.0]], [7])
    assert result.network([[3.0, 4.0]]).tolist() == [[7.0]]
    assert result.network.n_weights.tied == 2 * 1 + 2
    with pytest.raises(UsageError, match="depth"):
        build_memorizer([[3.0, 4.0]], [7], depth=3)


@pytest.mark.parametrize("options", [{}, {"depth": 5}, {"builder": "yun"}, {"builder": "bubeck"}])
@pytest.mark.parametrize("value", [0, 3])
def test_all_labels_equal(options: dict, value: int) -> None:
    X, _ = sample()
    certificate = build_memorizer(X, np.full(60, value), **options).certificate
    assert certificate.label_errors == 0


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@pytest.mark.parametrize("options", [{}, {"depth": 9}, {"builder": "yun"}])
def test_equal_rows_with_one_label_are_merged(dtype: str, options: dict) -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (30, 8)).astype(dtype)
    y = rng.integers(0, 3, 30)
    rows = np.concatenate([np.arange(30), [4, 4, 17]])
    result = build_memorizer(X[rows], y[rows], **options)
    assert (result.n_samples, result.n_distinct) == (33, 30)
    assert result.certificate.label_errors == 0
    assert np.array_equal(np.rint(result.network(X[rows])[:, 0]), y[rows])
    if not options:
        assert result.network.n_weights.tied == 2 * 30 + 8


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@pytest.mark.parametrize("builder", ["zhang", "bubeck", "yun"])
def test_equal_rows_with_two_labels_are_refused_by_name(dtype: str, builder: str) -> None:
    X = np.random.default_rng(0).integers(0, 256, (30, 8)).astype(dtype)
    X[21] = X[4]
    y = np.arange(30)
    with pytest.raises(ConflictingLabels, match="rows 4 and 21") as caught:
        build_memorizer(X, y, builder=builder)
    assert caught.value.pairs == ((4, 21),)
    assert "ridge" not in str(caught.value)


def test_minus_zero_is_zero() -> None:
    with pytest.raises(ConflictingLabels):
        build_memorizer([[0.0, 1.0], [-0.0, 1.0]], [0, 1])


def test_different_rows_that_collide_on_the_direction_given() -> None:
    X = np.array([[0.0, 1.0], [5.0, 1.0], [1.0, 2.0]])
    with pytest.raises(UsageError, match="rows 0 and 1"):
        build_memorizer(X, [0, 1, 2], direction=np.array([0.0, 1.0]))
    with pytest.raises(UsageError, match="same projection"):  # in exact arithmetic equal labels would do
        build_memorizer(X, [0, 0, 2], direction=np.array([0.0, 1.0]))
    merged = build_memorizer(X.astype(np.uint8), [0, 0, 2], direction=np.array([0, 1]))
    assert (merged.n_distinct, merged.certificate.max_residual) == (2, 0.0)


def test_points_closer_than_float64_tells_apart() -> None:
    X = np.array([[1.0, 1.0], [1.0, np.nextafter(1.0, 2.0)]])
    with pytest.raises(UsageError, match="same projection"):
        build_memorizer(X, [0, 1], direction=np.array([1e6, 1e-6]))


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        (np.array([[1.0, np.inf], [0.0, 1.0]]), [0, 1], "infinity.*row 0, column 1"),
        (np.array([[1.0, 2.0], [np.nan, 1.0]]), [0, 1], "NaN.*row 1, column 0"),
        (np.empty((3, 0)), [0, 1, 2], r"0 feature\(s\)"),
        (np.empty((0, 3)), [], r"0 sample\(s\)"),
        (np.ones((2, 2), dtype=np.float16), [0, 1], "float16"),
        (np.ones(4), [0, 1, 2, 3], "shape"),
        (np.eye(3), [0, 1], "2 rows, the points have 3"),
        (np.eye(3), [0, 1, np.nan], "y contains NaN"),
        (np.eye(3), ["a", "b", "c"], "numeric"),
        (np.eye(3), np.ones((3, 1, 1)), "shape"),
        ([[1, "x"]], [0], "dtype"),
    ],
)
def test_bad_data(X, y, words: str) -> None:
    with pytest.raises(DataError, match=words):
        build_memorizer(X, y)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"depth": 1}, "at least 2"),
        ({"depth": 0}, "at least 2"),
        ({"depth": 61}, "from 3 to the 60"),
        ({"depth": 2.5}, "integer"),
        ({"depth": True}, "integer"),
        ({"builder": "nobody"}, "builder"),
        ({"knots": "right"}, "knots"),
        ({"knots": np.zeros(60)}, "knot"),
        ({"knots": np.zeros(3)}, "60 numbers"),
        ({"knots": "midpoint", "depth": 4}, "depth 2"),
        ({"knots": "midpoint", "builder": "yun"}, "zhang"),
        ({"depth": 3, "builder": "yun"}, "own depth"),
        ({"direction": "random", "builder": "bubeck"}, "own directions"),
        ({"direction": "sideways"}, "direction"),
        ({"direction": "integer"}, "uint8"),
        ({"direction": np.ones(4)}, "5 finite numbers"),
    ],
)
def test_bad_options(options: dict, words: str) -> None:
    X, y = sample()
    with pytest.raises(UsageError, match=words):
        build_memorizer(X, y, **options)


def test_own_knots() -> None:
    X, y = sample(40, 1)
    x = np.sort(X[:, 0])
    knots = np.concatenate([[x[0] - 1], x[:-1] + 0.2 * np.diff(x)])
    result = build_memorizer(X, y, direction=np.ones(1), knots=knots)
    assert result.network.hinges.knots.tolist() == knots.tolist()
    assert (result.certificate.max_residual, result.certificate.exact) == (0.0, True)


@pytest.mark.parametrize("direction", ["random", "best", "principal", "auto"])
def test_directions(direction: str) -> None:
    X, y = sample(200, 6)
    assert build_memorizer(X, y, direction=direction).certificate.label_errors == 0


def test_input_is_left_alone_and_may_be_read_only() -> None:
    X, y = sample()
    X.setflags(write=False)
    y.setflags(write=False)
    before = X.copy()
    build_memorizer(X, y)
    assert np.array_equal(X, before)


def test_fortran_order_and_big_endian() -> None:
    X, y = sample()
    expected = build_memorizer(X, y).network.hinges.weights
    for same in (np.asfortranarray(X), X.astype(">f8")):
        assert np.array_equal(build_memorizer(same, y).network.hinges.weights, expected)


def test_the_seed_decides() -> None:
    X, y = sample()
    first, again, other = (build_memorizer(X, y, seed=seed).network.direction for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_progress_and_seconds() -> None:
    X, y = sample()
    told = []
    result = build_memorizer(X, y, progress=lambda *what: told.append(what))
    assert set(result.seconds) == {"project", "build", "evaluate", "verify"}
    assert {phase for phase, fraction in told if fraction == 1.0} == set(result.seconds)


def test_what_progress_raises_goes_on_to_the_caller() -> None:
    def stop(phase: str, fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_memorizer(*sample(), progress=stop)


def test_huge_and_tiny_scales() -> None:
    X, y = sample()
    for scale in (1e-100, 1e100):
        assert build_memorizer(X * scale, y).certificate.label_errors == 0
