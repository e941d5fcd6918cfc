"""Rows to predict for: from a data set, an array file or a folder of images, in the order a model expects them."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.datasets.arrays_file import SUFFIXES as ARRAY_SUFFIXES
from kernelgen.datasets.arrays_file import read_array
from kernelgen.datasets.dataset import LoadProgress
from kernelgen.datasets.folder import SUFFIXES as IMAGE_SUFFIXES
from kernelgen.datasets.folder import read_image
from kernelgen.datasets.registry import DATASETS, load_dataset
from kernelgen.errors import DataError, DataMissing
from kernelgen.estimators.model import Model


@dataclass(frozen=True)
class Rows:
    """Raw values, a name for each row, and the true labels where they are known.

    Parameters
    ----------
    values : array, shape (m, d)
    names : list of str
        File names of images; row numbers, from 0, otherwise.
    labels : array of str, shape (m,), or None
    warnings : list of str
    """

    values: NDArray[Any]
    names: list[str]
    labels: NDArray[np.str_] | None = None
    warnings: list[str] = field(default_factory=list)


def read_rows(
    source: str,
    model: Model,
    *,
    data_dir: str | PathLike[str] | None = None,
    offline: bool = False,
    progress: LoadProgress | None = None,
) -> Rows:
    """Read the rows that `source` names.

    Parameters
    ----------
    source : str
        Name of a data set (its test rows), an ``.npy`` or ``.npz`` file, or a folder of PNG or JPEG images,
        or of such folders, one a class. A name of a data set wins over a folder of that name; write
        ``./mnist`` for that.
    model : Model
        Says the size of an image and the order of its values in a row.
    data_dir, offline, progress
        As for :func:`kernelgen.datasets.load_dataset`.

    Raises
    ------
    DataMissing, DataError
        Nothing there; a damaged file; images of another size than the model's.
    """
    if source in DATASETS:
        rows = _dataset_rows(source, data_dir, offline, progress)
    elif Path(source).suffix in ARRAY_SUFFIXES:
        values = read_array(Path(source).expanduser())
        rows = Rows(values, [str(row) for row in range(len(values))])
    elif Path(source).expanduser().is_dir():
        rows = _folder_rows(Path(source).expanduser(), model, progress)
    else:
        names = ", ".join(DATASETS)
        raise DataMissing(
            f"{source} is no data set ({names}), no {' or '.join(ARRAY_SUFFIXES)} file, and no folder"
        )
    if rows.values.shape[1] != model.n_values:
        raise DataError(
            f"{source} has {rows.values.shape[1]} values a row, the model was trained on {model.n_values}"
        )
    rows.warnings.extend(_unit_warnings(rows.values, model))
    return rows


def _dataset_rows(
    name: str, data_dir: str | PathLike[str] | None, offline: bool, progress: LoadProgress | None
) -> Rows:
    data = load_dataset(name, data_dir=data_dir, offline=offline, progress=progress)
    labels = np.array(data.class_names)[data.y_test]
    names = [str(row) for row in range(len(labels))]
    return Rows(data.X_test, names, labels, list(data.provenance.get("warnings", [])))


def _folder_rows(folder: Path, model: Model, progress: LoadProgress | None) -> Rows:
    files = _images(folder)
    has_classes = not files
    if has_classes:
        files = [file for place in sorted(folder.iterdir()) if place.is_dir() for file in _images(place)]
    if not files:
        raise DataMissing(
            f"{folder} has no image: no {', '.join(IMAGE_SUFFIXES)} file in it or one level below"
        )
    values = np.empty((len(files), model.n_values), dtype=np.uint8)
    for row, file in enumerate(files):
        values[row] = _as_row(read_image(file), file, model)
        if progress is not None and (row % 256 == 255 or row == len(files) - 1):
            progress("images", row + 1, len(files))
    labels = np.array([file.parent.name for file in files]) if has_classes else None
    known = np.array([]) if model.classes is None else model.classes.astype(str)
    if labels is not None and not np.isin(labels, known).all():
        labels = None  # sub-folders that are no classes of this model
    return Rows(values, [str(file.relative_to(folder)) for file in files], labels)


def _images(folder: Path) -> list[Path]:
    return sorted(
        file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()
    )


def _as_row(image: NDArray[np.uint8], file: Path, model: Model) -> NDArray[np.uint8]:
    """Return an image of shape (height, width, channels) as a row in the model's order."""
    expected = model.metadata.get("image_shape", "")
    found = " x ".join(str(side) for side in image.shape)
    if expected and found != expected:
        raise DataError(f"{file} is {found} (height, width, channels), the model was trained on {expected}")
    if image.size != model.n_values:
        raise DataError(f"{file} is {found}, {image.size} values; the model was trained on {model.n_values}")
    if model.metadata.get("layout") == "planes":
        image = image.transpose(2, 0, 1)
    return image.ravel()


def _unit_warnings(values: NDArray[Any], model: Model) -> list[str]:
    """Warn of values already divided by their maximum, where the model divides raw ones."""
    largest = float(values.max(initial=0))
    is_raw = model.features is None or model.features.map.name == "pixels"
    trained = float(model.points.values.max(initial=0)) if is_raw else 1 / model.input_scale
    if values.dtype.kind == "f" and 0 < largest <= 1.0 and trained > 2.0:
        text = f"the largest value is {largest:.3g}, in the training data about {trained:.4g}"
        return [f"{text}: values must be raw, the model applies its scale itself"]
    return []
