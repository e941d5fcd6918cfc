"""Progress where nobody looks at bars: a line now and then, of every solve."""

from __future__ import annotations

import pytest

from kernelgen.cli.terminal import reporting
from kernelgen.solvers.progress import Progress


def test_a_second_solve_is_told_like_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting(quiet=False) as report:
        assert report is not None
        for _ in range(2):
            for seconds in range(0, 101, 5):
                report(Progress("factor", seconds / 100, float(seconds), None))
    lines = capsys.readouterr().err.splitlines()
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]
    assert lines[-1].startswith("factor       100 %")
    assert 10 <= len(lines) <= 24


def test_short_phases_and_quiet_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting(quiet=False) as report:
        assert report is not None
        report(Progress("factor", 1.0, 0.1, None))
    with reporting(quiet=True) as nothing:
        assert nothing is None
    assert capsys.readouterr().err == ""
