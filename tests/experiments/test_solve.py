from __future__ import annotations

import json

import numpy as np
import pytest

from kernelgen.errors import BudgetExceeded, DataError, DataMissing, NotPositiveDefinite, UsageError
from kernelgen.estimators.model_file import load_model
from kernelgen.experiments.solve import SolveConfig, prepare_solve, run_solve

KEYS = {
    "dataset", "kernel", "bandwidth", "n_train", "n_test", "n_features", "test_error", "train_error", "certificate",
    "seconds", "planned_bytes", "peak_bytes", "engine", "precision", "threads", "seed", "versions",
}  # fmt: skip
CERTIFICATE = {
    "max_residual",
    "relative_residual",
    "min_pivot",
    "min_pivot_row",
    "condition_estimate",
    "rkhs_norm",
}
SECONDS = {"gram", "factor", "solve", "refine", "predict", "total"}


@pytest.fixture
def blobs(tmp_path):
    """Path of a data set of three clouds in the plane, with names for classes."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 150)
    X = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])[y] + rng.normal(size=(150, 2))
    path = tmp_path / "blobs.npz"
    np.savez(path, X=X, y=np.array(["ash", "beech", "cedar"])[y])
    return str(path)


@pytest.fixture(scope="module")
def digits():
    return run_solve(SolveConfig(n_train=500)).as_dict()


def test_the_record_has_the_fixed_keys_and_is_json(digits) -> None:
    assert set(digits) >= KEYS
    assert set(digits["certificate"]) >= CERTIFICATE
    assert set(digits["seconds"]) >= SECONDS
    assert json.loads(json.dumps(digits, allow_nan=False)) == digits


def test_digits_are_interpolated(digits) -> None:
    assert (digits["dataset"], digits["n_train"], digits["n_test"], digits["n_features"]) == (
        "digits",
        500,
        360,
        64,
    )
    assert digits["train_error"] == 0
    assert 0 < digits["test_error"] < 0.12
    assert digits["certificate"]["relative_residual"] < 1e-12
    assert digits["kernel_parameters"] == {"name": "gaussian", "bandwidth": digits["bandwidth"]}
    assert digits["seconds"]["total"] >= digits["seconds"]["factor"] > 0
    assert digits["peak_bytes"] >= 0
    assert digits["planned_bytes"] > 500**2 / 2 * 8


def test_one_config_gives_one_result(digits) -> None:
    again = run_solve(SolveConfig(n_train=500)).as_dict()
    for key in ("bandwidth", "test_error", "certificate", "command"):
        assert again[key] == digits[key]


@pytest.mark.parametrize("precision", ["float64", "mixed", "float32"])
@pytest.mark.parametrize("engine", ["auto", "portable"])
def test_every_precision_on_every_engine(precision, engine) -> None:
    record = run_solve(SolveConfig(n_train=300, precision=precision, engine=engine))
    assert record.precision == precision
    assert record.train_error == 0
    assert (
        record.certificate["relative_residual"]
        < {"float64": 1e-12, "mixed": 1e-10, "float32": 1e-3}[precision]
    )


@pytest.mark.parametrize(
    "kernel", [{"kernel": "laplacian"}, {"kernel": "polynomial", "degree": 4, "normalize": True}]
)
def test_other_kernels(kernel) -> None:
    record = run_solve(SolveConfig(n_train=300, n_test=100, **kernel))
    assert (record.train_error, record.n_test) == (0, 100)
    assert record.test_error < 0.2


def test_labels_are_corrupted_in_training_only() -> None:
    config = SolveConfig(n_train=500, labels="corrupted:0.3", seed=5)
    problem, record = prepare_solve(config), run_solve(config)
    changed = np.flatnonzero(problem.y_train != problem.data.y_train)
    assert record.label_changes == len(changed)
    assert 0.2 < len(changed) / 500 < 0.35
    assert record.train_error == 0  # it fits the corrupted labels
    assert 0.05 < record.test_error < 0.6
    assert run_solve(SolveConfig(n_train=500, labels="random")).test_error > 0.7


def test_names_of_classes_and_the_saved_model(blobs, tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    record = run_solve(SolveConfig(blobs, n_train=100, n_test=20), save=path)
    model = load_model(path)
    assert model.classes.tolist() == ["ash", "beech", "cedar"]
    assert record.model == str(path)
    data = prepare_solve(SolveConfig(blobs)).data
    predicted = model.decode(model.scores(data.X_test[:20]))
    truth = np.array(data.class_names)[data.y_test[:20]]
    assert np.mean(predicted != truth) == record.test_error
    assert model.metadata["command"] == record.command


def test_two_classes(blobs, tmp_path) -> None:
    with np.load(blobs) as arrays:
        np.savez(tmp_path / "two.npz", X=arrays["X"], y=arrays["y"] == "ash")
    record = run_solve(SolveConfig(str(tmp_path / "two.npz")), save=tmp_path / "m")
    assert record.n_classes == 2
    assert load_model(tmp_path / "m").alpha.shape == (record.n_train, 1)


def test_no_test_rows(blobs) -> None:
    assert run_solve(SolveConfig(blobs, n_test=0)).test_error is None


def test_merged_duplicates_are_recorded(tmp_path) -> None:
    X = np.arange(40.0).reshape(20, 2)
    arrays = {
        "X_train": np.vstack([X, X[:4]]),
        "y_train": np.arange(24) % 20 % 3,
        "X_test": X,
        "y_test": np.arange(20) % 3,
    }
    np.savez(tmp_path / "d.npz", **arrays)
    record = run_solve(SolveConfig(str(tmp_path / "d.npz"), bandwidth=3.0))
    assert record.certificate["n_merged_duplicates"] == 4
    assert (record.train_error, record.test_error, record.n_train) == (0, 0, 24)


def test_over_budget_is_refused_before_the_solve() -> None:
    with pytest.raises(BudgetExceeded):
        run_solve(SolveConfig(n_train=500, memory_budget="500kB"))


def test_not_positive_definite() -> None:
    with pytest.raises(NotPositiveDefinite):
        run_solve(SolveConfig(n_train=300, bandwidth=1e8))


def test_one_class(tmp_path) -> None:
    np.savez(tmp_path / "one.npz", X=np.arange(10.0)[:, None], y=np.zeros(10, dtype=int))
    with pytest.raises(DataError, match="one class"):
        run_solve(SolveConfig(str(tmp_path / "one.npz")))


def test_a_bad_destination_is_found_before_the_work(tmp_path) -> None:
    called = []
    with pytest.raises(DataError, match="no folder"):
        run_solve(SolveConfig(n_train=100), save=tmp_path / "no" / "m", progress=called.append)
    assert not called


def test_a_missing_file() -> None:
    with pytest.raises(DataMissing):
        run_solve(SolveConfig("nowhere.npz"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kernel": "cubic"},
        {"bandwidth": -1.0}, {"bandwidth": 0.0}, {"bandwidth": "wide"}, {"bandwidth": float("nan")},
        {"kernel": "linear", "bandwidth": 2.0}, {"degree": 2}, {"normalize": True}, {"ridge": -1e-9},
        {"labels": "wrong"}, {"precision": "float16"}, {"n_train": 0}, {"n_test": -1}, {"seed": -1},
        {"features": "gabr"}, {"features": "gabor:pool=0"}, {"features": "gabor+"}, {"bandwidth": "auto:0"},
        {"kernel": "linear", "bandwidth": "auto:2"},
    ],
)  # fmt: skip
def test_a_config_checks_itself(wrong) -> None:
    with pytest.raises(UsageError):
        SolveConfig(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"n_train": 1438}, {"n_test": 361}, {"dataset": "mnits"}, {"threads": 10_000}]
)
def test_what_only_the_data_or_the_machine_can_tell(wrong) -> None:
    with pytest.raises(UsageError):
        prepare_solve(SolveConfig(**wrong))


def test_the_command_runs_the_same_config() -> None:
    assert SolveConfig().command() == "kernelgen solve"
    config = SolveConfig(
        "my data.npz", bandwidth=5.0, ridge=1e-3, offline=True, memory_budget="8GB", labels="random"
    )
    assert config.command() == (
        "kernelgen solve --dataset 'my data.npz' --offline --bandwidth 5 --ridge 0.001 --labels random "
        "--memory-budget 8GB"
    )


FEATURES = [
    "gabor:pool=3,stride=1+standardize",
    "scattering:scales=2",
    "wavelet:pool=2,stride=2",
    "standardize",
]


@pytest.mark.parametrize("features", FEATURES)
def test_features_are_planned_made_recorded_and_saved(features, tmp_path) -> None:
    config = SolveConfig(n_train=400, features=features)
    problem = prepare_solve(config)
    assert problem.points is None  # a plan makes no features
    assert problem.kernel is None
    assert problem.plan.phases[0].name == "features"
    assert problem.plan.seconds > problem.plan.phases[0].seconds > 0
    told = []
    record = run_solve(config, save=tmp_path / "m", progress=told.append)
    assert (record.train_error, record.features) == (0.0, features)
    assert record.test_error < 0.12
    assert record.n_features == problem.plan.n_features
    assert record.bandwidth > 0
    assert record.seconds["features"] > 0
    assert record.seconds["total"] > record.seconds["features"]
    assert {p.phase for p in told} >= {"features", "factor"}
    assert record.feature_parameters["name"] in (features.split(":")[0], "chain")
    held = 400 * record.n_features * 4
    assert problem.plan.phases[1].bytes > held
    assert problem.plan.phases[0].bytes >= held
    data = problem.data
    model = load_model(tmp_path / "m")
    predicted = model.decode(model.scores(data.X_test))
    assert np.mean(predicted != np.array(data.class_names, dtype=int)[data.y_test]) == record.test_error
    assert json.loads(json.dumps(record.as_dict(), allow_nan=False)) == record.as_dict()


def test_a_kernel_without_a_rule_does_not_wait_for_the_features() -> None:
    assert (
        prepare_solve(SolveConfig(n_train=50, features="standardize", bandwidth=8.0)).kernel.bandwidth == 8.0
    )
    assert (
        prepare_solve(SolveConfig(n_train=50, features="standardize", kernel="linear")).kernel.name
        == "linear"
    )


def test_a_multiple_of_the_rule() -> None:
    once, thrice = (
        run_solve(SolveConfig(n_train=300, features="standardize", bandwidth=text)).bandwidth
        for text in ("auto", "auto:3")
    )
    assert thrice == pytest.approx(3 * once)
    assert SolveConfig(bandwidth="auto:3").command() == "kernelgen solve --bandwidth auto:3"


def test_features_over_budget_are_refused_before_they_are_made() -> None:
    told = []
    with pytest.raises(BudgetExceeded):
        run_solve(
            SolveConfig(n_train=500, features="gabor:pool=2,stride=1", memory_budget="3MB"),
            progress=told.append,
        )
    assert not told


def test_features_of_rows_that_are_no_images(blobs) -> None:
    with pytest.raises(UsageError, match="not known to be images"):
        prepare_solve(SolveConfig(blobs, features="gabor"))
    assert run_solve(SolveConfig(blobs, features="standardize", n_test=0)).test_error is None
