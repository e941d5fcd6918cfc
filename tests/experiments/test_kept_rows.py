"""Rows that were finished are not made again; what is not a row is not taken for one."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from kernelgen.datasets.registry import load_dataset
from kernelgen.errors import DataError
from kernelgen.experiments.kept_rows import KeptRows, digest_of


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


def test_a_folder_that_cannot_be_used_is_named_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Maker()
    (tmp_path / "rows").write_text("")
    with pytest.raises(DataError, match="rows"):
        KeptRows(tmp_path / "rows").row("a", {}, make)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(DataError, match="cannot be written to"):
        KeptRows(tmp_path / "read_only").row("a", {}, make)
    assert make.calls == 0


def test_rows_of_other_bytes_are_other_rows() -> None:
    data = load_dataset("digits")
    X, y = data.X_train.copy(), data.y_train.copy()
    X[-1, -1] += 1
    y[0] += 1
    others = [
        replace(data, X_train=X),
        replace(data, y_train=y),
        replace(data, X_test=data.X_test[:-1], y_test=data.y_test[:-1]),
        replace(data, image_shape=None),
        replace(data, maximum=255.0),
    ]
    assert digest_of(data) == digest_of(replace(data, name="again", source="elsewhere"))
    assert len({digest_of(each) for each in [data, *others]}) == 6
