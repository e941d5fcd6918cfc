"""CIFAR-10 from the official binary version, archive or folder: 50,000 + 10,000 RGB images of 32 x 32.

The archive is read member by member in memory, never unpacked. The Python version of the data set is a
pickle, which can run any code when read: it is refused.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.datasets.dataset import Dataset, LoadProgress, build_provenance
from kernelgen.datasets.download import RemoteFile, fetch_file
from kernelgen.datasets.locate import DataRoot, check_is_folder, search
from kernelgen.errors import ChecksumMismatch, DataError, DataMissing

ARCHIVE = RemoteFile(
    name="cifar-10-binary.tar.gz",
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    n_bytes=170_052_171,
)
USUAL_FOLDERS = ("cifar-10-batches-bin", "cifar10", "cifar10/cifar-10-batches-bin", "cifar-10", "CIFAR10")

# SHA-1 of the official batches, as MXNet's data loader has them
BATCHES = {
    "data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
    "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
    "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
    "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
    "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628",
    "test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c",
}
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
N_PIXELS = 3 * 32 * 32
RECORD_BYTES = 1 + N_PIXELS

PICKLES = ("cifar-10-python.tar.gz", "cifar-10-batches-py", "data_batch_1")


def locate_cifar10(folder: Path) -> Path | None:
    """The folder of the six .bin files, or the archive, in `folder` or one level below; else None."""

    def probe(place: Path) -> Path | None:
        if all((place / name).is_file() for name in BATCHES):
            return place
        return place / ARCHIVE.name if (place / ARCHIVE.name).is_file() else None

    return search(folder, probe, USUAL_FOLDERS)


def fetch_cifar10(folder: Path, *, progress: LoadProgress | None = None) -> Path:
    """Download the archive into `folder` unless it is there, and return its path."""
    return fetch_file(ARCHIVE, folder, progress=progress)


def load_cifar10(root: DataRoot, *, offline: bool = False, progress: LoadProgress | None = None) -> Dataset:
    """CIFAR-10 from `root`; fetched first if `root` is the cache, it is not there and `offline` is False.

    A row is stored as in the file: 1,024 red values, then green, then blue (layout ``"planes"``).

    Raises
    ------
    DataMissing
        Neither archive nor batches are there, or the archive could not be downloaded.
    DataError
        A batch is truncated or damaged, or only the pickled version is there.
    ChecksumMismatch
        What is in the cache has other bytes than the official batches. (Elsewhere: a DatasetWarning.)
    """
    source = locate_cifar10(root.path)
    if source is None and root.is_cache and not offline:
        source = fetch_cifar10(root.path / "cifar10", progress=progress)
    if source is None:
        raise _missing(root)
    batches = _read_folder(source) if source.is_dir() else _read_archive(source)
    files = [
        {"name": name, "sha1": digest, "official": digest == BATCHES[name]}
        for name, digest in (
            (name, hashlib.sha1(batches[name], usedforsecurity=False).hexdigest()) for name in BATCHES
        )
    ]
    official = all(file["official"] for file in files) or (
        source.is_file() and _sha256(source) == ARCHIVE.sha256
    )
    if not official and root.is_cache:
        raise ChecksumMismatch(
            f"{source} in the cache does not have the official CIFAR-10 digests; "
            "`kernelgen data fetch cifar10` replaces the archive (remove a folder of .bin files yourself)"
        )
    problems = [] if official else [f"{source}: other bytes than the official CIFAR-10 binary version"]
    return _assemble(batches, source, build_provenance(files, official=official, problems=problems))


def _assemble(batches: dict[str, bytes], source: Path, provenance: dict[str, Any]) -> Dataset:
    names = list(BATCHES)
    X_train, y_train = _decode(batches, names[:-1], source)
    X_test, y_test = _decode(batches, names[-1:], source)
    return Dataset(
        name="cifar10",
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        class_names=CLASS_NAMES,
        maximum=255.0,
        source=str(source),
        image_shape=(32, 32, 3),
        layout="planes",
        provenance=provenance,
    )


def _decode(
    batches: dict[str, bytes], names: list[str], source: Path
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Rows and labels of the batches named, which are dropped one by one as they are copied."""
    counts = [_count_records(batches[name], f"{source}: {name}") for name in names]
    X = np.empty((sum(counts), N_PIXELS), dtype=np.uint8)
    y = np.empty(sum(counts), dtype=np.int64)
    start = 0
    for name, count in zip(names, counts, strict=True):
        records = np.frombuffer(batches.pop(name), dtype=np.uint8).reshape(count, RECORD_BYTES)
        if records[:, 0].max() >= len(CLASS_NAMES):
            row = int(np.argmax(records[:, 0] >= len(CLASS_NAMES)))
            raise DataError(
                f"{source}: {name}: image {row} has label {records[row, 0]}, not 0..9: damaged file"
            )
        X[start : start + count] = records[:, 1:]
        y[start : start + count] = records[:, 0]
        start += count
    return X, y


def _count_records(content: bytes, where: str) -> int:
    count, rest = divmod(len(content), RECORD_BYTES)
    if count == 0 or rest:
        hint = "; this looks like CIFAR-100" if content and len(content) % (RECORD_BYTES + 1) == 0 else ""
        raise DataError(
            f"{where} is truncated or damaged: {len(content)} bytes, no multiple of {RECORD_BYTES}{hint}"
        )
    return count


def _read_folder(folder: Path) -> dict[str, bytes]:
    try:
        return {name: (folder / name).read_bytes() for name in BATCHES}
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}") from error


def _read_archive(path: Path) -> dict[str, bytes]:
    """The six batches of a .tar.gz, by the last part of their names; other members are passed over."""
    batches: dict[str, bytes] = {}
    pickled = False
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                pickled = pickled or name in PICKLES
                if name not in BATCHES:
                    continue
                stream = archive.extractfile(member) if member.isreg() else None
                if stream is None or name in batches:
                    raise DataError(f"{path}: member {member.name} is not a file, or is there twice")
                batches[name] = stream.read()
                if len(batches[name]) != member.size:
                    raise DataError(f"{path} is truncated inside {member.name}; fetch it again")
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is truncated or damaged: {error}; fetch it again") from error
    if pickled:
        raise _pickled(path)
    absent = [name for name in BATCHES if name not in batches]
    if absent:
        raise DataError(f"{path} lacks {', '.join(absent)}: truncated, or not the CIFAR-10 binary archive")
    return batches


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pickled(path: Path) -> DataError:
    return DataError(
        f"{path} is the Python version of CIFAR-10, a pickle, which can run any code when read: refused.\n"
        f"Get the binary version, {ARCHIVE.name}: `kernelgen data fetch cifar10`"
    )


def _missing(root: DataRoot) -> DataError:
    if not root.is_cache:
        check_is_folder(root)
    for folder in (root.path, root.path / "cifar-10-batches-py", root.path / "cifar10"):
        for name in PICKLES:
            if (folder / name).exists():
                return _pickled(folder / name)
    best = [name for name in BATCHES if (root.path / name).is_file()]
    absent = f" (missing: {', '.join(name for name in BATCHES if name not in best)})" if best else ""
    where = root.path / "cifar10" if root.is_cache else root.path
    place = "" if root.is_cache else f" --data-dir {root.path}"
    return DataMissing(
        f"CIFAR-10 is not in {root.path} ({root.chosen_by}){absent}.\n"
        f"Put {ARCHIVE.name}, or the folder cifar-10-batches-bin unpacked from it, into {where}, "
        f"or download it with `kernelgen data fetch cifar10{place}`"
    )
