"""``kernelgen data``: which data sets there are, fetch them, verify their bytes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kernelgen.cli.terminal import console, format_bytes
from kernelgen.errors import DataError

if TYPE_CHECKING:
    from kernelgen.datasets.dataset import LoadProgress

app = typer.Typer(help="List, fetch and verify data sets.", no_args_is_help=True)

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of the files or its parent [default: $KERNELGEN_DATA_DIR, else a cache]."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")]


@app.command("list")
def list_datasets(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Data sets there are, their sizes, and where each would be read from."""
    from kernelgen.datasets.locate import data_root
    from kernelgen.datasets.registry import DATASETS, locate_dataset

    root = data_root(data_dir)
    found = {name: locate_dataset(name, data_dir=data_dir) for name in DATASETS}
    if as_json:
        entries = [
            {**asdict(info), "path": None if found[name] is None else str(found[name])}
            for name, info in DATASETS.items()
        ]
        _print_json({"data_dir": str(root.path), "chosen_by": root.chosen_by, "datasets": entries})
        return
    rows = []
    for name, info in DATASETS.items():
        if name == "digits":
            where = "embedded"
        elif info.download_bytes is None:
            where = "give --data-dir"
        else:
            where = (
                str(found[name]) if found[name] else f"not here; fetch: {format_bytes(info.download_bytes)}"
            )
        counts = ("" if n is None else f"{n:,}" for n in (info.n_train, info.n_test, info.n_features))
        rows.append((name, info.summary, *counts, where))
    _print_table(("name", "what", "train", "test", "features", "where"), rows)
    typer.echo(f"Looked in {root.path} ({root.chosen_by}). Also: any .npz or .npy file, by its path.")


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Data sets to download: mnist, cifar10.")],
    data_dir: DataDir = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Download data sets, resuming what was interrupted, and check their digests."""
    from kernelgen.datasets.registry import check_name, fetch_dataset

    for name in names:
        check_name(name)
    entries = []
    for name in names:
        started = time.perf_counter()
        with _progress_bars(shown=not (quiet or as_json)) as progress:
            paths = fetch_dataset(name, data_dir=data_dir, progress=progress)
        entries.append(
            {
                "name": name,
                "files": [str(path) for path in paths],
                "bytes": sum(path.stat().st_size for path in paths),
                "seconds": time.perf_counter() - started,
            }
        )
        if not as_json:
            typer.echo(f"{name}: {paths[0].parent}" if paths else f"{name}: embedded, nothing to fetch")
    if as_json:
        _print_json({"fetched": entries})


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Data sets to verify [default: all that are found].")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Read data sets and compare their bytes with the official ones; nothing is downloaded.

    Exits with 4 if one is missing, damaged, or not what the cache should hold. Other bytes in your own folder
    are reported and are no error.
    """
    from kernelgen.datasets.registry import DATASETS, locate_dataset, verify_dataset

    chosen = names or [
        name for name in DATASETS if name == "digits" or locate_dataset(name, data_dir=data_dir)
    ]
    reports = [verify_dataset(name, data_dir=data_dir) for name in chosen]
    if as_json:
        _print_json({"verified": reports})
    else:
        rows = [(r["name"], r["status"], str(r["source"] or "")) for r in reports]
        _print_table(("name", "status", "read from"), rows)
    good = ("official", "other bytes", "readable")
    for report in reports:
        if report["status"] == "other bytes":
            typer.echo(f"warning: {report['message']}", err=True)
    failed = [report["message"] for report in reports if report["status"] not in good]
    if failed:
        raise DataError("\n".join(failed))


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _print_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(
            column, justify="right" if column in ("train", "test", "features") else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*row)
    console().print(table)


@contextmanager
def _progress_bars(*, shown: bool) -> Iterator[LoadProgress | None]:
    """One bar a file on stderr."""
    if not shown:
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True)) as bars:

        def advance(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield advance
