"""Draw a recorded run of ``kernelgen solve`` as the terminal shows it, with the command's own printing code.

    python docs/pictures/terminal.py bench/results/solve-mnist-gaussian-mixed.json docs/pictures/solve.svg

The plan is made anew (the data set must be at hand, see KERNELGEN_DATA_DIR); the result is the record's.
"""

import io
import json
import sys
from pathlib import Path

from rich.console import Console

from kernelgen.cli import summary, terminal
from kernelgen.experiments.solve import SolveConfig, SolveRecord, prepare_solve


def main(record_path: str, svg_path: str) -> None:
    """Print prompt, plan and result to a recording console, and save it as SVG."""
    screen = Console(record=True, width=100, force_terminal=True, highlight=False, file=io.StringIO())
    summary.console = terminal.console = lambda **_: screen
    record = SolveRecord(**json.loads(Path(record_path).read_text()))
    config = SolveConfig(
        dataset=record.dataset,
        bandwidth=record.bandwidth,
        precision=record.precision,
        memory_budget="24GB",
    )
    screen.print(
        f"[bold]$[/bold] kernelgen solve --dataset {record.dataset} --bandwidth {record.bandwidth:g}"
    )
    summary.print_plan(prepare_solve(config), stderr=False)
    summary.print_record(record)
    screen.save_svg(svg_path, title="kernelgen solve")


if __name__ == "__main__":
    main(*sys.argv[1:])
