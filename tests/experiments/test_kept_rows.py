"""Rows that were finished are not made again; what is not a row is not taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kernelgen.errors import DataError
from kernelgen.experiments.kept_rows import KeptRows


class Maker:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict:
        self.calls += 1
        return {"value": 0.1 + 0.2, "call": self.calls}


def test_a_row_is_made_once_for_each_of_what_it_depends_on(tmp_path: Path) -> None:
    kept, make = KeptRows(tmp_path / "new" / "rows"), Maker()
    first = kept.row("a", {"n": 1, "ridge": 0.0}, make)
    assert kept.row("a", {"ridge": 0.0, "n": 1}, make) == first  # whatever the order, to the last bit
    assert make.calls == 1
    for name, told in (("a", {"n": 2, "ridge": 0.0}), ("b", {"n": 1, "ridge": 0.0}), ("a", {"n": 1})):
        kept.row(name, told, make)
    assert make.calls == 4
    assert len(list((tmp_path / "new" / "rows").iterdir())) == 4


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    make = Maker()
    for _ in range(2):
        KeptRows().row("a", {}, make)
    assert make.calls == 2


def test_a_row_that_fails_is_made_again(tmp_path: Path) -> None:
    def fail() -> dict:
        raise KeyboardInterrupt

    kept, make = KeptRows(tmp_path), Maker()
    with pytest.raises(KeyboardInterrupt):
        kept.row("a", {}, fail)
    assert list(tmp_path.iterdir()) == []
    assert kept.row("a", {}, make)["call"] == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "kernelgen-row"}', "\x00\xff"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    kept = KeptRows(tmp_path)
    kept.row("a", {}, Maker())
    (path,) = tmp_path.iterdir()
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=path.name):
        kept.row("a", {}, Maker())


def test_a_row_of_something_else_under_the_same_name_is_refused(tmp_path: Path) -> None:
    kept = KeptRows(tmp_path)
    kept.row("a", {"n": 1}, Maker())
    (path,) = tmp_path.iterdir()
    content = json.loads(path.read_text())
    content["of"]["n"] = 2
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="not a row of this experiment"):
        kept.row("a", {"n": 1}, Maker())


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("")
    with pytest.raises(DataError, match="rows"):
        KeptRows(tmp_path / "rows").row("a", {}, Maker())
