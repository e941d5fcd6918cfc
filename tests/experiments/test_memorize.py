from __future__ import annotations

import json

import numpy as np
import pytest

from kernelgen.errors import ConflictingLabels, DataError, UsageError
from kernelgen.experiments.memorize import MemorizeConfig, draw_sample, run_memorize
from kernelgen.experiments.memorize_sweep import SweepConfig, run_sweep
from kernelgen.memorize.network_file import load_network

KEYS = {
    "n_samples", "n_features", "depth", "width", "n_weights", "label_errors", "max_residual", "exact",
    "max_abs_weight", "smallest_eigenvalue", "smallest_singular_value", "seconds",
}  # fmt: skip


def test_the_record_has_the_fixed_keys_and_is_json() -> None:
    record = run_memorize(MemorizeConfig(n=120, d=9)).as_dict()
    assert set(record) >= KEYS
    assert set(record["n_weights"]) == {"tied", "nonzero", "dense", "formula"}
    assert set(record["seconds"]) == {"project", "build", "evaluate", "verify", "total"}
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["n_weights"]["tied"] == record["n_weights"]["formula"] == 2 * 120 + 9
    assert record["holds"]


@pytest.mark.parametrize("labels", ["random", "signs", "classes:3", "classes:1", "real"])
@pytest.mark.parametrize("builder", [{}, {"depth": 11}, {"builder": "yun"}, {"builder": "bubeck"}])
def test_every_kind_of_labels(labels: str, builder: dict) -> None:
    record = run_memorize(MemorizeConfig(n=100, d=8, labels=labels, **builder))
    assert (record.label_errors, record.holds) == (0, True)


@pytest.mark.parametrize("labels", ["random", "true", "signs"])
def test_real_images_exactly(labels: str) -> None:
    record = run_memorize(MemorizeConfig(dataset="digits", labels=labels))
    assert (record.n_samples, record.n_features) == (1437, 64)
    assert (record.label_errors, record.exact, record.max_residual) == (0, True, 0.0)


def test_random_labels_of_a_data_set_are_its_classes() -> None:
    sample = draw_sample(MemorizeConfig(dataset="digits", n=500))
    assert set(np.unique(sample.y)) == set(range(10))
    assert len(sample.X) == 500


def test_one_config_gives_one_result() -> None:
    first, again = (run_memorize(MemorizeConfig(n=90, seed=4)).as_dict() for _ in range(2))
    for record in (first, again):
        del record["seconds"]
    assert first == again


def test_midpoint_knots_are_worse_conditioned() -> None:
    left, midpoint = (run_memorize(MemorizeConfig(n=1000, knots=rule)) for rule in ("left", "midpoint"))
    assert midpoint.max_abs_weight > left.max_abs_weight
    assert midpoint.smallest_singular_value < left.smallest_singular_value


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx"])
def test_save(suffix: str, tmp_path) -> None:
    path = tmp_path / f"net{suffix}"
    record = run_memorize(MemorizeConfig(n=50, d=4), save=path)
    assert record.model == str(path)
    assert path.stat().st_size > 0
    if suffix == ".safetensors":
        sample = draw_sample(MemorizeConfig(n=50, d=4))
        assert np.array_equal(np.rint(load_network(path)(sample.X)[:, 0]), sample.y)


def test_a_bad_destination_is_found_before_the_work(tmp_path) -> None:
    told = []
    for path, error in ((tmp_path / "no" / "net.onnx", DataError), (tmp_path / "net.txt", UsageError)):
        with pytest.raises(error):
            run_memorize(MemorizeConfig(n=50), save=path, progress=lambda *what: told.append(what))
    assert told == []


def test_conflicting_labels_in_a_file(tmp_path) -> None:
    X = np.arange(20.0).reshape(10, 2)
    np.savez(tmp_path / "c.npz", X_train=X[[0, 1, 1]], y_train=[0, 1, 2], X_test=X, y_test=[0] * 10)
    with pytest.raises(ConflictingLabels, match="rows 1 and 2"):
        run_memorize(MemorizeConfig(dataset=str(tmp_path / "c.npz"), labels="true"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": 0}, {"d": 0}, {"depth": 1}, {"seed": -1}, {"labels": "lots"}, {"labels": "classes:"},
        {"labels": "classes:0"}, {"labels": "classes:-2"}, {"labels": "true"}, {"builder": "nobody"},
        {"knots": "right"}, {"direction": "up"}, {"dataset": "digits", "d": 3},
    ],
)  # fmt: skip
def test_a_config_checks_itself(wrong: dict) -> None:
    with pytest.raises(UsageError):
        MemorizeConfig(**wrong)


def test_what_only_the_data_can_tell() -> None:
    for wrong in ({"dataset": "digits", "n": 1438}, {"n": 10, "depth": 11}, {"dataset": "mnits"}):
        with pytest.raises(UsageError):
            run_memorize(MemorizeConfig(**wrong))


def test_the_command_says_the_config_and_no_folder() -> None:
    config = MemorizeConfig(dataset="mnist", data_dir="/somewhere", depth=9, labels="signs", offline=True)
    assert config.command() == "kernelgen memorize --dataset mnist --offline --labels signs --depth 9"


def test_a_sweep_checks_every_network() -> None:
    told = []
    record = run_sweep(
        SweepConfig(n=(5, 40), d=(1, 6), draws=2), progress=lambda *what: told.append(what)
    ).as_dict()
    assert record["all_hold"]
    assert record["n_networks"] == len(record["cells"]) == 2 * 2 * 4 + 2 * 2 * 5 - 4
    assert {row["knots"] for row in record["errors"]} == {"left", "midpoint"}
    assert told[-1] == (len(record["cells"]) + len(record["errors"]),) * 2
    assert json.loads(json.dumps(record, allow_nan=False))["cells"] == record["cells"]


def test_depths_of_a_sweep() -> None:
    assert SweepConfig().depths_for(100) == [2, 3, 12, 50, 100]
    assert SweepConfig(depths=(2, 7, 500)).depths_for(100) == [2, 7]
    for wrong in ({"n": ()}, {"d": (0,)}, {"draws": 0}, {"labels": "lots"}):
        with pytest.raises(UsageError):
            SweepConfig(**wrong)
