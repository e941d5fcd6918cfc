"""Small files in the official layouts, and a local server to download from."""

from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the cache of whoever runs it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KERNELGEN_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache" / "kernelgen"


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def small_mnist() -> dict[str, bytes]:
    """Uncompressed idx files of 12 + 5 images of 4 x 3, by official name."""
    rng = np.random.default_rng(11)
    return {
        "train-images-idx3-ubyte": idx_bytes(rng.integers(0, 256, (12, 4, 3))),
        "train-labels-idx1-ubyte": idx_bytes(rng.integers(0, 10, 12)),
        "t10k-images-idx3-ubyte": idx_bytes(rng.integers(0, 256, (5, 4, 3))),
        "t10k-labels-idx1-ubyte": idx_bytes(rng.integers(0, 10, 5)),
    }


@pytest.fixture
def write_mnist(small_mnist: dict[str, bytes]) -> Callable[..., Path]:
    def write(folder: Path, *, compressed: bool = True, dots: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in small_mnist.items():
            spelled = name.replace("-idx", ".idx") if dots else name
            if compressed:
                (folder / f"{spelled}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / spelled).write_bytes(content)
        return folder

    return write


@pytest.fixture
def small_cifar() -> dict[str, bytes]:
    """Batches of 3 images each, by official name."""
    rng = np.random.default_rng(12)
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    return {
        name: np.hstack([rng.integers(0, 10, (3, 1)), rng.integers(0, 256, (3, 3072))])
        .astype(np.uint8)
        .tobytes()
        for name in names
    }


@pytest.fixture
def pack() -> Callable[..., bytes]:
    """A .tar.gz of the members given, inside `folder`."""

    def tar_bytes(members: dict[str, bytes], folder: str = "cifar-10-batches-bin") -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, content in members.items():
                info = tarfile.TarInfo(f"{folder}/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return buffer.getvalue()

    return tar_bytes


@dataclass
class Mirror:
    """What the local server sends, how it misbehaves, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    honours_range: bool = True
    break_after: list[int] = field(default_factory=list)  # one entry is used up by each answer
    shift_range: int = 0
    seconds_a_piece: float = 0.0
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    state = Mirror()
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked_range = self.headers.get("Range")
            name = self.path.lstrip("/")
            state.asked.append((name, asked_range))
            if name not in state.files:
                self.send_error(404)
                return
            content = state.files[name]
            start = 0
            if asked_range and state.honours_range:
                start = int(asked_range.removeprefix("bytes=").rstrip("-")) + state.shift_range
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header(
                "Content-Encoding", "x-gzip"
            )  # as some servers label .gz files; not to be undone
            self.end_headers()
            body = content[start:]
            if state.break_after:
                body = body[: state.break_after.pop(0)]
            with contextlib.suppress(ConnectionError):  # the client was killed, or stopped reading
                for piece in range(0, len(body), 4096):
                    self.wfile.write(body[piece : piece + 4096])
                    stop.wait(state.seconds_a_piece)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/"
    yield state
    stop.set()
    server.shutdown()
    server.server_close()
    thread.join()
