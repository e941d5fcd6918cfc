"""Table 3 of the paper: exact kernel interpolation of MNIST and CIFAR-10, on pixels and on features, and ridge curves.

Each row is one sweep of :mod:`kernelgen.experiments.solve_sweep`: ridge 0 and a few more, bandwidths chosen on held-out
training rows, never on the test set. Finished rows can be kept; a run that was stopped goes on with the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from kernelgen.arrays.checks import check_choice
from kernelgen.datasets.registry import load_dataset
from kernelgen.errors import EngineUnavailable, KernelgenError, UsageError
from kernelgen.experiments.kept_rows import KeptRows, digest_of
from kernelgen.experiments.solve import SolveConfig, SolveProblem, prepare_solve
from kernelgen.experiments.solve_record import number_text
from kernelgen.experiments.solve_streamed import is_streamed
from kernelgen.experiments.solve_sweep import Sweep, plan_sweep, solve_sweep
from kernelgen.features.registry import make_features
from kernelgen.solvers.progress import ProgressCallback

RIDGES = (0.0, 1e-4, 1e-3, 1e-2)
TOLERANCE = 1e-8
"""Of the relative residual: no count of errors sees it, and a wide kernel at 50,000 rows has no 1e-10 in float64."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: what is solved, and what the paper has for it.

    Parameters
    ----------
    name : str
        As ``--row`` takes it.
    what : str
        As a reader sees it.
    solve : SolveConfig
        Data set, features and kernel; "auto" precision.
    bandwidths : tuple
        Chosen from for each ridge on held-out rows.
    paper : str
        Test error in per cent with ridge 0, and with a ridge where there is one; empty where the paper has none.
    precision : str
        What "auto" stands for: smooth features need wide kernels, whose K at 60,000 rows has no float32 factor.
    filters : int or None
        Of random convolutions.
    """

    name: str
    what: str
    solve: SolveConfig
    bandwidths: tuple[float | str, ...] = ("auto",)
    paper: str = ""
    precision: str = "auto"
    filters: int | None = None


def random_conv_row(filters: int) -> TableRow:
    """CIFAR-10 with so many random filters; the bandwidths that came out best on held-out rows are among its own."""
    return TableRow(
        f"cifar10-randconv{_short(filters)}",
        f"CIFAR-10, {filters:,} random filters",
        SolveConfig(dataset="cifar10", features=f"randconv{_short(filters)}"),
        bandwidths=("auto:2", "auto:4", "auto:8"),
        paper="17, with a ridge 15 (32,000 filters)",
        filters=filters,
    )


# Multiples of the rule's bandwidth and the maps' defaults were chosen on held-out training rows of MNIST.
ROWS = (
    TableRow("mnist-raw", "MNIST, pixels", SolveConfig(dataset="mnist"), (5.0,), "1.2"),
    TableRow(
        "mnist-gabor",
        "MNIST, Gabor",
        SolveConfig(dataset="mnist", features="gabor"),
        ("auto:3",),
        "0.6",
        "float64",
    ),
    TableRow(
        "mnist-wavelet",
        "MNIST, wavelet",
        SolveConfig(dataset="mnist", features="wavelet"),
        ("auto:3",),
        "",
        "float64",
    ),
    TableRow(
        "mnist-scattering",
        "MNIST, scattering",
        SolveConfig(dataset="mnist", features="scattering"),
        ("auto:3",),
        "",
        "float64",
    ),
    TableRow(
        "mnist-polynomial",
        "MNIST, normalised polynomial of degree 4",
        SolveConfig(dataset="mnist", kernel="polynomial", degree=4, normalize=True),
        paper="1.18 (authors' code)",
    ),
    TableRow("cifar10-raw", "CIFAR-10, pixels", SolveConfig(dataset="cifar10"), (6.0,), "46"),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """Training and test rows, and numbers of random filters."""

    n_train: int | None
    n_test: int | None
    filters: tuple[int, ...]


SCALES = {
    "small": Scale(2000, 2000, (64, 256)),
    "medium": Scale(10_000, None, (256, 1000)),
    "full": Scale(None, None, (256, 1000, 2000, 4000)),
}


@dataclass(frozen=True)
class KernelTableConfig:
    """Which rows, how many images, which ridges.

    Parameters
    ----------
    scale : {"small", "medium", "full"}
        2,000, 10,000 or all training images.
    rows : tuple of str
        Names of rows; empty: all of them.
    ridges : tuple of float
    filters : tuple of int
        Of the rows of random convolutions; empty: those of the scale.
    precision, engine, threads, memory_budget, data_dir, offline, seed
        As for :class:`SolveConfig`.
    products : str or None
        Folder for the inner products of random convolutions, 4 n^2 bytes a row: a row that was stopped goes on there.
    """

    scale: str = "small"
    rows: tuple[str, ...] = ()
    ridges: tuple[float, ...] = RIDGES
    filters: tuple[int, ...] = ()
    precision: str = "auto"
    engine: str = "auto"
    threads: int | None = None
    memory_budget: int | str | None = None
    data_dir: str | None = None
    offline: bool = False
    seed: int = 0
    products: str | None = None

    def __post_init__(self) -> None:
        check_choice(self.scale, "scale", tuple(SCALES))
        Sweep(self.ridges)
        for filters in self.filters:
            make_features(f"randconv{_short(filters)}")
        known = [row.name for row in self._all_rows()]
        if len(set(known)) < len(known):
            raise UsageError(f"filters names a value twice: {', '.join(map(str, self.filters))}")
        for name in self.rows:
            if name not in known:
                raise UsageError(f"no row is called {name!r}; there are {', '.join(known)}")

    def table_rows(self) -> list[TableRow]:
        """Return the rows that are asked for."""
        return [row for row in self._all_rows() if not self.rows or row.name in self.rows]

    def _all_rows(self) -> list[TableRow]:
        return [*ROWS, *map(random_conv_row, self.filters or SCALES[self.scale].filters)]

    def solve_config(self, row: TableRow) -> SolveConfig:
        """Return what is prepared and solved for a row."""
        scale = SCALES[self.scale]
        resume = None
        if self.products is not None and row.filters is not None:
            resume = str(Path(self.products) / f"{row.name}-{self.scale}.safetensors")
        return replace(
            row.solve,
            bandwidth=row.bandwidths[0],
            ridge=min(self.ridges),
            tol=TOLERANCE,
            n_train=scale.n_train,
            n_test=scale.n_test,
            precision=row.precision if self.precision == "auto" else self.precision,
            engine=self.engine,
            threads=self.threads,
            memory_budget=self.memory_budget,
            data_dir=self.data_dir,
            offline=self.offline,
            seed=self.seed,
            resume=resume,
        )

    def sweep(self, row: TableRow) -> Sweep:
        """Return what a row tries: with one ridge and one bandwidth there is nothing to choose."""
        sweep = Sweep(self.ridges, row.bandwidths)
        return replace(sweep, choose="none") if sweep.is_single else sweep

    def command(self) -> str:
        """Return the command line that runs this config."""
        words = [
            f"kernelgen reproduce kernels --scale {self.scale}",
            *(f"--row {name}" for name in self.rows),
        ]
        if self.ridges != RIDGES:
            words.append("--ridge " + ",".join(map(number_text, self.ridges)))
        if self.filters:
            words.append("--filters " + ",".join(map(_short, self.filters)))
        words += [
            f"--{name} {value}"
            for name in ("precision", "engine")
            if (value := getattr(self, name)) != "auto"
        ]
        return " ".join([*words, f"--seed {self.seed}"])


def plan_kernel_table(
    config: KernelTableConfig, unsolved: Callable[[KernelgenError], None] | None = None
) -> Iterator[tuple[TableRow, SolveProblem, Sweep]]:
    """Prepare one row after the other: its plan is of the choice and one fit. Nothing is solved.

    Parameters
    ----------
    config : KernelTableConfig
    unsolved : callable or None
        Given the error of a row whose engine cannot run; None: the error goes to the caller.
    """
    for row in config.table_rows():
        try:
            problem, sweep = prepare_solve(config.solve_config(row)), config.sweep(row)
        except EngineUnavailable as error:
            if unsolved is None:
                raise
            unsolved(error)
        else:
            yield row, replace(problem, plan=plan_sweep(problem, sweep)), sweep


def planned_seconds(problem: SolveProblem, sweep: Sweep) -> float:
    """Of the choice and all fits of a row, whose features and inner products are made once.

    A streamed test set is read once, too.
    """
    streamed = is_streamed(problem.features)
    once = {"features", "gram", "choose", *(["predict"] if streamed else [])}
    return sum(each.seconds * (1 if each.name in once else sweep.n_fits) for each in problem.plan.phases)


def run_kernel_table(
    config: KernelTableConfig,
    *,
    keep: Path | None = None,
    progress: ProgressCallback | None = None,
    tell: Callable[[str], None] | None = None,
    unsolved: Callable[[KernelgenError], None] | None = None,
) -> dict[str, Any]:
    """Solve every row; ready for JSON.

    Parameters
    ----------
    config : KernelTableConfig
    keep : path or None
        Folder where finished rows are kept; those of the same config that are there are not made again.
    progress : callable or None
    tell : callable or None
        Told of each row as it begins.
    unsolved : callable or None
        Given the error of a row that could not be solved, which the others do not wait for.

    Returns
    -------
    record : dict
        ``rows``, in the order of the table, and ``failed``: rows that could not be solved, with the message.

    Raises
    ------
    DataMissing, DataError, UsageError
        Before the first row: all data sets are read first.

    Notes
    -----
    n^3 / 3 flops for each row and ridge.
    """
    chosen = config.table_rows()
    data = {name: _digest(config, name) for name in dict.fromkeys(row.solve.dataset for row in chosen)}
    if config.products is not None:
        Path(config.products).mkdir(parents=True, exist_ok=True)
    done, failed = [], []
    for k, row in enumerate(chosen):
        if tell is not None:
            tell(f"row {k + 1} of {len(chosen)}: {row.name}")
        told = _told(config, row, data[row.solve.dataset])
        try:
            done.append(KeptRows(keep).row(row.name, told, partial(_solve_row, config, row, progress)))
        except KernelgenError as error:
            if unsolved is not None:
                unsolved(error.with_traceback(None))  # its frames hold features and factors
            failed.append(
                {"name": row.name, "what": row.what, "error": type(error).__name__, "message": str(error)}
            )
    return {
        "command": config.command(),
        "scale": config.scale,
        "rows": done,
        "failed": failed,
        "seconds": sum(row["seconds"] for row in done),
    }


def _solve_row(config: KernelTableConfig, row: TableRow, progress: ProgressCallback | None) -> dict[str, Any]:
    start = time.perf_counter()
    problem = prepare_solve(config.solve_config(row))
    sweep = solve_sweep(problem, config.sweep(row), progress=progress).as_dict()
    return {
        "name": row.name,
        "what": row.what,
        "official": bool(problem.data.provenance.get("official", False)),
        "paper": row.paper,
        "filters": row.filters,
        "seconds": time.perf_counter() - start,
        **sweep,
    }


def _told(config: KernelTableConfig, row: TableRow, data: str) -> dict[str, Any]:
    """Everything a row's numbers depend on; not where its data and products are, nor how many threads there are."""
    solve = asdict(config.solve_config(row))
    for name in ("data_dir", "offline", "threads", "memory_budget", "resume"):
        del solve[name]
    return {"solve": solve, "sweep": asdict(config.sweep(row)), "data": data}


def _digest(config: KernelTableConfig, name: str) -> str:
    data = load_dataset(name, data_dir=config.data_dir, offline=config.offline, seed=config.seed)
    return digest_of(data)


def _short(filters: int) -> str:
    """2k for 2,000."""
    return f"{filters // 1000}k" if filters % 1000 == 0 else str(filters)


def parse_filters(text: str) -> tuple[int, ...]:
    """Numbers of filters with commas between.

    Examples
    --------
    >>> parse_filters("256,1k,32k")
    (256, 1000, 32000)
    """
    found: list[int] = []
    for part in text.split(","):
        digits = part.strip().removesuffix("k")
        if not digits.isdecimal() or int(digits) < 1:
            raise UsageError(f"{text!r} is not a list of filters such as 256,1k,32k")
        found.append(int(digits) * (1000 if part.strip().endswith("k") else 1))
    return tuple(found)
