"""A reader meets the old file or the new one, never half of either."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kernelgen.arrays.whole_file import check_destination, whole_file
from kernelgen.errors import DataError, DataMissing


def write_then_raise(path: Path, error: BaseException) -> None:
    with whole_file(path) as partial:
        partial.write_text("half")
        raise error


def enter(path: Path) -> None:
    with whole_file(path):
        raise AssertionError("to be refused before the work")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    old = tmp_path / "a.tar.csv"
    old.write_text("old")
    return old


@pytest.mark.parametrize("sync", [False, True])
def test_the_new_file_appears_when_the_block_ends(path: Path, sync: bool) -> None:
    with whole_file(path, sync=sync) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        assert partial.parent == path.parent
        assert partial.suffix == path.suffix  # for writers that go by it
        assert partial.name.startswith(".")
    assert path.read_text() == "new"
    assert names(path.parent) == [path.name]


def test_a_name_relative_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with whole_file("no-suffix") as partial:
        partial.write_text("new")
    assert names(tmp_path) == ["no-suffix"]


@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt(), DataMissing("another file")])
def test_an_exception_passes_through_and_leaves_the_old_file(path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        write_then_raise(path, error)
    assert caught.value is error
    assert path.read_text() == "old"
    assert names(path.parent) == [path.name]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError("without a number"), "without a number"),
    ],
)
def test_a_failing_disk_is_a_data_error_that_names_the_path(path: Path, error: OSError, words: str) -> None:
    with pytest.raises(DataError) as caught:
        write_then_raise(path, error)
    assert str(caught.value) == f"cannot write {path}: {words}; nothing was changed there"
    assert path.read_text() == "old"
    assert names(path.parent) == [path.name]


def test_nothing_written_is_not_an_empty_file(path: Path) -> None:
    with pytest.raises(DataError, match="cannot write"), whole_file(path):
        pass
    assert path.read_text() == "old"


def test_a_folder_that_is_missing_or_a_file(path: Path) -> None:
    for target in (path.parent / "none" / "a.csv", path / "a.csv"):
        for ask in (check_destination, enter):
            with pytest.raises(DataError, match=f"cannot write {target}: there is no folder {target.parent}"):
                ask(target)
    assert names(path.parent) == [path.name]


def test_a_folder_that_may_not_be_written(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        if os.access(path.parent, os.W_OK):
            pytest.skip("needs a user whom permissions bind: root may write everywhere")
        with pytest.raises(DataError, match="cannot be written to"):
            check_destination(path)
        assert path.read_text() == "old"
    finally:
        path.parent.chmod(0o700)


def test_a_folder_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for target, words in (
        (tmp_path, "a folder"),
        (Path(), "a folder"),
        (pipe, "not an ordinary file"),
        (Path("/dev/null"), "not an ordinary file"),
    ):
        for ask in (check_destination, enter):
            with pytest.raises(DataError, match=f"cannot write {target}: it is {words}"):
                ask(target)
    assert pipe.is_fifo()


def test_a_folder_that_vanishes_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    with pytest.raises(DataError, match=r"cannot write .*: No such file"), whole_file(folder / "a.csv"):
        folder.rmdir()


def test_a_destination_that_may_be_written(path: Path) -> None:
    assert check_destination(path) == path
    assert check_destination(path.with_name("new")) == path.with_name("new")
    assert names(path.parent) == [path.name]


def test_a_link_stays_a_link(path: Path) -> None:
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "latest"
    link.symlink_to(path)
    with whole_file(link) as partial:
        partial.write_text("new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert names(elsewhere) == ["latest"]


def test_of_two_writers_at_once_the_last_one_wins_whole(path: Path) -> None:
    with whole_file(path) as first, whole_file(path) as second:
        first.write_text("first " * 1000)
        second.write_text("second")
    assert path.read_text() == "first " * 1000
    assert names(path.parent) == [path.name]


_KILLED = """
import sys, time
from kernelgen.arrays.whole_file import whole_file

with whole_file(sys.argv[1]) as partial:
    partial.write_text("half")
    print("half", flush=True)
    time.sleep(60)
"""


def test_a_kill_leaves_the_old_file_and_a_hidden_one(path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", _KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer.stdout:
        assert writer.stdout.readline() == "half\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait(10)
    assert path.read_text() == "old"
    hidden, visible = names(path.parent)
    assert visible == path.name
    assert hidden.startswith(".a.tar.")
    assert ".partial" in hidden
