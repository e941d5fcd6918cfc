"""The compiled passes against plain loops; seeds, threads, continuing, streaming, stopping, divergence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kernelgen.errors import DataError, NotConverged, UsageError
from kernelgen.linear.config import SGDConfig
from kernelgen.linear.passes import LOGISTIC, SQUARE, row_by_row
from kernelgen.linear.rows import as_rows
from kernelgen.linear.sgd import Epoch, sgd
from naive_sgd import naive_sgd
from oracles import relative_error, tolerance

CHOICES = [
    {},
    {"replacement": True},
    {"momentum": 0.6},
    {"momentum": 0.6, "nesterov": True},
    {"average": True},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "momentum": 0.4},
    {"step": 0.01},
    {"step": 0.01, "batch": 5, "momentum": 0.9, "nesterov": True, "weight_decay": 0.2, "average": True},
    {"batch": 7},
    {"batch": 16, "replacement": True},
    {"batch": 23, "step": 0.02},
    {"batch": 100, "step": 0.02},
    {"step": "line-search", "batch": 6},
    {"step": "line-search", "batch": 1},
    {"loss": "logistic"},
    {"loss": "logistic", "batch": 4, "step": 0.05, "momentum": 0.5},
]


def problem(n: int = 23, d: int = 41, *, seed: int = 0, signs: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, np.sign(rng.standard_normal(n)) if signs else rng.standard_normal(n)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_passes_do_what_plain_loops_do(choice: dict, dtype: str) -> None:
    X, y = problem(signs=choice.get("loss") == "logistic")
    start = np.random.default_rng(1).standard_normal(41)
    config = SGDConfig(epochs=4, tol=0, seed=3, **choice)
    found = sgd(X.astype(dtype), y, config, start=start)
    expected = naive_sgd(X, y, config, start=start)
    assert found.weights.dtype == dtype
    assert found.epochs == 4
    assert relative_error(found.weights, expected) <= tolerance(dtype, n=4 * 23, cond=10)


def test_one_over_l_is_the_largest_safe_step() -> None:
    X, y = problem()
    one = sgd(X, y, SGDConfig(step="1/L", epochs=3))
    assert one.step == pytest.approx(1 / np.max(np.sum(X**2, axis=1)))
    assert relative_error(one.weights, naive_sgd(X, y, one.config, step=one.step)) < 1e-12
    whole = sgd(X, y, SGDConfig(step="1/L", batch=23, epochs=3))
    longest, top = np.max(np.sum(X**2, axis=1)), np.linalg.eigvalsh(X @ X.T / 23)[-1]
    expected = 23 / (longest + 22 * top)
    assert expected / 1.06 <= whole.step <= expected * 1.02  # the eigenvalue is estimated, a twentieth above


def test_columns_are_problems_by_themselves() -> None:
    X, _ = problem()
    Y = np.random.default_rng(5).standard_normal((23, 4))
    for choice in ({}, {"batch": 5, "step": "line-search"}, {"momentum": 0.5, "average": True}):
        together = sgd(X, Y, SGDConfig(epochs=5, tol=0, **choice)).weights
        apart = [sgd(X, Y[:, k], SGDConfig(epochs=5, tol=0, **choice)).weights for k in range(4)]
        assert np.array_equal(together, np.stack(apart, axis=1))


def test_the_number_of_threads_changes_no_bit() -> None:
    X, _ = problem()
    Y = np.random.default_rng(5).standard_normal((23, 5))
    for choice in ({}, {"batch": 5}, {"batch": 5, "step": "line-search"}):
        one, two = (sgd(X, Y, SGDConfig(epochs=5, **choice), threads=t) for t in (1, 2))
        assert np.array_equal(one.weights, two.weights)
        assert one.relative_residual == two.relative_residual


def test_the_seed_decides() -> None:
    X, y = problem()
    a, b, c = (sgd(X, y, SGDConfig(epochs=3, seed=s)).weights for s in (7, 7, 8))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


@pytest.mark.parametrize("choice", [{}, {"momentum": 0.5}, {"batch": 4, "average": True}], ids=str)
def test_a_run_that_is_continued_is_the_run_not_interrupted(choice: dict) -> None:
    X, y = problem()
    whole = sgd(X, y, SGDConfig(epochs=7, tol=0, **choice))
    half = sgd(X, y, SGDConfig(epochs=3, tol=0, **choice))
    rest = sgd(X, y, SGDConfig(epochs=4, tol=0, **choice), start=half)
    assert np.array_equal(whole.weights, rest.weights)
    assert rest.epochs == 7


def test_it_leaves_its_inputs_alone() -> None:
    X, y = problem()
    start = np.ones(41)
    for array in (X, y, start):
        array.setflags(write=False)
    sgd(X, y, SGDConfig(epochs=2), start=start)
    assert (start == 1).all()


def test_observers_see_the_start_and_every_epoch() -> None:
    X, y = problem()
    seen: list[Epoch] = []
    run = sgd(
        X,
        y,
        SGDConfig(epochs=3, tol=0),
        observe=lambda e: seen.append(Epoch(e.number, e.weights.copy(), e.running_loss)),
    )
    assert [e.number for e in seen] == [0, 1, 2, 3]
    assert not seen[0].weights.any()
    assert np.array_equal(seen[-1].weights[:, 0], run.weights)
    assert seen[0].running_loss == pytest.approx(np.mean(y**2) / 2)


# --- streaming -------------------------------------------------------------------------------------------


def test_blocks_of_a_memory_map(tmp_path: Path) -> None:
    X, y = problem(50, 200)
    path = tmp_path / "rows.npy"
    np.save(path, X)
    mapped = np.load(path, mmap_mode="r")
    config = SGDConfig(epochs=2000, tol=1e-12, batch=4)
    run = sgd(as_rows(mapped, block_rows=16), y, config)
    assert run.status.value == "converged"
    assert relative_error(run.weights, np.linalg.pinv(X) @ y) < 1e-8
    again = sgd(as_rows(X, block_rows=16), y, config)
    assert np.array_equal(run.weights, again.weights)


def test_features_computed_block_by_block() -> None:
    X, y = problem(30, 5)
    omega = 2 * np.random.default_rng(6).standard_normal((5, 300))

    def features(rows: np.ndarray) -> np.ndarray:
        return np.cos(rows @ omega)

    streamed = sgd(as_rows(X, transform=features, block_rows=8), y, SGDConfig(epochs=20_000, tol=1e-12))
    assert streamed.status.value == "converged"
    assert relative_error(streamed.weights, np.linalg.pinv(features(X)) @ y) < 1e-7


def test_bad_values_are_found_in_the_block_they_are_in() -> None:
    X, y = problem(50, 8)
    X[37, 5] = np.nan
    with pytest.raises(DataError, match=r"X contains NaN.*row 37, column 5"):
        sgd(as_rows(X, block_rows=16), y)


# --- stopping and diverging ------------------------------------------------------------------------------


def test_it_stops_at_the_residual_asked_for() -> None:
    X, y = problem()
    loose, tight = (sgd(X, y, SGDConfig(epochs=5000, tol=tol)) for tol in (1e-3, 1e-12))
    assert loose.status.value == tight.status.value == "converged"
    assert loose.epochs < tight.epochs
    for run, tol in ((loose, 1e-3), (tight, 1e-12)):
        found = np.linalg.norm(X @ run.weights - y) / np.linalg.norm(y)
        assert found <= tol
        assert run.relative_residual == pytest.approx(found, rel=1e-2)
    assert sgd(X, y, SGDConfig(epochs=2)).status.value == "max_epochs"
    assert sgd(X, y, SGDConfig(epochs=0)).epochs == 0


@pytest.mark.parametrize("batch", [1, 4, 23])
@pytest.mark.parametrize("factor", [4.0, 100.0, 1e6])
def test_a_step_too_large_is_found_in_the_first_epoch_and_a_safe_one_named(batch: int, factor: float) -> None:
    X, y = problem()
    safe = sgd(X, y, SGDConfig(step="1/L", batch=batch, epochs=1)).step
    run = sgd(X, y, SGDConfig(step=2 * factor * safe, batch=batch, epochs=50))
    assert run.status.value == "diverged"
    assert run.epochs == 1
    assert f"step={safe:.3g} converges" in run.message
    with pytest.raises(NotConverged, match="diverged in epoch 1"):
        run.check_finite()
    named = float(run.message.split("step=")[1].split(" ")[0])
    assert sgd(X, y, SGDConfig(step=named, batch=batch, epochs=20_000, tol=1e-8)).status.value == "converged"


def test_a_warm_start_at_the_solution_is_not_taken_for_divergence() -> None:
    X, y = problem()
    first = sgd(X, y, SGDConfig(epochs=5000, tol=1e-13))
    run = sgd(X, y, SGDConfig(epochs=5, step=first.safe_step), start=first)
    assert run.status.value == "converged"


def test_noise_above_the_rank_is_not_taken_for_divergence() -> None:
    X, y = problem(300, 5)
    run = sgd(X, y, SGDConfig(epochs=30, step="1/L"))
    assert run.status.value == "max_epochs"
    assert "300 rows of 5 features" in run.message


# --- bad input -------------------------------------------------------------------------------------------


def test_zero_rows_take_no_step() -> None:
    X, y = problem()
    X[4], y[4] = 0.0, 0.0
    run = sgd(X, y, SGDConfig(epochs=5000, tol=1e-12))
    assert run.status.value == "converged"
    y[4] = 1.0
    run = sgd(X, y, SGDConfig(epochs=200, tol=1e-12))
    assert run.status.value == "max_epochs"
    assert run.relative_residual == pytest.approx(1 / np.linalg.norm(y), rel=1e-6)


def test_all_zero() -> None:
    run = sgd(np.zeros((3, 2)), np.zeros(3))
    assert run.status.value == "converged"
    assert not run.weights.any()


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        (np.ones((3, 2)), np.ones(2), "2 rows"),
        (np.ones(3), np.ones(3), "shape"),
        (np.ones((0, 2)), np.ones(0), "shape"),
        (np.full((3, 2), np.nan), np.ones(3), "row 0"),
        (np.ones((3, 2)), np.array([1.0, np.inf, 1.0]), "infinity"),
        (np.full((3, 2), 1e200), np.ones(3), "too large"),
        (np.full((3, 2), 1e19, np.float32), np.ones(3), "row 0, column 0"),
        (np.full((3, 2), 1e-170), np.ones(3), "row 0 of X .* too short .* multiply"),
        (np.diag([1.0, 1e-25]).astype("f4"), np.ones(2), "row 1 of X .* too short .* float32"),
        (np.eye(2, dtype=np.float32), np.array([1.0, 1e40]), "float32.*infinity.*row 1"),
        (np.array([["a", "b"]]), np.ones(1), "dtype"),
        ([[1.0], [1.0, 2.0]], np.ones(2), "rectangular"),
    ],
)
def test_data_that_cannot_be_used(X: object, y: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        sgd(X, y)


def test_logistic_labels_are_signs() -> None:
    with pytest.raises(DataError, match="-1 and 1"):
        sgd(np.eye(2), [0.0, 1.0], SGDConfig(loss="logistic"))


@pytest.mark.parametrize("start", [np.ones(3), np.ones((2, 2)), np.full(2, np.nan)])
def test_starts_that_cannot_be_used(start: np.ndarray) -> None:
    with pytest.raises((UsageError, DataError), match="start"):
        sgd(np.eye(2), [1.0, 2.0], start=start)


def test_a_run_on_other_features_cannot_go_on() -> None:
    X, y = problem()
    with pytest.raises(UsageError, match=r"1 output\(s\) of 41 feature\(s\), these data 1 of 40"):
        sgd(X[:, 1:], y, start=sgd(X, y))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_largest_step_there_is_diverges_like_any_other(dtype: str) -> None:
    X, y = problem()
    run = sgd(X.astype(dtype), y, SGDConfig(step=1e308))
    assert (run.status.value, run.epochs) == ("diverged", 1)


def test_a_tolerance_below_rounding_is_said_so() -> None:
    X, y = problem()
    assert "float32 cannot reach" in sgd(X.astype("f4"), y, SGDConfig(epochs=500)).message
    assert "float32" not in sgd(X.astype("f4"), y, SGDConfig(epochs=2, tol=1e-5)).message
    assert "cannot reach" not in sgd(X, y, SGDConfig(epochs=2)).message


@pytest.mark.parametrize(
    "change", [np.asfortranarray, lambda X: X[::-1, ::-1][::-1, ::-1], lambda X: X.astype(">f8")]
)
def test_any_layout_gives_the_same_bits(change: Callable[[np.ndarray], np.ndarray]) -> None:
    X, y = problem()
    assert np.array_equal(sgd(change(X), y).weights, sgd(X, y).weights)


@pytest.mark.parametrize(("n", "d"), [(1, 41), (1, 1), (23, 1)])
def test_one_row_or_one_feature(n: int, d: int) -> None:
    X, y = problem()
    run = sgd(X[:n, :d], y[:n], SGDConfig(step="1/L", batch=n, epochs=500))
    assert relative_error(run.weights, np.linalg.pinv(X[:n, :d]) @ y[:n]) <= 1e-9


def test_targets_out_of_reach_of_dependent_rows() -> None:
    X, y = problem()
    X = X[:, :3] @ X[:3]
    run = sgd(X, y, SGDConfig(step="1/L", batch=23, epochs=3000))
    least = np.linalg.norm(X @ np.linalg.pinv(X) @ y - y) / np.linalg.norm(y)
    assert run.status.value == "max_epochs"
    assert run.relative_residual == pytest.approx(least, rel=1e-9)
    assert "rank" in run.message


@pytest.mark.parametrize(
    "choice",
    [
        {"loss": "hinge"},
        {"step": "big"},
        {"step": -1.0},
        {"step": 0},
        {"batch": 0},
        {"batch": 1.5},
        {"epochs": -1},
        {"momentum": 1.0},
        {"momentum": -0.1},
        {"weight_decay": -1.0},
        {"tol": np.nan},
        {"nesterov": True},
        {"step": "line-search", "loss": "logistic"},
        {"step": "line-search", "weight_decay": 0.1},
    ],
    ids=str,
)
def test_choices_that_cannot_be_made(choice: dict) -> None:
    with pytest.raises(UsageError):
        SGDConfig(**choice)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("loss", ["square", "logistic"])
def test_two_steps_in_one_sweep_are_two_steps(n: int, outputs: int, decay: float, loss: str) -> None:
    """Against plain Python, at every parity; rows drawn with replacement meet themselves, too."""
    rng = np.random.default_rng([n, outputs])
    X, order = rng.standard_normal((n, 300)), rng.integers(n, size=n)
    order[: n // 2] = order[0]
    Y = np.sign(rng.standard_normal((outputs, n)))
    steps = rng.uniform(1e-3, 2e-3, n)
    W = rng.standard_normal((outputs, 300)) / 10
    expected, losses = W.copy(), 0.0
    for i in order:
        for k in range(outputs):
            f = expected[k] @ X[i]
            if loss == "square":
                losses, slope = losses + (f - Y[k, i]) ** 2 / 2, f - Y[k, i]
            else:
                losses, slope = losses + np.log1p(np.exp(-Y[k, i] * f)), -Y[k, i] / (1 + np.exp(Y[k, i] * f))
            expected[k] = (1 - steps[i] * decay) * expected[k] - steps[i] * slope * X[i]
    nothing = np.empty((outputs, 0))
    kind = SQUARE if loss == "square" else LOGISTIC
    found = row_by_row(X, Y, order, W, nothing, nothing, steps, 0.0, 0.0, decay, kind)
    bound = 300 * n * np.finfo(float).eps
    assert np.abs(W - expected).max() <= bound * np.abs(expected).max()
    assert abs(found - losses) <= 10 * bound * (losses + n)
