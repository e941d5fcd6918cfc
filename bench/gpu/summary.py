"""The short table: what a reader of the README wants to know, "not measured" where nothing was.

python bench/gpu/summary.py bench/results/gpu-CARD.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def table(result: dict[str, Any]) -> str:
    """Markdown rows of one session's result."""
    parts, machine = result["parts"], result["machine"]
    head = f"{result['device'].get('device')}, {machine.get('driver') or 'no driver file'}, {result['date']}"
    rows = [
        *ceiling_rows(parts),
        *gram_rows(parts),
        *solve_rows(parts),
        *paper_rows(parts),
        *randconv_rows(parts),
    ]
    lines = [f"\n{head}\n", "| what | measured | of its target |", "| --- | --- | --- |"]
    lines += [f"| {what} | {value} | {ratio} |" for what, value, ratio in rows]
    checks = parts.get("correct", {}).get("checks")
    lines.append(
        f"\nchecks: {'not run' if checks is None else checks}; failures: {len(result['failures'])}"
        + "".join(f"\n  {failure}" for failure in result["failures"])
    )
    return "\n".join(lines)


def ceiling_rows(parts: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Library speeds."""
    found = parts.get("ceilings", {})
    rows = [("device copy", amount(found.get("copy_bytes_per_second"), 1e12, "TB/s"), "")]
    names = ("float32", "tf32", "bf16x9", "float64", "int8", "dsyrk")
    speeds = (amount(found.get(f"{name}_flops_per_second"), 1e12, "Tflop/s") for name in names)
    return rows + [(f"{name} product", speed, "") for name, speed in zip(names, speeds, strict=True)]


def gram_rows(parts: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Half of K, and its share of the product's speed (target 0.7)."""
    rows = []
    for key, found in parts.get("gram", {"K": None}).items():
        if isinstance(found, dict) and "of_ceiling" in found:
            share = "" if found["of_ceiling"] is None else f"{found['of_ceiling']:.2f} (0.70)"
            rows.append((f"half of K, {key}", f"{found['seconds'] * 1e3:.1f} ms", share))
        elif key != "part_seconds" and not isinstance(found, dict):
            rows.append((f"half of K, {key}", found or "not measured", ""))
    return rows


def solve_rows(parts: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Panels over the full square (targets: speed 0.95; 1.02 n^2 elements for the square)."""
    rows = []
    for key, found in parts.get("solve", {"factor": None}).items():
        if not key.startswith("engine") or not isinstance(found, dict):
            continue
        ratio = found.get("panels_speed_over_square")
        for layout in ("square", "panels"):
            one = found.get(layout)
            if not isinstance(one, dict):
                rows.append((f"factor, {key[7:]}, {layout}", str(one), ""))
                continue
            points = one["of_them_points"]  # what products read, beside K
            elements = f"{one['peak_elements_over_n2'] - points:.3f} + {points:.3f} n^2 elements"
            text = f"{one['seconds']:.3f} s, {elements}"
            share = "(1.02 n^2)" if layout == "square" else "" if ratio is None else f"{ratio:.2f} (0.95)"
            rows.append((f"factor, {key[7:]}, {layout}", text, share))
    return rows or [("factor", "not measured", "")]


def paper_rows(parts: dict[str, Any]) -> list[tuple[str, str, str]]:
    """End to end (target for MNIST: 3 s, residual 1e-9)."""
    rows = []
    for name in ("mnist", "cifar10", "largest"):
        found = parts.get("paper", {}).get(name)
        if not isinstance(found, dict) or "wall_seconds" not in found:
            rows.append((name, "not measured" if found is None else str(found), ""))
            continue
        text = f"n = {found['n']}, {found['wall_seconds']:.2f} s, residual {found['relative_residual']:.1e}"
        rows.append(
            (f"{name} ({found.get('data', 'synthetic')}), mixed", text, "(3 s, 1e-9)" * (name == "mnist"))
        )
    return rows


def randconv_rows(parts: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Features and streamed sums over the float32 product of the same run (target 0.8), and CIFAR-10 whole."""
    found = parts.get("randconv", {})
    rows = [
        (key, f"{one['seconds']:.3f} s", f"{one['of_ceiling']:.2f} (0.80)")
        for key, one in found.items()
        if isinstance(one, dict) and "of_ceiling" in one
    ] or [("random convolutions", "not measured", "")]
    whole = found.get("cifar10")
    if not isinstance(whole, dict):
        return [*rows, ("cifar10, randconv32k", str(whole or "not measured"), "")]
    text = f"{whole['wall_seconds']:.1f} s, error {100 * whole['test_error']:.1f} %"
    return [*rows, ("cifar10, randconv32k", text, "(60 s, 17 %)")]


def amount(value: float | None, unit: float, name: str) -> str:
    """A number in its unit, or that it was not measured."""
    return "not measured" if value is None else f"{value / unit:.2f} {name}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(table(json.loads(Path(name).read_text())))
