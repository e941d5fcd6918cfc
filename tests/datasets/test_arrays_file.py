"""NumPy files: names of the arrays, what is refused, what is kept as it is."""

from __future__ import annotations

import numpy as np
import pytest

from kernelgen.datasets import load_dataset, read_array
from kernelgen.errors import DataError, DataMissing

RNG = np.random.default_rng(4)
X = RNG.integers(0, 256, (20, 6)).astype(np.uint8)
Y = np.arange(20) % 3


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_four_arrays_are_taken_as_they_are(tmp_path):
    path = save(tmp_path / "d.npz", X_train=X[:15], y_train=Y[:15], X_test=X[15:], y_test=Y[15:])
    data = load_dataset(path)
    np.testing.assert_array_equal(data.X_train, X[:15])
    np.testing.assert_array_equal(data.y_test, Y[15:])
    assert data.X_train.dtype == np.uint8
    assert (data.name, data.maximum, data.image_shape) == ("d.npz", 255.0, None)
    assert data.class_names == ("0", "1", "2")
    with pytest.raises(DataError, match="not images"):
        data.as_images(data.X_train)


def test_two_arrays_are_split_by_seed(tmp_path):
    path = save(tmp_path / "d.npz", X=X, y=Y)
    data = load_dataset(str(path), seed=2, test_fraction=0.3)
    assert (len(data.X_train), len(data.X_test)) == (14, 6)
    both = np.vstack([data.X_train, data.X_test])
    assert sorted(map(tuple, both)) == sorted(map(tuple, X))
    np.testing.assert_array_equal(load_dataset(path, seed=2, test_fraction=0.3).X_train, data.X_train)


def test_npy_files_lie_side_by_side(tmp_path):
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    with pytest.raises(DataMissing, match=r"lacks y\.npy"):
        load_dataset(tmp_path / "X.npy")
    np.save(tmp_path / "y.npy", Y)
    data = load_dataset(tmp_path / "X.npy")
    assert data.X_train.dtype == np.float32
    assert data.maximum == 1.0
    np.save(tmp_path / "numbers.npy", X)
    with pytest.raises(DataError, match=r"X_train\.npy"):
        load_dataset(tmp_path / "numbers.npy")


def test_images_become_rows_and_a_maximum_is_read(tmp_path):
    path = save(tmp_path / "d.npz", X=X.reshape(20, 2, 3), y=Y, maximum=16)
    data = load_dataset(path)
    assert data.image_shape == (2, 3, 1)
    assert data.X_train.shape[1] == 6
    assert data.maximum == 16.0


def test_labels_are_numbered_in_sorted_order(tmp_path):
    path = save(
        tmp_path / "d.npz", X_train=X, y_train=np.array(["cat", "dog"] * 10), X_test=X[:1], y_test=["dog"]
    )
    data = load_dataset(path)
    assert data.class_names == ("cat", "dog")
    assert data.y_train[:2].tolist() == [0, 1]
    assert data.y_test.tolist() == [1]
    path = save(tmp_path / "d.npz", X_train=X, y_train=[-1, 7] * 10, X_test=X[:1], y_test=[7])
    assert load_dataset(path).class_names == ("-1", "7")
    path = save(tmp_path / "d.npz", X_train=X, y_train=[-1, 7] * 10, X_test=X[:1], y_test=[8])
    with pytest.raises(DataError, match=r"y_test\[0\] is 8, a label that y_train does not have"):
        load_dataset(path)


def with_nan():
    values = X.astype(float)
    values[3, 2] = np.nan
    values[5, 0] = np.inf
    return values


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": with_nan(), "y": Y}, r"X has 2 values that are NaN or infinite, the first at \[3, 2\]"),
        ({"X": X, "y": Y + 0.5}, "y has the type float64; labels are integers"),
        ({"X": X, "y": Y[:-1]}, "20 rows in X but 19 labels"),
        ({"X": X, "y": np.eye(20)}, r"y has shape \(20, 20\)"),
        ({"X": X[0], "y": Y}, r"X has shape \(6,\)"),
        ({"X": X[:0], "y": Y[:0]}, "not empty"),
        ({"X": X.astype(complex), "y": Y}, "complex128; real numbers"),
        ({"X": X.astype(str), "y": Y}, "real numbers"),
        ({"X": X, "y": np.arange(20)}, "too few"),
        ({"X": X, "y": Y, "maximum": 0}, "maximum must be one positive number"),
        ({"X": X, "labels": Y}, r"no y \(found: X, labels\)"),
        ({"X_train": X, "y_train": Y}, "no X_test, y_test"),
        ({"X_train": X, "y_train": Y, "X_test": X[:, :3], "y_test": Y}, "must agree"),
        ({"X_train": X, "y_train": Y, "X_test": X.astype(float), "y_test": Y}, "must agree"),
        ({"X_train": X, "y_train": Y, "X_test": X, "y_test": Y[:-2]}, "20 test rows but 18 test labels"),
    ],
)
def test_arrays_that_cannot_be_used(tmp_path, arrays, message):
    path = save(tmp_path / "d.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        load_dataset(path)
    assert str(path) in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / "d.npz"
    with pytest.raises(DataMissing, match="does not exist"):
        load_dataset(path)
    np.savez(path, X=np.array([{}], dtype=object), y=Y)
    with pytest.raises(DataError, match="a pickle"):
        load_dataset(path)
    whole = save(path, X=X, y=Y).read_bytes()
    for content in (b"", b"text", whole[:100], whole[:-30], whole[:60] + b"spoiled" + whole[67:]):
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            load_dataset(path)
        assert str(path) in str(caught.value)


def test_rows_to_predict_for(tmp_path):
    np.save(tmp_path / "rows.npy", X.reshape(20, 2, 3))
    np.testing.assert_array_equal(read_array(tmp_path / "rows.npy"), X)
    np.testing.assert_array_equal(read_array(save(tmp_path / "a.npz", X=X, y=Y)), X)
    np.testing.assert_array_equal(read_array(save(tmp_path / "b.npz", X_train=X, X_test=X[:3])), X[:3])
    with pytest.raises(DataMissing, match="no array X or X_test"):
        read_array(save(tmp_path / "c.npz", Z=X))
    (tmp_path / "rows.npy").write_bytes((tmp_path / "a.npz").read_bytes())
    with pytest.raises(DataError, match=r"rename it to \.npz"):
        read_array(tmp_path / "rows.npy")
    np.save(tmp_path / "rows.npy", X)
    (tmp_path / "a.npz").write_bytes((tmp_path / "rows.npy").read_bytes())
    with pytest.raises(DataError, match=r"rename it to \.npy"):
        read_array(tmp_path / "a.npz")
