"""Draw the rows of the paper's kernel table that were made with all images, from their records.

    python docs/pictures/kernels_full.py docs/pictures

reads bench/results/kernels-full-*.json and writes kernels-full.svg.
"""

import json
import sys
from pathlib import Path

import matplotlib as mpl

from kernelgen.report.figure import STYLE
from kernelgen.report.kernel_plots import draw_kernels

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results"


def main(folder: Path) -> None:
    records = [json.loads(path.read_text()) for path in RESULTS.glob("kernels-full-*.json")]
    rows = sorted(
        (row for record in records for row in record["rows"]),
        key=lambda row: (row["filters"] or 0, row["name"]),
    )
    with mpl.rc_context(STYLE):
        draw_kernels({"rows": rows}).savefig(folder / "kernels-full.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
