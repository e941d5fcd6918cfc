"""A user's own images, one sub-folder a class: PNG or JPEG of one size, read through Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.datasets.dataset import Dataset, LoadProgress, build_provenance
from kernelgen.datasets.locate import DataRoot, check_is_folder, sub_folders
from kernelgen.datasets.split import stratified_split
from kernelgen.errors import DataError, DataMissing

SUFFIXES = (".png", ".jpg", ".jpeg")


def load_folder(
    root: DataRoot, *, seed: int = 0, test_fraction: float = 0.2, progress: LoadProgress | None = None
) -> Dataset:
    """Images of ``train/<class>/`` and ``test/<class>/``, or of ``<class>/`` split by seed, class by class.

    Classes are numbered in the order of their folders' names. Rows are in an order shuffled by `seed`, so
    that the first ones are a sample of all classes. Values are height, width, channel; grey images have one
    channel.

    Raises
    ------
    DataMissing
        No folder, or no images in it.
    DataError
        Pillow is absent; an image is damaged, of another size or of an unsupported kind (it is named); a
        class of test/ is not in train/.
    """
    if root.is_cache:
        raise DataMissing(
            "the data set `folder` needs a folder: name it with --data-dir or KERNELGEN_DATA_DIR"
        )
    check_is_folder(root)
    top = _find_top(root.path)
    has_split = _has_train(top)
    classes, files, labels, n_ignored = _list_images(top / "train" if has_split else top)
    notes = [f"{n_ignored} files that are not PNG or JPEG were passed over"] if n_ignored else []
    if has_split and (top / "test").is_dir():
        test_classes, test_files, test_codes, _ = _list_images(top / "test")
        unknown = sorted(set(test_classes) - set(classes))
        if unknown:
            raise DataError(f"{top / 'test'} has classes that train/ lacks: {', '.join(unknown[:5])}")
        test_labels = np.array([classes.index(name) for name in test_classes], dtype=np.int64)[test_codes]
        rng = np.random.default_rng(seed)
        train_rows, test_rows = rng.permutation(len(files)), rng.permutation(len(test_files))
        test_files = [test_files[row] for row in test_rows]
        y_test = test_labels[test_rows]
    else:
        train_rows, rows = stratified_split(labels, test_fraction, seed, source=top)
        test_files, y_test = [files[row] for row in rows], labels[rows]
        notes.append(f"split by seed {seed}, test fraction {test_fraction:g} of each class")
    train_files = [files[row] for row in train_rows]
    X, image_shape = _read_images([*train_files, *test_files], progress)
    return Dataset(
        name="folder",
        X_train=X[: len(train_files)],
        y_train=labels[train_rows],
        X_test=X[len(train_files) :],
        y_test=y_test,
        class_names=tuple(classes),
        maximum=255.0,
        source=str(top),
        image_shape=image_shape,
        layout="interleaved",
        provenance=build_provenance(notes=notes),
    )


def _has_train(folder: Path) -> bool:
    return (folder / "train").is_dir() and bool(sub_folders(folder / "train"))


def _find_top(folder: Path) -> Path:
    """`folder`, or its only sub-folder if that one holds train/."""
    inside = sub_folders(folder)
    return inside[0] if not _has_train(folder) and len(inside) == 1 and _has_train(inside[0]) else folder


def _list_images(folder: Path) -> tuple[list[str], list[Path], NDArray[np.int64], int]:
    """Class names, image files by name, their class numbers, and how many files are no images."""
    classes, files, labels, n_ignored = [], [], [], 0
    for label, place in enumerate(sub_folders(folder)):
        entries = sorted(
            entry for entry in place.iterdir() if entry.is_file() and not entry.name.startswith(".")
        )
        images = [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
        if not images:
            raise DataMissing(f"{place} is a class without images: no {', '.join(SUFFIXES)} file in it")
        classes.append(place.name)
        files += images
        labels += [label] * len(images)
        n_ignored += len(entries) - len(images)
    if not classes:
        raise DataMissing(
            f"{folder} has no sub-folders: put the images of each class into a folder of its own"
        )
    return classes, files, np.array(labels, dtype=np.int64), n_ignored


def _read_images(
    files: list[Path], progress: LoadProgress | None
) -> tuple[NDArray[np.uint8], tuple[int, int, int]]:
    """All files as rows, in order; their number times the size of the first is allocated once."""
    first = read_image(files[0])
    X = np.empty((len(files), first.size), dtype=np.uint8)
    for row, path in enumerate(files):
        image = read_image(path)
        if image.shape != first.shape:
            raise DataError(
                f"{path} is {_size_text(image)}, but {files[0]} is {_size_text(first)}: "
                "all images must have one size and one number of channels"
            )
        X[row] = image.ravel()
        if progress is not None and (row % 256 == 255 or row == len(files) - 1):
            progress("images", row + 1, len(files))
    return X, (first.shape[0], first.shape[1], first.shape[2])


def read_image(path: Path) -> NDArray[np.uint8]:
    """One PNG or JPEG file as uint8, shape (height, width, 1 or 3).

    Raises
    ------
    DataError
        Pillow is absent; or the file is damaged, has a depth other than 8 bits, or has transparent pixels.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError(
            "images are read with Pillow, which is not installed: pip install 'kernelgen[images]'"
        ) from error
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            values = _to_array(picture, path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is not a readable image: {error}") from error
    return values


def _to_array(picture: Any, path: Path) -> NDArray[np.uint8]:
    mode = picture.mode
    if mode in ("1", "L"):
        return np.asarray(picture.convert("L"))[:, :, np.newaxis]
    if mode == "RGB" or (mode == "P" and "transparency" not in picture.info):
        return np.asarray(picture.convert("RGB"))
    if mode in ("RGBA", "LA", "P"):
        values = np.asarray(picture.convert("LA" if mode == "LA" else "RGBA"))
        if values[:, :, -1].min() == 255:
            return values[:, :, :-1]
        raise DataError(f"{path} has transparent pixels; save it without an alpha channel")
    raise DataError(f"{path} has the pixel type {mode}; 8-bit grey or RGB is needed")


def _size_text(image: NDArray[np.uint8]) -> str:
    height, width, channels = image.shape
    return f"{width} x {height} with {channels} channel{'s' if channels > 1 else ''}"
