"""Downloads that resume, are checked against a digest, and appear under their name only when complete.

``pooch`` does the checking and the final rename; the transfer is ours because pooch cannot resume one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernelgen.datasets.dataset import LoadProgress
from kernelgen.errors import ChecksumMismatch, DataError, DataMissing

CHUNK_BYTES = 1 << 16
TIMEOUT_SECONDS = (10.0, 30.0)
"""To connect, and between two pieces of the answer."""
ATTEMPTS = 3
"""Transfers tried at one address after broken connections; each continues where the last one ended."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on one or more mirrors, with the digest and the size that a copy must have."""

    name: str
    urls: tuple[str, ...]
    sha256: str
    n_bytes: int


class ResumingDownloader:
    """A pooch downloader that keeps an unfinished transfer as ``.part`` and continues it by HTTP Range.

    A server that ignores Range answers 200 and sends the file from its start: the part is then overwritten.
    The part stays on disk after an error or an interruption, for the next call.
    """

    def __init__(self, part: Path, *, n_bytes: int, progress: LoadProgress | None = None):
        self.part = part
        self.n_bytes = n_bytes
        self.progress = progress
        self.resumed = False

    def __call__(self, url: str, output_file: str, pooch: Any = None, check_only: bool = False) -> None:
        """Move the content of `url` to `output_file` once it is complete; pooch's calling convention."""
        import requests
        import urllib3

        del pooch, check_only
        broken = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)
        for attempt in range(ATTEMPTS):
            try:
                self._transfer(url)
                break
            except broken:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.2 * 4**attempt)
        self.part.replace(output_file)

    def _transfer(self, url: str) -> None:
        import requests

        start = self.part.stat().st_size if self.part.exists() else 0
        if start == self.n_bytes:
            self.resumed = True
            return
        if start > self.n_bytes:
            start = 0
        # identity: a server must not send a .gz file as a compressed encoding of something else
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
            if start and answer.status_code == requests.codes.requested_range_not_satisfiable:
                self.part.unlink()
                raise requests.ConnectionError(f"{url} has fewer bytes than the {start} already here")
            answer.raise_for_status()
            continues = (
                answer.status_code == 206 and _range_start(answer.headers.get("Content-Range", "")) == start
            )
            if answer.status_code == 206 and not continues:
                self.part.unlink(missing_ok=True)
                raise requests.ConnectionError(f"{url} answered with another range than the one asked for")
            if continues:
                self.resumed = True
            else:
                start = 0
            self._receive(answer, start, url)

    def _receive(self, answer: Any, start: int, url: str) -> None:
        import requests

        length = answer.headers.get("Content-Length")
        total = start + int(length) if length is not None and length.isdigit() else None
        done = start
        with self.part.open("ab" if start else "wb") as stream:
            for piece in answer.raw.stream(CHUNK_BYTES, decode_content=False):
                stream.write(piece)
                done += len(piece)
                if self.progress is not None:
                    self.progress(self.part.name.removesuffix(".part"), done, total)
        if total is not None and done < total:
            raise requests.ConnectionError(f"{url} closed the connection after {done} of {total} bytes")


def _range_start(content_range: str) -> int | None:
    """First byte of a ``Content-Range: bytes first-last/total`` header, None if it is not one."""
    unit, _, span = content_range.partition(" ")
    first = span.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else None


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold ``folder/.lock``: a second process waits, then finds the files there. A kill releases it."""
    with (folder / ".lock").open("wb") as stream:
        # a file system without locks: the digest check still catches what two writers may do to one part
        with contextlib.suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def fetch_file(remote: RemoteFile, folder: Path, *, progress: LoadProgress | None = None) -> Path:
    """Return ``folder/remote.name``, downloading it unless a copy with the right digest is there.

    Raises
    ------
    ChecksumMismatch
        What the mirrors send has another SHA-256; nothing is kept of it.
    DataMissing
        No mirror could be reached or none has the file; what came of it stays in ``<name>.part``.
    DataError
        The folder cannot be written, or the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(folder):
            return _fetch_locked(remote, folder, progress)
    except OSError as error:
        if isinstance(error, DataError):
            raise
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise DataError(
            f"cannot write {remote.name} ({remote.n_bytes / 1e6:.1f} MB) into {folder}: {reason}. "
            "Name another folder with --data-dir or KERNELGEN_DATA_DIR"
        ) from error


def _fetch_locked(remote: RemoteFile, folder: Path, progress: LoadProgress | None) -> Path:
    import pooch
    import requests
    import urllib3

    failures: list[str] = []
    mismatch = False
    pooch.get_logger().setLevel("WARNING")  # it announces each download on stderr; progress is the caller's
    for url in remote.urls:
        # a resumed file with a wrong digest may have had a bad beginning: once more from byte 0
        for _ in range(2):
            downloader = ResumingDownloader(
                folder / f"{remote.name}.part", n_bytes=remote.n_bytes, progress=progress
            )
            try:
                path = pooch.retrieve(
                    url,
                    known_hash=f"sha256:{remote.sha256}",
                    fname=remote.name,
                    path=folder,
                    downloader=downloader,
                )
                return Path(path)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                failures.append(f"{url}: {error}")
                break
            except ValueError:
                if not downloader.resumed:
                    mismatch = True
                    failures.append(f"{url}: the bytes sent do not have SHA-256 {remote.sha256}")
                    break
    report = "\n  ".join(failures)
    if mismatch:
        raise ChecksumMismatch(
            f"{remote.name} was downloaded with the wrong digest and thrown away:\n  {report}\n"
            "A proxy may be answering in the mirror's place; else get the file by hand and use --data-dir"
        )
    raise DataMissing(
        f"{remote.name} could not be downloaded:\n  {report}\n"
        f"Check the network and try again (the part received is kept), or put the file into {folder}"
    )
