"""MNIST from its four idx files, gzipped or not: 60,000 + 10,000 images of 28 x 28."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.datasets.dataset import Dataset, LoadProgress, build_provenance
from kernelgen.datasets.download import RemoteFile, fetch_file
from kernelgen.datasets.locate import DataRoot, check_is_folder, search
from kernelgen.errors import ChecksumMismatch, DataError, DataMissing

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
USUAL_FOLDERS = ("mnist", "MNIST", "MNIST/raw", "raw")

# name: SHA-256 of the idx bytes (gzip wrappers differ between copies), SHA-256 and size of the official .gz
FILES = {
    "train-images-idx3-ubyte": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        9_912_422,
    ),
    "train-labels-idx1-ubyte": (
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        28_881,
    ),
    "t10k-images-idx3-ubyte": (
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        1_648_877,
    ),
    "t10k-labels-idx1-ubyte": (
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        4_542,
    ),
}


def file_variants(name: str) -> list[str]:
    """The names a copy of `name` goes by: with '-' or '.' before idx, gzipped or not."""
    spellings = (name, name.replace("-idx", ".idx"))
    return [f"{spelling}{suffix}" for suffix in (".gz", "") for spelling in spellings]


def present_files(folder: Path) -> dict[str, Path]:
    """Official name -> path for those of the four files that are in `folder`, under any spelling."""
    found = {}
    for name in FILES:
        path = next(
            (folder / variant for variant in file_variants(name) if (folder / variant).is_file()), None
        )
        if path is not None:
            found[name] = path
    return found


def locate_mnist(folder: Path) -> dict[str, Path] | None:
    """The four files in `folder` or one level below, or None."""

    def probe(place: Path) -> dict[str, Path] | None:
        found = present_files(place)
        return found if len(found) == len(FILES) else None

    return search(folder, probe, USUAL_FOLDERS)


def remote_files() -> list[RemoteFile]:
    """What a download fetches: the four gzipped files."""
    return [
        RemoteFile(f"{name}.gz", tuple(f"{mirror}{name}.gz" for mirror in MIRRORS), sha256, n_bytes)
        for name, (_, sha256, n_bytes) in FILES.items()
    ]


def fetch_mnist(folder: Path, *, progress: LoadProgress | None = None) -> dict[str, Path]:
    """Download what is missing of the four files into `folder` and return their paths."""
    return {
        remote.name.removesuffix(".gz"): fetch_file(remote, folder, progress=progress)
        for remote in remote_files()
    }


def load_mnist(root: DataRoot, *, offline: bool = False, progress: LoadProgress | None = None) -> Dataset:
    """MNIST from `root`; fetched first if it is not there, `root` is the cache and `offline` is False.

    Raises
    ------
    DataMissing
        Files are not there, or could not be downloaded.
    DataError
        A file is truncated or damaged, or images and labels do not go together.
    ChecksumMismatch
        A file in the cache has other bytes than the official one. (Elsewhere: a DatasetWarning.)
    """
    paths = locate_mnist(root.path)
    if paths is None and root.is_cache and not offline:
        paths = fetch_mnist(root.path / "mnist", progress=progress)
    if paths is None:
        raise _missing(root)
    contents = {
        name: read_idx(path, n_dimensions=3 if "images" in name else 1) for name, path in paths.items()
    }
    folder = next(iter(paths.values())).parent
    files = [
        {"name": paths[name].name, "sha256": digest, "official": digest == FILES[name][0]}
        for name, (_, digest) in contents.items()
    ]
    others = [str(file["name"]) for file in files if not file["official"]]
    if others and root.is_cache:
        raise ChecksumMismatch(
            f"{folder}: {', '.join(others)} in the cache do not have the official MNIST digest; "
            "`kernelgen data fetch mnist` replaces them"
        )
    problems = (
        [f"{folder}: {', '.join(others)} have other bytes than the official MNIST files"] if others else []
    )
    arrays = {name: array for name, (array, _) in contents.items()}
    return _assemble(arrays, paths, folder, build_provenance(files, official=not others, problems=problems))


def _assemble(
    arrays: Mapping[str, NDArray[np.uint8]],
    paths: Mapping[str, Path],
    folder: Path,
    provenance: dict[str, Any],
) -> Dataset:
    for part in ("train", "t10k"):
        images, labels = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
        if len(arrays[images]) != len(arrays[labels]):
            raise DataError(
                f"{paths[images]} has {len(arrays[images])} images but "
                f"{paths[labels]} has {len(arrays[labels])} labels"
            )
    train, test = arrays["train-images-idx3-ubyte"], arrays["t10k-images-idx3-ubyte"]
    if train.shape[1:] != test.shape[1:]:
        raise DataError(f"{folder}: training images are {train.shape[1:]}, test images {test.shape[1:]}")
    y_train = arrays["train-labels-idx1-ubyte"].astype(np.int64)
    y_test = arrays["t10k-labels-idx1-ubyte"].astype(np.int64)
    n_classes = max(10, 1 + int(max(y_train.max(), y_test.max())))
    return Dataset(
        name="mnist",
        X_train=train.reshape(len(train), -1),
        y_train=y_train,
        X_test=test.reshape(len(test), -1),
        y_test=y_test,
        class_names=tuple(str(digit) for digit in range(n_classes)),
        maximum=255.0,
        source=str(folder),
        image_shape=(int(train.shape[1]), int(train.shape[2]), 1),
        layout="interleaved",
        provenance=provenance,
    )


def read_idx(path: Path, *, n_dimensions: int) -> tuple[NDArray[np.uint8], str]:
    """Array of an idx file of unsigned bytes, gzipped or not, and the SHA-256 of its uncompressed bytes.

    Whether it is gzipped is read from its first bytes, not from its name.

    Raises
    ------
    DataError
        Not an idx file of bytes with `n_dimensions`; shorter or longer than its header says; broken gzip
        stream.
    """
    try:
        with path.open("rb") as stream:
            is_gzip = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
            # deflate cannot compress more than 1032 : 1, so a header that asks for more than this is damaged
            limit = path.stat().st_size * (1032 if is_gzip else 1)
            if is_gzip:
                with gzip.GzipFile(fileobj=stream) as unpacked:
                    return _read_idx_stream(unpacked, path, n_dimensions, limit)
            return _read_idx_stream(stream, path, n_dimensions, limit)
    except EOFError as error:
        raise DataError(f"{path} is truncated: its gzip stream has no end; fetch it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged: {error}; fetch it again") from error
    except OSError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _read_idx_stream(
    stream: io.BufferedIOBase, path: Path, n_dimensions: int, limit: int
) -> tuple[NDArray[np.uint8], str]:
    header = stream.read(4 + 4 * n_dimensions)
    magic = bytes([0, 0, 8, n_dimensions])
    if len(header) >= 4 and header[:4] != magic:
        raise DataError(
            f"{path} is not an idx file of bytes with {n_dimensions} dimension(s): "
            f"it starts with {header[:4].hex()}, not {magic.hex()}"
        )
    if len(header) < 4 + 4 * n_dimensions:
        raise DataError(f"{path} is truncated: {len(header)} bytes, less than the header of an idx file")
    shape = tuple(int.from_bytes(header[4 + 4 * i : 8 + 4 * i], "big") for i in range(n_dimensions))
    n_bytes = math.prod(shape)
    if n_bytes == 0:
        raise DataError(f"{path} is empty: its header says {shape}")
    if n_bytes > limit:
        raise DataError(
            f"{path} is truncated or damaged: its header says {shape}, too much for the file's size"
        )
    values = np.empty(n_bytes, dtype=np.uint8)
    view = values.data
    done = 0
    while done < n_bytes:
        count = stream.readinto(view[done:])
        if not count:
            raise DataError(
                f"{path} is truncated: {done} of the {n_bytes} bytes that its header {shape} says"
            )
        done += count
    if stream.read(1):
        raise DataError(f"{path} is damaged: more bytes than the {n_bytes} that its header {shape} says")
    digest = hashlib.sha256(header)
    digest.update(view)
    return values.reshape(shape), digest.hexdigest()


def _missing(root: DataRoot) -> DataError:
    if not root.is_cache:
        check_is_folder(root)
    folders = [root.path, *(root.path / name for name in USUAL_FOLDERS)]
    partial = max((present_files(folder) for folder in folders if folder.is_dir()), key=len, default={})
    absent = [f"{name}[.gz]" for name in FILES if name not in partial]
    where = (
        next(iter(partial.values())).parent
        if partial
        else root.path / "mnist"
        if root.is_cache
        else root.path
    )
    get = (
        "`kernelgen data fetch mnist`"
        if root.is_cache
        else f"`kernelgen data fetch mnist --data-dir {root.path}`"
    )
    return DataMissing(
        f"MNIST is not in {root.path} ({root.chosen_by}); missing: {', '.join(absent)}.\n"
        f"Put the files into {where}, or download them with {get}"
    )
