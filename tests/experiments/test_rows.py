from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from kernelgen import Gaussian
from kernelgen.arrays.points import Points
from kernelgen.errors import DataError, DataMissing
from kernelgen.estimators.model import Model
from kernelgen.experiments.rows import read_rows

RNG = np.random.default_rng(41)
IMAGES = RNG.integers(0, 256, (4, 3, 2, 3), dtype=np.uint8)  # height 3, width 2, three channels


def make(layout: str = "interleaved", shape: str = "3 x 2 x 3", n_features: int = 18) -> Model:
    points = Points(RNG.integers(0, 256, (5, n_features), dtype=np.uint8), 1 / 255)
    metadata = {"image_shape": shape, "layout": layout}
    return Model(points, np.zeros((5, 3)), Gaussian(1.0), np.array(["cat", "dog", "eel"]), metadata=metadata)


@pytest.fixture
def folder(tmp_path):
    for name, image in zip("dbac", IMAGES, strict=True):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def test_a_folder_of_images(folder) -> None:
    rows = read_rows(str(folder), make())
    assert rows.names == ["a.png", "b.png", "c.png", "d.png"]
    np.testing.assert_array_equal(rows.values, IMAGES[[2, 1, 3, 0]].reshape(4, 18))
    assert rows.labels is None


def test_the_order_of_values_is_the_model_s(folder) -> None:
    rows = read_rows(str(folder), make(layout="planes"))
    np.testing.assert_array_equal(rows.values[0].reshape(3, 3, 2), IMAGES[2].transpose(2, 0, 1))


@pytest.mark.parametrize(("names", "known"), [(("dog", "eel"), True), (("dog", "fox"), False)])
def test_sub_folders_give_labels_if_the_model_knows_them(folder, names, known) -> None:
    for name, image in zip(names, "ab", strict=True):
        (folder / name).mkdir()
        (folder / f"{image}.png").rename(folder / name / f"{image}.png")
    for image in "cd":
        (folder / f"{image}.png").unlink()
    rows = read_rows(str(folder), make())
    assert rows.names == [f"{names[0]}/a.png", f"{names[1]}/b.png"]
    assert (rows.labels is not None) == known


def test_another_size_is_refused(folder) -> None:
    with pytest.raises(DataError, match=r"a.png is 3 x 2 x 3 .* trained on 28 x 28 x 1"):
        read_rows(str(folder), make(shape="28 x 28 x 1", n_features=784))
    with pytest.raises(DataError, match="18 values"):
        read_rows(str(folder), make(shape="", n_features=20))


def test_arrays(tmp_path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    rows = read_rows(str(tmp_path / "x.npy"), make())
    assert (rows.values.shape, rows.names) == ((4, 18), ["0", "1", "2", "3"])
    with pytest.raises(DataError, match="18 values a row, the model was trained on 20"):
        read_rows(str(tmp_path / "x.npy"), make(n_features=20))


def test_values_that_are_not_raw_get_a_warning(tmp_path) -> None:
    np.save(tmp_path / "x.npy", IMAGES.reshape(4, 18) / 255)
    assert "must be raw" in read_rows(str(tmp_path / "x.npy"), make()).warnings[0]


def test_a_data_set_by_name() -> None:
    rows = read_rows("digits", make(n_features=64, shape="8 x 8 x 1"))
    assert rows.values.shape == (360, 64)
    assert set(rows.labels) <= set("0123456789")


def test_nothing_there(tmp_path) -> None:
    with pytest.raises(DataMissing, match="no data set"):
        read_rows("nowhere", make())
    with pytest.raises(DataMissing, match="no image"):
        read_rows(str(tmp_path), make())
