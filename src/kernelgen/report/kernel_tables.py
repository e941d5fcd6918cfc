"""Markdown of the paper's kernel table."""

from __future__ import annotations

from typing import Any

from kernelgen.report.kernel_rows import chosen_fit, interpolant
from kernelgen.report.markdown import grid, percent


def kernels_markdown(record: dict[str, Any]) -> str:
    """Paper beside ours, a line a row; then every ridge; then what failed."""
    rows = record["rows"]
    parts = [
        f"# Exact kernel interpolation, and a ridge: {record['scale']} scale\n",
        "Test errors. Ridges and their bandwidths were chosen on held-out training rows, never on the test set.\n",
        grid(
            (
                "",
                "paper, %",
                "ridge 0",
                "norm",
                "chosen ridge",
                "its error",
                "n",
                "features",
                "time",
                "engine",
            ),
            [_line(row) for row in rows],
        ),
        _copies(rows),
        "## Ridge curves\n",
        grid(
            (
                "",
                "ridge",
                "bandwidth",
                "held-out error",
                "test error",
                "train error",
                "norm",
                "relative residual",
            ),
            [line for row in rows for line in _curve(row)],
        ),
    ]
    if record["failed"]:
        parts += [
            "## Not solved\n",
            grid(("", "why"), [(each["what"], each["message"]) for each in record["failed"]]),
        ]
    parts.append(f"Made by `{record['command']}`; the rows took {record['seconds']:,.0f} s in all.\n")
    return "\n".join(part for part in parts if part)


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    plain, best = interpolant(row), chosen_fit(row)
    known = plain or row["fits"][0]
    return (
        _name(row),
        row["paper"] or "-",
        "-" if plain is None else percent(plain["test_error"]),
        "-" if plain is None else _number(plain["certificate"]["rkhs_norm"], 4),
        "-" if best is None else f"{best['ridge']:g}",
        "-" if best is None else percent(best["test_error"]),
        f"{known['n_train']:,}",
        f"{known['n_features']:,}",
        f"{known['seconds']['total']:,.1f} s",
        f"{known['engine']}, {known['precision']}",
    )


def _curve(row: dict[str, Any]) -> list[tuple[str, ...]]:
    lines = [
        (
            _name(row),
            f"{fit['ridge']:g}",
            "-" if fit["bandwidth"] is None else f"{fit['bandwidth']:.4g}",
            percent(error),
            percent(fit["test_error"]),
            percent(fit["train_error"]),
            _number(fit["certificate"]["rkhs_norm"], 4),
            _number(fit["certificate"]["relative_residual"], 1),
        )
        for fit, error in zip(row["fits"], row["errors"], strict=True)
    ]
    return lines + [
        (_name(row), f"{each['ridge']:g}", f"{each['bandwidth'] or '-'}", each["message"], "", "", "", "")
        for each in row["unsolved"]
    ]


def _number(value: float | None, digits: int) -> str:
    return "not finite" if value is None else f"{value:.{digits}g}"


def _name(row: dict[str, Any]) -> str:
    return row["what"] if row["official"] else f"{row['what']} *"


def _copies(rows: list[dict[str, Any]]) -> str:
    if all(row["official"] for row in rows):
        return ""
    return "\\* Not the official files: a copy with other bytes (of CIFAR-10, JPEG images).\n"
