"""Image folders: layouts, kinds of pixels, images that cannot be used."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from kernelgen.datasets import load_dataset
from kernelgen.errors import DataError, DataMissing, UsageError

Image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install 'kernelgen[images]'")


def write_images(folder, n, *, seed=0, shape=(5, 4, 3), suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(seed).integers(0, 256, (n, *shape)).astype(np.uint8)
    for i, values in enumerate(images):
        Image.fromarray(values).save(folder / f"{i:03d}{suffix}")
    return images


@pytest.fixture
def classes(tmp_path):
    """Two classes side by side: 10 of ants, 5 of bees."""
    return tmp_path, write_images(tmp_path / "ants", 10), write_images(tmp_path / "bees", 5, seed=1)


def test_classes_are_split_by_seed(classes):
    top, ants, bees = classes
    data = load_dataset("folder", data_dir=top, seed=3)
    assert data.class_names == ("ants", "bees")
    assert np.bincount(data.y_train).tolist() == [8, 4]
    assert np.bincount(data.y_test).tolist() == [2, 1]
    assert data.image_shape == (5, 4, 3)
    rows = {row.tobytes(): label for rows, label in ((ants, 0), (bees, 1)) for row in rows}
    seen = [(row.tobytes(), label) for row, label in zip(data.X_train, data.y_train, strict=True)]
    seen += [(row.tobytes(), label) for row, label in zip(data.X_test, data.y_test, strict=True)]
    assert dict(seen) == rows
    np.testing.assert_array_equal(data.as_images(data.X_train[:1])[0].ravel(), data.X_train[0])


def test_the_seed_decides_and_only_it(classes):
    first, again, other = (load_dataset("folder", data_dir=classes[0], seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.X_train, again.X_train)
    assert not np.array_equal(first.X_train, other.X_train)
    assert len(set(first.y_train[:8].tolist())) == 2


@pytest.mark.parametrize("named", ["top", "parent"])
def test_train_and_test_folders(tmp_path, named):
    top = tmp_path / "pictures" / "insects"
    for part, n in (("train", 6), ("test", 3)):
        write_images(top / part / "ants", n)
        write_images(top / part / "bees", n, seed=1)
    write_images(top / "train" / "crickets", 2, seed=2)
    data = load_dataset("folder", data_dir=top if named == "top" else top.parent)
    assert data.class_names == ("ants", "bees", "crickets")
    assert np.bincount(data.y_train).tolist() == [6, 6, 2]
    assert np.bincount(data.y_test).tolist() == [3, 3]
    write_images(top / "test" / "wasps", 1)
    with pytest.raises(DataError, match="classes that train/ lacks: wasps"):
        load_dataset("folder", data_dir=top)


def test_kinds_of_pixels(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (4, 4, 3)).astype(np.uint8)
    grey = rgb[:, :, 0]
    opaque = np.dstack([rgb, np.full((4, 4), 255, np.uint8)])
    for name, picture, expected in (
        ("grey", Image.fromarray(grey), grey),
        ("rgb", Image.fromarray(rgb), rgb),
        ("opaque", Image.fromarray(opaque), rgb),
        ("bits", Image.fromarray(grey > 127), np.where(grey > 127, 255, 0)),
        ("palette", Image.fromarray(rgb).quantize(16), None),
    ):
        folder = tmp_path / name
        (folder / "a").mkdir(parents=True)
        for i in range(2):
            picture.save(folder / "a" / f"{i}.png")
        data = load_dataset("folder", data_dir=folder, test_fraction=0.5)
        if expected is not None:
            np.testing.assert_array_equal(data.X_train[0], np.ravel(expected))
        assert data.image_shape == (4, 4, 1 if name in ("grey", "bits") else 3)


def test_jpeg_and_other_files(tmp_path):
    write_images(tmp_path / "a", 4, suffix=".JPG")
    (tmp_path / "a" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "a" / ".hidden.png").write_bytes(b"x")
    data = load_dataset("folder", data_dir=tmp_path, test_fraction=0.25)
    assert len(data.X_train) == 3
    assert "1 files that are not PNG or JPEG" in data.provenance["notes"][0]


def test_progress_counts_files(classes):
    calls = []
    load_dataset("folder", data_dir=classes[0], progress=lambda *call: calls.append(call))
    assert calls == [("images", 15, 15)]


def damaged(path):
    path.write_bytes(path.read_bytes()[:60])


def other_size(path):
    Image.new("RGB", (9, 9)).save(path)


def other_channels(path):
    Image.new("L", (4, 5)).save(path)


def transparent(path):
    Image.new("RGBA", (4, 5)).save(path)


def deep(path):
    Image.fromarray(np.zeros((5, 4), np.uint16)).save(path)


def empty(path):
    path.write_bytes(b"")


def gif(path):
    Image.new("L", (4, 5)).save(path, format="GIF")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (damaged, "is not a readable image"),
        (empty, "is not a readable image"),
        (gif, "is not a readable image"),
        (other_size, "is 9 x 9 with 3 channels, but .* is 4 x 5 with 3 channels"),
        (other_channels, "is 4 x 5 with 1 channel, but"),
        (transparent, "transparent pixels"),
        (deep, "pixel type I;16"),
    ],
)
def test_an_image_that_cannot_be_used_is_named(classes, spoil, message):
    path = classes[0] / "bees" / "002.png"
    spoil(path)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset("folder", data_dir=classes[0])
    assert str(path) in str(caught.value)


def test_folders_without_images(tmp_path):
    with pytest.raises(DataMissing, match="needs a folder"):
        load_dataset("folder")
    with pytest.raises(DataMissing, match="does not exist"):
        load_dataset("folder", data_dir=tmp_path / "absent")
    with pytest.raises(DataMissing, match="has no sub-folders"):
        load_dataset("folder", data_dir=tmp_path)
    write_images(tmp_path / "a", 1)
    with pytest.raises(DataError, match="too few"):
        load_dataset("folder", data_dir=tmp_path)
    (tmp_path / "b").mkdir()
    with pytest.raises(DataMissing, match="b is a class without images"):
        load_dataset("folder", data_dir=tmp_path)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1, float("nan")])
def test_a_fraction_out_of_range(classes, fraction):
    with pytest.raises(UsageError, match="test_fraction"):
        load_dataset("folder", data_dir=classes[0], test_fraction=fraction)


def test_pillow_is_asked_for(classes, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"pip install 'kernelgen\[images\]'"):
        load_dataset("folder", data_dir=classes[0])
