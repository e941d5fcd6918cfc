"""What ``kernelgen memorize`` writes: a network as a panel, a sweep as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernelgen.cli.terminal import console, format_seconds, print_panel

if TYPE_CHECKING:
    from kernelgen.experiments.memorize import MemorizeRecord


def print_network(record: MemorizeRecord) -> None:
    """Write a panel: counts against the formula, certificate, conditioning, seconds."""
    from rich.markup import escape

    size = f"n = {record.n_samples:,}, d = {record.n_features:,}, labels {record.labels}"
    verdict = "memorized" if record.holds else "NOT memorized as the theorem says"
    print_panel(f"[bold]{escape(record.dataset)}[/bold]: {size}: {verdict}", _network_rows(record))


def _network_rows(record: MemorizeRecord) -> list[tuple[str, str]]:
    counts, seconds = record.n_weights, record.seconds
    is_deep = record.builder == "zhang" and record.depth > 2
    sign = "=" if record.formula_is_exact else "<="
    counted = f"{counts['nonzero']:,} nonzero" if is_deep else f"{counts['tied']:,} tied"
    formula = {"zhang": "d + 3n + 3(k-2) - 1" if is_deep else "2n + d"}.get(record.builder, "the theorem")
    bound = "" if record.width_bound is None else f"   (at most {record.width_bound:,})"
    arithmetic = "exact, in integers and fractions" if record.exact else f"in {record.arithmetic}"
    rows = [
        ("label errors", f"[bold green]{record.label_errors:,}[/bold green]   of {record.n_samples:,}"),
        ("largest residual", f"{_number(record.max_residual)}   {arithmetic}"),
        ("in float64", f"{_number(record.float64_residual)}   of the stored weights"),
        ("weights", f"{counted}   {sign} {formula} = {counts['formula']:,}"),
        ("all counts", f"{counts['tied']:,} tied, {counts['nonzero']:,} nonzero, {counts['dense']:,} dense"),
        ("depth, width", f"{record.depth:,}, {record.width:,}{bound}"),
        ("largest weight", _number(record.max_abs_weight)),
    ]
    if record.smallest_eigenvalue is not None:
        values = (
            f"{_number(record.smallest_eigenvalue)}, {_number(record.smallest_singular_value)} (estimate)"
        )
        rows += [("eigenvalue, sigma", f"{values}   smallest of the triangular system")]
    if record.n_distinct < record.n_samples:
        rows.append(
            (
                "merged",
                f"{record.n_samples - record.n_distinct:,} rows with the projection and the label of another",
            )
        )
    times = ", ".join(f"{name} {format_seconds(value)}" for name, value in seconds.items() if name != "total")
    rows.append(("time", f"{format_seconds(seconds['total'])}   ({times})"))
    if record.model is not None:
        rows.append(("saved", record.model.replace("[", r"\[")))
    return rows


def print_sweep(record: dict[str, Any], files: list[Path]) -> None:
    """Write a table of the networks, the worst of the draws, and the verdict."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name in ("n", "d", "k", "width", "bound", "weights", "formula", "label errors", "residual"):
        table.add_column(name, justify="right")
    for cell in record["cells"]:
        if cell["seed"] > 0 and cell["holds"]:
            continue  # one line for the draws that agree
        bound = "-" if cell["width_bound"] is None else f"{cell['width_bound']:,}"
        weights = cell["tied"] if cell["depth"] == 2 else cell["nonzero"]
        exact = " exact" if cell["exact"] else ""
        table.add_row(
            *(f"{cell[name]:,}" for name in ("n_samples", "n_features", "depth", "width")),
            *(bound, f"{weights:,}", f"{cell['formula']:,}", f"{cell['label_errors']:,}"),
            f"{_number(cell['max_residual'])}{exact}",
        )
    out = console()
    out.print(table)
    verdict = "holds for all" if record["all_hold"] else "[bold red]does not hold for all[/bold red]"
    out.print(f"\nThe theorem {verdict} {record['n_networks']:,} networks.")
    for path in files:
        out.print(f"wrote {path}", markup=False)


def _number(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.3g}"
