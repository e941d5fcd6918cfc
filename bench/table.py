"""Markdown tables from ``bench/results``: what README and the docs quote. Run it again after a benchmark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def read(name: str) -> dict[str, Any] | None:
    """One result, or None where it has not been measured."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def table(header: list[str], rows: list[list[str]]) -> str:
    """Rows as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def peers() -> str:
    """Time, memory and residual of every contender, medians, with ratios to scikit-learn of the same rounds."""
    result = read("peers")
    if result is None:
        return "peers: not measured\n"
    parts = []
    for key, block in result.items():
        if not key.startswith("n = "):
            continue
        rows = [
            [
                name,
                f"{row['seconds']:.1f} s",
                f"{row['time_over_scikit_learn']:.2f}",
                f"{row['peak_bytes'] / 1e9:.2f} GB",
                f"{row['memory_over_scikit_learn']:.2f}",
                f"{row['relative_residual']:.0e}",
            ]
            for name, row in block["median"].items()
        ]
        header = [f"MNIST, {key}", "time", "ratio", "peak memory", "ratio", "relative residual"]
        parts.append(table(header, rows))
    return "\n".join(parts) + f"\n{result['machine']['processor']}, 2 cores, {result['date']}\n"


def factor() -> str:
    """Factor and Gram against the gemm rate and against SciPy's cho_factor."""
    result = read("factor")
    if result is None:
        return "factor: not measured\n"
    rows = [
        [
            key,
            f"{row['gemm_gflops']:.0f}",
            f"{row['factor_gflops']:.0f}",
            f"{row['factor_over_gemm']:.2f}",
            f"{row['factor_over_gemm_fresh_memory']:.2f}",
            f"{row['gram_over_gemm_time']:.2f}",
            f"{row['factor_seconds'] / row['scipy_cho_factor_seconds']:.2f}",
            f"{row['gram_and_factor_over_scipy_cho_factor']:.2f}",
        ]
        for key, row in result.items()
        if isinstance(row, dict) and "factor_over_gemm" in row
    ]
    return table(
        [
            f"n = {result['n']}, d = {result['d']}",
            "gemm Gflop/s",
            "factor Gflop/s",
            "factor / gemm",
            "with fresh memory",
            "Gram time / gemm time of its products",
            "factor time / SciPy cho_factor time",
            "Gram + factor time / SciPy cho_factor time",
        ],
        rows,
    )


def features() -> str:
    """Images a second of each feature map, and the floor of the same run."""
    result = read("features")
    if result is None:
        return "features: not measured\n"
    rows = [
        [
            f"`{spec}`",
            f"{row['n_features']:,}",
            f"{row['stored_bytes'] / 1e6:,.0f} MB",
            f"{row['seconds']:.1f} s",
            f"{row['images_per_second']:,.0f}",
            f"{row['floor']}, {row['floor_over_map']:.2f}",
        ]
        for spec, row in result.items()
        if isinstance(row, dict) and "images_per_second" in row
    ]
    header = [
        f"{result['n']:,} images",
        "features",
        "stored",
        "time",
        "images/s",
        "floor, its time over the map's",
    ]
    return table(header, rows)


def chosen_features() -> str:
    """Held-out errors of the candidates for the features' parameters."""
    result = read("choose-features")
    if result is None:
        return "choose-features: not measured\n"
    rows = [
        [
            f"`{row['spec']}`",
            f"{row['n_train']:,}",
            f"{row['n_features']:,}",
            f"{row['best_percent']:.2f} %",
            f"auto:{row['best_multiple']:g}",
        ]
        for key, families in result.items()
        if key.startswith("n = ")
        for ranked in families.values()
        for row in ranked
    ]
    return table(["features", "training rows", "features", "held-out error", "at the bandwidth"], rows)


def full_runs() -> str:
    """The runs of ``kernelgen solve`` on whole data sets."""
    rows = []
    for path in sorted(RESULTS.glob("solve-*.json")):
        run = json.loads(path.read_text())
        certificate = run["certificate"]
        rows.append(
            [
                path.stem.removeprefix("solve-"),
                f"{run['n_train']:,}",
                f"{100 * run['test_error']:.2f} %",
                f"{100 * run['train_error']:.2f} %",
                f"{certificate['relative_residual']:.0e}",
                f"{certificate['rkhs_norm']:.1f}",
                f"{run['seconds']['total'] / 60:.1f} min",
                f"{run['peak_bytes'] / 1e9:.2f} GB",
            ]
        )
    header = ["run", "n", "test error", "train error", "relative residual", "norm", "time", "peak memory"]
    return table(header, rows)


if __name__ == "__main__":
    print(f"{peers()}\n{factor()}\n{features()}\n{chosen_features()}\n{full_runs()}")
