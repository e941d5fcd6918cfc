"""Run the parts of the GPU measurement; see run.sh."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import ceilings
import correct
import gram
import paper
import randconv
import solve
from kernelgen.engines.cuda.device import device, using
from kernelgen.engines.cuda.host import Host
from session import Session
from summary import table

RESULTS = Path(__file__).parents[1] / "results"
PARTS = {
    "correct": correct,
    "ceilings": ceilings,
    "gram": gram,
    "solve": solve,
    "paper": paper,
    "randconv": randconv,
}


def main() -> int:
    """Exit code 0 where every part ran and every check holds."""
    options = arguments()
    with using(Host()) if options.backend == "numpy" else contextlib.nullcontext():
        reason = device().unavailable()
        if reason is not None:
            print(f"no card to measure on: {reason}", file=sys.stderr)
            return 2
        session = Session(
            None if options.smoke and options.output is None else options.output or default_output(),
            smoke=options.smoke,
            minutes=options.minutes,
            data_dir=options.data_dir,
        )
        for name in options.parts or PARTS:
            start = time.perf_counter()
            try:
                PARTS[name].run(session)
            except Exception as error:  # the other parts still run
                traceback.print_exc()
                session.fail(name, f"stopped by {type(error).__name__}: {error}")
            device().release()
            session.note(name, "part_seconds", time.perf_counter() - start)
        session.save()
        print(table(session.result))
    return 1 if session.result["failures"] else 0


def arguments() -> argparse.Namespace:
    """Parts and options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}: all by default")
    parser.add_argument("--backend", choices=("cuda", "numpy"), default="cuda")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes; no file unless --output names one")
    parser.add_argument("--minutes", type=float, default=8.0, help="after them nothing new is started")
    parser.add_argument(
        "--data-dir", default=None, help="where MNIST and CIFAR-10 are (else the usual places)"
    )
    parser.add_argument("--output", type=Path, default=None)
    options = parser.parse_args()
    for name in options.parts:
        if name not in PARTS:
            parser.error(f"there is no part {name!r}: {', '.join(PARTS)}")
    return options


def default_output() -> Path:
    """bench/results/gpu-<card>.json."""
    name = re.sub(r"[^a-z0-9]+", "-", str(device().describe()["device"]).lower()).strip("-")
    return RESULTS / f"gpu-{name}.json"


if __name__ == "__main__":
    sys.exit(main())
