"""``kernelgen predict``: a saved model on new rows."""

from __future__ import annotations

import csv
import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kernelgen.cli import options
from kernelgen.cli.options import EngineName
from kernelgen.cli.terminal import format_percent, loading, print_warnings, reporting

if TYPE_CHECKING:
    from numpy.typing import NDArray


def predict(
    model_file: options.ModelArgument,
    source: options.InputArgument,
    output: options.Output = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    engine: options.EngineOption = EngineName.auto,
    threads: options.Threads = None,
) -> None:
    """Predict with a saved model.

    Values are raw, as the training data were (0 to 255 for the bytes of an image): the model knows its scale.
    Predictions go to stdout, one a line, unless --output or --json is given.

    [bold]Examples[/bold]

      kernelgen predict mnist.safetensors mnist

      kernelgen predict mnist.safetensors scans/ --output labels.csv
    """
    if output is not None:
        check_output(output)

    from kernelgen.estimators.model_file import load_model
    from kernelgen.estimators.targets import error_rate
    from kernelgen.experiments.rows import read_rows

    model = load_model(model_file)
    with warnings.catch_warnings(), loading(quiet=quiet) as load_progress:
        warnings.simplefilter("ignore", UserWarning)  # the loader's; printed below as one line each
        rows = read_rows(source, model, data_dir=data_dir, offline=offline, progress=load_progress)
    print_warnings(rows.warnings)
    with reporting(quiet=quiet) as report:
        scores = model.scores(rows.values, engine=engine.value, threads=threads, progress=report)
    predicted = model.decode(scores)
    error = None if rows.labels is None else error_rate(predicted.astype(str), rows.labels)
    if output is not None:
        write_predictions(output, rows.names, predicted)
    if as_json:
        record = {
            "model": str(model_file),
            "input": source,
            "n_samples": len(predicted),
            "n_features": model.n_features,
            "classes": None if model.classes is None else model.classes.tolist(),
            "error": error,
            "output": None if output is None else str(output),
            "predictions": predicted.tolist(),
        }
        sys.stdout.write(json.dumps(record) + "\n")
    elif output is None:
        sys.stdout.write("".join(f"{label}\n" for label in predicted.tolist()))
    sys.stdout.flush()  # a closed pipe shows here, where it is handled
    if error is not None and not quiet:
        print(f"error {format_percent(error)} of {len(predicted):,}", file=sys.stderr)
    if output is not None and not quiet:
        print(f"{len(predicted):,} predictions written to {output}", file=sys.stderr)


def check_output(output: Path) -> None:
    """Raise before any work where predictions could not be written."""
    from kernelgen.arrays.whole_file import check_destination

    if output.suffix not in (".npy", ".csv"):
        raise typer.BadParameter(f"{output} must end in .npy or .csv", param_hint="--output")
    check_destination(output)


def write_predictions(output: Path, names: list[str], predicted: NDArray[Any]) -> None:
    """Write an array, or a table of row and prediction; whole or not at all."""
    import numpy as np

    from kernelgen.arrays.whole_file import whole_file

    with whole_file(output) as partial:
        if output.suffix == ".npy":
            np.save(partial, predicted, allow_pickle=False)
        else:
            columns = [predicted] if predicted.ndim == 1 else list(predicted.T)
            header = ["prediction"] if len(columns) == 1 else [f"prediction_{k}" for k in range(len(columns))]
            with partial.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["row", *header])
                writer.writerows(zip(names, *(column.tolist() for column in columns), strict=True))
