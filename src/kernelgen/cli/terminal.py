"""What commands write: numbers with units, one clear block per error, progress that fits the stream."""

from __future__ import annotations

import os
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from kernelgen.solvers.progress import Progress

SECONDS_BETWEEN_LINES = 10.0
SECONDS_WORTH_A_LINE = 0.5  # shorter phases go without


def format_bytes(n_bytes: float) -> str:
    """Return bytes in decimal units, as ``--memory-budget 8GB`` reads them.

    Examples
    --------
    >>> format_bytes(7_203_000_000), format_bytes(12_000), format_bytes(0)
    ('7.20 GB', '12.0 kB', '0 B')
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= size:
            value = n_bytes / size
            return f"{value:.2f} {unit}" if value < 10 else f"{value:.1f} {unit}"
    return f"{n_bytes:.0f} B"


def format_seconds(seconds: float) -> str:
    """Return a duration as people say it.

    Examples
    --------
    >>> [format_seconds(s) for s in (0.0123, 1.23, 12.34, 125.0, 3840.0)]
    ['0.012 s', '1.23 s', '12.3 s', '2 min 05 s', '1 h 04 min']
    """
    if seconds < 1:
        return f"{seconds:.3f} s"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 99.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_percent(fraction: float) -> str:
    """Return a fraction as per cent, two decimals.

    Examples
    --------
    >>> format_percent(0.0122)
    '1.22 %'
    """
    return f"{100 * fraction:.2f} %"


def console(*, stderr: bool = False) -> Console:
    """Return a rich console on the stream as it is now; nothing is guessed at and highlighted."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def print_error(title: str, message: str) -> None:
    """Write one block to stderr: what went wrong, then why and what to try, indented.

    Plain text when stderr is not a terminal, so that logs can be searched.
    """
    body = textwrap.indent(message.strip() or "no further message", "  ")
    red, plain = ("\x1b[1;31m", "\x1b[0m") if _colour(sys.stderr.isatty()) else ("", "")
    print(f"{red}kernelgen: {title}{plain}\n{body}", file=sys.stderr)


def _colour(is_terminal: bool) -> bool:
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_panel(title: str, rows: list[tuple[str, str]]) -> None:
    """Write a panel of names and values to stdout; both may hold rich's markup."""
    from rich.panel import Panel
    from rich.table import Table

    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(style="dim")
    table.add_column()
    for name, text in rows:
        table.add_row(name, text)
    console().print(Panel(table, title=title, title_align="left", expand=False))


def print_warnings(messages: list[str]) -> None:
    """Write warnings to stderr, one line each."""
    for message in messages:
        print(f"kernelgen: warning: {message}", file=sys.stderr)


@contextmanager
def printing_warnings() -> Iterator[None]:
    """Write the warnings of the block to stderr when it is done, one line each; a block that raises has said enough."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    print_warnings([str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)])


Reporter = Callable[["Progress"], None]
LoadReporter = Callable[[str, int, int | None], None]


@contextmanager
def reporting(*, quiet: bool) -> Iterator[Reporter | None]:
    """Yield what a solver reports to: bars on a terminal, sparse lines elsewhere, None when quiet."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield _lines()


@contextmanager
def loading(*, quiet: bool) -> Iterator[LoadReporter | None]:
    """Yield what a loader reports to while it downloads or reads many files: bars on a terminal, else None."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    tasks: dict[str, TaskID] = {}
    with Bars(console=console(stderr=True), transient=True) as bars:

        def report(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield report


@contextmanager
def phases(*, quiet: bool) -> Iterator[Callable[[str, float], None] | None]:
    """Yield what a job that knows only (phase, fraction) reports to; the clock is kept here."""
    from kernelgen.solvers.progress import Progress

    with reporting(quiet=quiet) as report:
        if report is None:
            yield None
            return
        write = report
        starts: dict[str, float] = {}
        end = time.perf_counter()  # of the phase before

        def tell(phase: str, fraction: float) -> None:
            nonlocal end
            now = time.perf_counter()
            seconds = now - starts.setdefault(phase, end)
            end = now if fraction >= 1 else end
            left = seconds * (1 - fraction) / fraction if fraction > 0.01 else None
            write(Progress(phase, fraction, seconds, left))

        yield tell


@contextmanager
def _bars() -> Iterator[Reporter]:
    from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=32),
        TaskProgressColumn(),
        TextColumn("{task.fields[clock]}"),
    )
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, console=console(stderr=True), transient=True) as bars:

        def report(progress: Progress) -> None:
            if progress.phase not in tasks:
                tasks[progress.phase] = bars.add_task(progress.phase, total=1.0, clock="")
            bars.update(tasks[progress.phase], completed=progress.fraction, clock=_clock(progress))

        yield report


def _lines() -> Reporter:
    said: dict[str, float] = {}  # phase -> seconds when a line was last written

    def report(progress: Progress) -> None:
        is_done = progress.fraction >= 1.0
        if progress.seconds < said.get(progress.phase, 0.0):  # the same phase of the next solve
            del said[progress.phase]
        wait = SECONDS_WORTH_A_LINE if is_done else SECONDS_BETWEEN_LINES
        if progress.seconds - said.get(progress.phase, 0.0) < wait:
            return
        said[progress.phase] = progress.seconds
        print(
            f"{progress.phase:<12} {100 * progress.fraction:3.0f} %  {_clock(progress)}",
            file=sys.stderr,
            flush=True,
        )

    return report


def _clock(progress: Progress) -> str:
    spent = format_seconds(progress.seconds)
    if progress.fraction >= 1.0 or progress.eta_seconds is None:
        return spent
    return f"{spent}, about {format_seconds(progress.eta_seconds)} left"
