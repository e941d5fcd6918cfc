from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kernelgen import Custom, Gaussian, Laplacian, Linear, Polynomial
from kernelgen.arrays.points import Points
from kernelgen.arrays.tensor_file import open_tensors, write_tensors
from kernelgen.errors import DataError, DataMissing, UsageError
from kernelgen.estimators.model import Model
from kernelgen.estimators.model_file import VERSION, load_model, save_model
from kernelgen.features import FeatureValues, Layout, make_features

RNG = np.random.default_rng(12)
BYTES = Points(RNG.integers(0, 256, (20, 5), dtype=np.uint8), 1 / 255)
FLOATS = Points(RNG.normal(size=(20, 5)), 0.5, RNG.normal(size=5))
LAYOUT = '{"n_values": 5, "image_shape": null, "order": "planes"}'
KERNELS = [Gaussian(0.7), Laplacian(1.5), Polynomial(4, 0.5, 1.0, normalize=True), Linear()]


def make(points: Points = BYTES, kernel=KERNELS[0], classes=("ä", "b", "c")) -> Model:
    alpha = RNG.normal(size=(20, 1 if classes is None or len(classes) == 2 else len(classes)))
    return Model(
        points, alpha, kernel, None if classes is None else np.array(classes), metadata={"dataset": "d"}
    )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("points", [BYTES, FLOATS], ids=["bytes", "floats"])
@pytest.mark.parametrize("classes", [("ä", "b", "c"), (3, 8), None], ids=["three", "two", "regression"])
def test_a_model_comes_back_whole(tmp_path, points, kernel, classes) -> None:
    model = make(points, kernel, classes)
    save_model(model, tmp_path / "m.safetensors")
    back = load_model(tmp_path / "m.safetensors")
    assert (back.kernel, back.points.scale, back.features) == (kernel, points.scale, None)
    assert back.points.values.dtype == points.values.dtype
    assert back.metadata["dataset"] == "d"
    X = points.values[:4]
    np.testing.assert_array_equal(back.scores(X), model.scores(X))
    np.testing.assert_array_equal(back.decode(back.scores(X)), model.decode(model.scores(X)))


@pytest.mark.parametrize("spec", ["pixels", "standardize", "gabor:pool=2,stride=1,root=false+standardize"])
def test_features_come_back_with_what_they_learned(tmp_path, spec) -> None:
    layout = Layout(16, (4, 4, 1))
    X = RNG.integers(0, 256, (20, 16), dtype=np.uint8)
    fitted, (values, scale) = make_features(spec).fit_apply(FeatureValues(X, 1 / 255), layout)
    model = Model(
        Points(values, scale), RNG.normal(size=(20, 3)), Gaussian(1.0), np.arange(3), fitted, 1 / 255
    )
    save_model(model, tmp_path / "m")
    back = load_model(tmp_path / "m")
    assert (back.n_values, back.n_features) == (16, values.shape[1])
    assert back.features.layout == layout
    assert back.features.map == fitted.map
    other = RNG.integers(0, 256, (5, 16), dtype=np.uint8)
    np.testing.assert_array_equal(back.scores(other), model.scores(other))


def test_any_safetensors_reader_reads_it(tmp_path) -> None:
    from safetensors.numpy import load_file

    model = make()
    save_model(model, tmp_path / "m.safetensors")
    np.testing.assert_array_equal(load_file(tmp_path / "m.safetensors")["alpha"], model.alpha)


def test_a_function_cannot_be_saved(tmp_path) -> None:
    with pytest.raises(UsageError, match="Custom"):
        save_model(make(kernel=Custom(np.exp)), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def tampered(tmp_path: Path, **changes: str) -> Path:
    path = tmp_path / "m.safetensors"
    save_model(make(), path)
    tensors, text = open_tensors(path, mmap=False)
    write_tensors(path, tensors, {**text, **changes})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": "99"}, f"format version 99.* reads version {VERSION}"),
        ({"format": "kernelgen-factor"}, "a kernelgen-factor file, not a model"),
        ({"format": ""}, "something else, not a model"),
        ({"scale": "x"}, "damaged"),
        ({"kernel": "{"}, "damaged"),
        ({"kernel": '{"name": "gaussian", "bandwidth": -1}'}, "damaged"),
        ({"classes": "[1, 2]"}, "damaged"),
        ({"input_scale": "x"}, "damaged"),
        ({"features": '{"name": "gabr"}', "layout": LAYOUT}, "damaged"),
        ({"features": '{"name": "pixels"}', "layout": LAYOUT.replace("5", "4")}, "damaged"),
        ({"features": '{"name": "standardize"}', "layout": LAYOUT}, "damaged"),
        ({"features": '{"name": "pixels"}', "layout": LAYOUT.replace("planes", "rows")}, "damaged"),
    ],
)
def test_other_files_are_refused(tmp_path, changes, message) -> None:
    with pytest.raises(DataError, match=message):
        load_model(tampered(tmp_path, **changes))


def test_truncated_and_missing(tmp_path) -> None:
    path = tampered(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="truncated"):
        load_model(path)
    with pytest.raises(DataMissing):
        load_model(tmp_path / "none.safetensors")


SAVE_FOREVER = """
import sys, numpy as np
from kernelgen import Gaussian
from kernelgen.arrays.points import Points
from kernelgen.estimators.model import Model
from kernelgen.estimators.model_file import save_model
n, value, path = 200_000, float(sys.argv[1]), sys.argv[2]
model = Model(Points(np.zeros((n, 8), dtype=np.uint8)), np.full((n, 1), value), Gaussian(1.0), np.array([0, 1]))
print("ready", flush=True)
while True:
    save_model(model, path)
"""


@pytest.fixture
def savers(tmp_path):
    """Two processes that save different models to one path, over and over."""
    path = tmp_path / "m.safetensors"
    running = [
        subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, value, path], stdout=subprocess.PIPE, text=True)
        for value in ("1", "2")
    ]
    try:
        for process in running:
            assert process.stdout.readline() == "ready\n"
        yield path, running
    finally:
        for process in running:
            process.kill()
            process.wait()
            process.stdout.close()


def test_readers_meet_whole_files_only_whoever_saves_or_is_killed(savers) -> None:
    path, running = savers
    seen = set()
    for moment in range(40):
        time.sleep(0.02)
        if path.exists():
            alpha = load_model(path).alpha
            seen.add(float(alpha[0, 0]))
            assert np.ptp(alpha) == 0
        if moment == 20:
            running[0].send_signal(signal.SIGKILL)
    running[1].send_signal(signal.SIGKILL)
    running[1].wait()
    assert np.ptp(load_model(path).alpha) == 0
    assert seen <= {1.0, 2.0}


def test_metadata_cannot_replace_what_the_format_says(tmp_path) -> None:
    save_model(replace(make(), metadata={"format": "mine", "note": "kept"}), tmp_path / "m")
    assert load_model(tmp_path / "m").metadata == {"note": "kept"}
