"""A file that appears under its name whole, or not at all; and whether it will, asked before the work."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from kernelgen.errors import DataError, KernelgenError


@contextmanager
def whole_file(path: str | PathLike[str], *, sync: bool = False) -> Iterator[Path]:
    """The path to write instead of ``path``, which takes its place once the block ends without an exception.

    Parameters
    ----------
    path : path
        A link is followed, and stays a link.
    sync : bool
        Wait until the disk has the bytes: a file under this name is then whole even after a power failure.

    Yields
    ------
    Path
        A hidden name of the same suffix in the same folder, drawn anew each time: of two writers the last one wins.

    Raises
    ------
    DataError
        See :func:`check_destination`; or the file cannot be written (any OSError of the block).
    """
    target = check_destination(path)
    partial = target.parent / f".{target.stem}.{os.getpid()}.{secrets.token_hex(4)}.partial{target.suffix}"
    try:
        try:
            yield partial
            if sync:
                _sync(partial)
            partial.replace(target)
            if sync:
                _sync(target.parent)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, KernelgenError):
            raise
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else error.strerror or error
        raise DataError(f"cannot write {path}: {reason}; nothing was changed there") from error


def check_destination(path: str | PathLike[str]) -> Path:
    """Where a file of this name will be, links followed; to be asked before hours of work, not after.

    Raises
    ------
    DataError
        It is a folder or a device, or its own folder is missing or cannot be written.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise DataError(f"cannot write {path}: it is a folder; give the name of a file")
    if target.exists() and not target.is_file():
        raise DataError(f"cannot write {path}: it is not an ordinary file")
    if not target.parent.is_dir():
        raise DataError(f"cannot write {path}: there is no folder {target.parent}")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise DataError(f"cannot write {path}: {target.parent} cannot be written to")
    return target


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
