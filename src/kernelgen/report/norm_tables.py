"""Markdown of the records of implicit regularization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernelgen.report.markdown import grid, percent


def norms_markdown(record: dict[str, Any]) -> str:
    """The interpolants, the features and the bandwidths, norm and test error side by side.

    The status of a row that is not solved stands beside its residual.
    """
    return "\n".join(
        (
            f"# Norms of interpolants: {record['dataset']}, {record['n_train']:,} training rows\n",
            "Every row interpolates its training set. The norm is sqrt(sum_c alpha_c^T K alpha_c), one-hot targets.\n",
            "## The norm does not tell which interpolant generalizes\n",
            _table(record["interpolants"], "what"),
            "## Features (the paper: a norm of about 220 raw, 390 after a wavelet transform, with half the error)\n",
            _table(record["features"], "what"),
            "## Bandwidths: nearly the same error at norms far apart\n",
            _table(record["bandwidths"], "bandwidth"),
            f"Made by `{record['command']}` in {record['seconds']:.1f} s.\n",
        )
    )


def curves_markdown(record: dict[str, Any]) -> str:
    """Epochs, and the distance reached, of every run."""
    rows = [
        (
            run["name"],
            run["status"],
            f"{run['epochs']}",
            f"{run['distance'][-1]:.1e}",
            f"{run['span_distance']:.1e}",
            f"{run['seconds']:.2f} s",
        )
        for run in record["runs"]
    ]
    head = (
        "run",
        "status",
        "epochs",
        "distance to the minimum norm",
        "largest distance from the span",
        "time",
    )
    return (
        f"# SGD from 0 lands on the minimum norm: {record['n']:,} Gaussian rows, {record['d']:,} features\n\n"
        f"{grid(head, rows)}\nMade by `{record['command']}` in {record['seconds']:.1f} s.\n"
    )


def double_descent_markdown(record: dict[str, Any]) -> str:
    """Measured risks beside the formula's, and the random features."""
    parts = [f"# Double descent without a ridge\n\n## Gaussian rows, n = {record['n_gaussian']:,}\n"]
    for curve in record["gaussian"]:
        rows = [
            (
                f"{point['ratio']:.2f}",
                f"{point['risk']:.4f}",
                f"{point['standard_error']:.4f}",
                f"{point['formula']:.4f}",
            )
            for point in curve["points"]
        ]
        head = ("features / rows", "measured risk", "standard error", "formula")
        parts.append(f"### {curve['name']}\n\n{grid(head, rows)}")
    counts = [
        (
            f"{point['n_features']:,}",
            percent(point["train_error"]),
            percent(point["test_error"]),
            f"{point['norm']:.4g}",
            f"{point['rank']:,}",
        )
        for point in record["random_features"]
    ]
    heads = ("random Fourier features", "train error", "test error", "norm", "rank")
    parts.append(f"## {record['dataset']}, {record['n_rows']:,} rows\n\n{grid(heads, counts)}")
    parts.append(f"Made by `{record['command']}` in {record['seconds']:.1f} s.\n")
    return "\n".join(parts)


def _table(rows: Sequence[dict[str, Any]], first: str) -> str:
    head = (first, "norm", "train error", "test error", "relative residual")
    return grid(head, [(str(row[first]), *_numbers(row)) for row in rows])


def _numbers(row: dict[str, Any]) -> tuple[str, ...]:
    if "norm" not in row:
        return ("K has no factor in this precision", "", "", "")
    status = row.get("status", "solved")  # centers drawn at random have none
    return (
        f"{row['norm']:.5g}",
        percent(row["train_error"]),
        percent(row["test_error"]),
        f"{row['relative_residual']:.0e}" + ("" if status == "solved" else f" ({status})"),
    )
