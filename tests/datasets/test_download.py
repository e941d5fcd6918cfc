"""Downloads from a local server: whole, resumed, refused, broken, by two processes at once."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from kernelgen.datasets.download import RemoteFile, fetch_file
from kernelgen.errors import ChecksumMismatch, DataError, DataMissing

CONTENT = np.random.default_rng(5).integers(0, 256, 300_000).astype(np.uint8).tobytes()


def remote(mirror, *, name="data.gz", content=CONTENT, urls=None):
    return RemoteFile(
        name, urls or (mirror.url + name,), hashlib.sha256(content).hexdigest(), n_bytes=len(content)
    )


def left_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()} - {".lock"}


def test_a_whole_file_arrives_with_its_bytes_untouched(mirror, tmp_path):
    mirror.files["data.gz"] = CONTENT
    calls = []
    path = fetch_file(remote(mirror), tmp_path / "new", progress=lambda *call: calls.append(call))
    assert path == tmp_path / "new" / "data.gz"
    assert path.read_bytes() == CONTENT
    assert left_in(path.parent) == {"data.gz"}
    assert calls[-1] == ("data.gz", len(CONTENT), len(CONTENT))


def test_a_file_already_there_is_not_asked_for_again(mirror, tmp_path):
    (tmp_path / "data.gz").write_bytes(CONTENT)
    fetch_file(remote(mirror), tmp_path)
    assert mirror.asked == []


def test_a_damaged_file_is_replaced(mirror, tmp_path):
    mirror.files["data.gz"] = CONTENT
    (tmp_path / "data.gz").write_bytes(CONTENT[:1000])
    assert fetch_file(remote(mirror), tmp_path).read_bytes() == CONTENT


def test_an_interrupted_download_continues_where_it_ended(mirror, tmp_path):
    mirror.files["data.gz"] = CONTENT
    (tmp_path / "data.gz.part").write_bytes(CONTENT[:100_000])
    assert fetch_file(remote(mirror), tmp_path).read_bytes() == CONTENT
    assert mirror.asked == [("data.gz", "bytes=100000-")]
    assert left_in(tmp_path) == {"data.gz"}


def test_a_connection_that_breaks_is_continued(mirror, tmp_path):
    mirror.files["data.gz"] = CONTENT
    mirror.break_after = [120_000]
    assert fetch_file(remote(mirror), tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in mirror.asked] == [None, "bytes=120000-"]


def test_a_server_that_ignores_range_sends_it_all_again(mirror, tmp_path):
    mirror.files["data.gz"] = CONTENT
    mirror.honours_range = False
    (tmp_path / "data.gz.part").write_bytes(CONTENT[:100_000])
    assert fetch_file(remote(mirror), tmp_path).read_bytes() == CONTENT


def test_a_server_that_sends_another_range_is_not_believed(mirror, tmp_path):
    mirror.files["data.gz"] = CONTENT
    mirror.shift_range = 7
    (tmp_path / "data.gz.part").write_bytes(CONTENT[:100_000])
    assert fetch_file(remote(mirror), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("length", [100_000, len(CONTENT), len(CONTENT) + 5])
def test_a_part_with_a_wrong_beginning_is_started_over(mirror, tmp_path, length):
    mirror.files["data.gz"] = CONTENT
    (tmp_path / "data.gz.part").write_bytes(b"x" * length)
    assert fetch_file(remote(mirror), tmp_path).read_bytes() == CONTENT
    assert left_in(tmp_path) == {"data.gz"}


def test_a_part_longer_than_what_the_server_has_is_thrown_away(mirror, tmp_path):
    mirror.files["data.gz"] = CONTENT[:50_000]
    (tmp_path / "data.gz.part").write_bytes(CONTENT[:60_000])
    with pytest.raises(ChecksumMismatch):
        fetch_file(remote(mirror), tmp_path)


def test_wrong_bytes_raise_and_leave_nothing(mirror, tmp_path):
    mirror.files["data.gz"] = b"<html>please log in</html>"
    with pytest.raises(ChecksumMismatch, match=r"data\.gz was downloaded with the wrong digest") as caught:
        fetch_file(remote(mirror), tmp_path)
    assert mirror.url in str(caught.value)
    assert left_in(tmp_path) == set()


def test_the_second_mirror_is_tried(mirror, tmp_path):
    mirror.files["good/data.gz"] = CONTENT
    urls = (mirror.url + "absent/data.gz", mirror.url + "good/data.gz")
    assert fetch_file(remote(mirror, urls=urls), tmp_path).read_bytes() == CONTENT


def test_no_mirror_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("kernelgen.datasets.download.ATTEMPTS", 1)
    file = RemoteFile("data.gz", ("http://127.0.0.1:9/data.gz",), "0" * 64, n_bytes=10)
    with pytest.raises(DataMissing, match=r"could not be downloaded:\n  http://127.0.0.1:9/data.gz"):
        fetch_file(file, tmp_path)
    assert left_in(tmp_path) == set()


def test_what_was_received_is_kept_when_the_network_goes(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr("kernelgen.datasets.download.ATTEMPTS", 1)
    mirror.files["data.gz"] = CONTENT
    mirror.break_after = [120_000]
    with pytest.raises(DataMissing, match="the part received is kept"):
        fetch_file(remote(mirror), tmp_path)
    assert (tmp_path / "data.gz.part").read_bytes() == CONTENT[:120_000]
    assert fetch_file(remote(mirror), tmp_path).read_bytes() == CONTENT


def test_an_interruption_keeps_the_part(mirror, tmp_path):
    mirror.files["data.gz"] = CONTENT * 4

    def interrupt(what, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_file(remote(mirror, content=CONTENT * 4), tmp_path, progress=interrupt)
    assert left_in(tmp_path) == {"data.gz.part"}


def test_a_full_disk_is_named(mirror, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    mirror.files["data.gz"] = CONTENT
    (tmp_path / "data.gz.part").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"cannot write data\.gz .* the disk is full"):
        fetch_file(remote(mirror), tmp_path)


def test_a_folder_that_cannot_be_made_is_named(mirror, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        fetch_file(remote(mirror), tmp_path / "file" / "inside")


def fetch_in_process(file: RemoteFile, folder: Path) -> subprocess.Popen[bytes]:
    program = (
        "import sys; from pathlib import Path; from kernelgen.datasets.download import RemoteFile, fetch_file; "
        f"fetch_file(RemoteFile({file.name!r}, {file.urls!r}, {file.sha256!r}, {file.n_bytes}), Path(sys.argv[1]))"
    )
    return subprocess.Popen([sys.executable, "-c", program, str(folder)], env=os.environ.copy())


def test_two_processes_fetch_once(mirror, tmp_path):
    mirror.files["data.gz"] = CONTENT
    mirror.seconds_a_piece = 0.01
    runs = [fetch_in_process(remote(mirror), tmp_path / "d") for _ in range(2)]
    assert [run.wait(timeout=60) for run in runs] == [0, 0]
    assert (tmp_path / "d" / "data.gz").read_bytes() == CONTENT
    assert left_in(tmp_path / "d") == {"data.gz"}
    assert len(mirror.asked) == 1


def test_a_killed_process_leaves_no_file_under_the_name_and_no_lock(mirror, tmp_path):
    mirror.files["data.gz"] = CONTENT
    mirror.seconds_a_piece = 0.02
    run = fetch_in_process(remote(mirror), tmp_path / "d")
    part = tmp_path / "d" / "data.gz.part"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (part.exists() and part.stat().st_size):
        time.sleep(0.02)
    run.kill()
    run.wait(timeout=30)
    assert part.stat().st_size > 0
    assert not (tmp_path / "d" / "data.gz").exists()
    mirror.seconds_a_piece = 0.0
    assert fetch_file(remote(mirror), tmp_path / "d").read_bytes() == CONTENT
    assert mirror.asked[-1][1] is not None
