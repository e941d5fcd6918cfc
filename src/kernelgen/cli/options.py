"""The options of ``solve`` and ``predict``: a name, a type and one line of help each, grouped in panels."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kernelgen.errors import UsageError

DATA, KERNEL, SOLVER, OUTPUT = "Data", "Kernel", "Solver", "Output"

data_option = partial(typer.Option, rich_help_panel=DATA)
kernel_option = partial(typer.Option, rich_help_panel=KERNEL)
solver_option = partial(typer.Option, rich_help_panel=SOLVER)
output_option = partial(typer.Option, rich_help_panel=OUTPUT)


class KernelName(StrEnum):
    """Kernels that a command line can name."""

    gaussian = "gaussian"
    laplacian = "laplacian"
    polynomial = "polynomial"
    linear = "linear"


class PrecisionName(StrEnum):
    """Precisions of the factor and of the result."""

    auto = "auto"
    float64 = "float64"
    float32 = "float32"
    mixed = "mixed"


class EngineName(StrEnum):
    """Engines; a named one that cannot run here is an error."""

    auto = "auto"
    native = "native"
    portable = "portable"
    cuda = "cuda"


class ChoiceName(StrEnum):
    """Ways to choose among ridges and bandwidths."""

    held_out = "held-out"
    leave_one_out = "leave-one-out"
    none = "none"


def accepted(text: str, parse: Callable[[str], object]) -> str:
    """Return the text, if `parse` takes it; its UsageError, as one of the command line, otherwise."""
    try:
        parse(text)
    except UsageError as error:
        raise typer.BadParameter(f"{error}.") from None
    return text


def parse_bandwidths(text: str) -> tuple[float | str, ...]:
    """Positive numbers, "auto" or "auto:X", with commas between; UsageError for anything else.

    Examples
    --------
    >>> parse_bandwidths("auto:2,5")
    ('auto:2', 5.0)
    """
    from kernelgen.kernels.bandwidth import rule_multiple

    parts = [part.strip() for part in text.split(",")]
    try:
        found = tuple(part if part.startswith("auto") else float(part) for part in parts)
    except ValueError:
        raise UsageError(f"{text!r} is not a number, nor 'auto', nor several with commas between") from None
    for value in found:
        rule_multiple(value)
    return found


def parse_ridges(text: str) -> tuple[float, ...]:
    """Numbers of at least 0 with commas between; UsageError for anything else.

    Examples
    --------
    >>> parse_ridges("0,1e-3")
    (0.0, 0.001)
    """
    from kernelgen.arrays.checks import check_non_negative

    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{text!r} is not a number, nor several with commas between") from None
    return tuple(abs(check_non_negative(value, "ridge")) for value in found)  # -0 is 0


def check_bandwidths(text: str) -> str:
    """Return what was given, if it is bandwidths."""
    return accepted(text, parse_bandwidths)


def check_ridges(text: str) -> str:
    """Return what was given, if it is ridges."""
    return accepted(text, parse_ridges)


def check_budget(text: str | None) -> str | None:
    """Return what was given, if it is a number of bytes such as 8GB."""
    from kernelgen.arrays.checks import parse_bytes

    return None if text is None else accepted(text, parse_bytes)


def check_features(text: str) -> str:
    """Return what was given, if it names features."""
    from kernelgen.features.registry import make_features

    return accepted(text, make_features)


def check_labels(text: str) -> str:
    """Return what was given, if it names labels."""
    from kernelgen.randomization.corruptions import parse_labels

    return accepted(text, parse_labels)


# data
dataset_option = partial(
    data_option,
    "--dataset",
    "-d",
    metavar="NAME",
    help="digits, mnist, cifar10, folder; or a .npz or .npy file.",
)
DatasetOption = Annotated[str, dataset_option()]
DataDir = Annotated[
    Path | None,
    data_option(
        metavar="FOLDER",
        help="Folder of the files, or its parent.",
        show_default="$KERNELGEN_DATA_DIR or a cache",
    ),
]
Offline = Annotated[bool, data_option("--offline", help="Download nothing.")]
FeaturesOption = Annotated[
    str,
    data_option(
        metavar="NAME[:KEY=VALUE,...][+...]",
        help="What the kernel sees: pixels (values / 255; digits: / 16), gabor, wavelet, scattering, "
        "randconv256 to randconv32k, standardize; "
        "for instance gabor:pool=7,stride=3+standardize.",
        callback=check_features,
    ),
]
TrainRows = Annotated[
    int | None,
    data_option("--n-train", min=1, metavar="N", help="Train on the first N rows.", show_default="all"),
]
TestRows = Annotated[
    int | None,
    data_option("--n-test", min=0, metavar="N", help="Test on the first N rows.", show_default="all"),
]
Labels = Annotated[
    str,
    data_option(
        metavar="true|random|corrupted:P",
        help="Training labels: as they are; all drawn at random; each drawn with probability P.",
        callback=check_labels,
    ),
]
Seed = Annotated[int, data_option(min=0, metavar="N", help="Of labels, splits and the bandwidth rule.")]

# kernel
KernelOption = Annotated[
    KernelName,
    kernel_option("--kernel", "-k", metavar="NAME", help="gaussian, laplacian, polynomial or linear."),
]
Bandwidth = Annotated[
    str,
    kernel_option(
        "--bandwidth",
        "-b",
        metavar="auto|auto:X|X[,...]",
        help="Of gaussian and laplacian; auto is the median distance to the nearest neighbour, auto:3 three times it. "
        "Several: see --choose.",
        callback=check_bandwidths,
    ),
]
Degree = Annotated[
    int | None, kernel_option(min=1, metavar="N", help="Of the polynomial kernel.", show_default="3")
]
Normalize = Annotated[
    bool,
    kernel_option(
        "--normalize/--no-normalize", help="Polynomial kernel of x/|x| and z/|z|.", show_default=False
    ),
]
Ridge = Annotated[
    str,
    kernel_option(
        metavar="X[,X...]",
        help="Added to the diagonal of K; 0 interpolates. Several: see --choose.",
        callback=check_ridges,
    ),
]
Choose = Annotated[
    ChoiceName,
    kernel_option(
        metavar="NAME",
        help="Among several ridges or bandwidths, by the training set alone: held-out rows, which choose a bandwidth "
        "for each ridge; leave-one-out, in closed form; none, which fits every pair.",
    ),
]
LeaveOneOut = Annotated[
    bool, kernel_option("--leave-one-out", help="Also count leave-one-out errors, in closed form.")
]

# solver
PrecisionOption = Annotated[
    PrecisionName,
    solver_option(
        "--precision",
        "-p",
        metavar="NAME",
        help="float64; float32; mixed, a float32 factor and a float64 result; or auto: float64 up to 8,192 rows.",
    ),
]
EngineOption = Annotated[
    EngineName,
    solver_option(metavar="NAME", help="auto (native), native, portable or cuda; never replaced in silence."),
]
Tolerance = Annotated[
    float,
    solver_option(
        "--tol", metavar="X", help="Relative residual that every column must reach, else nothing is solved."
    ),
]
Threads = Annotated[
    int | None, solver_option(min=1, metavar="N", help="Threads to use.", show_default="every core")
]
MemoryBudget = Annotated[
    str | None,
    solver_option(
        metavar="SIZE",
        help="Refuse what needs more, e.g. 8GB.",
        show_default="what is free",
        callback=check_budget,
    ),
]

Resume = Annotated[
    Path | None,
    solver_option(
        metavar="FILE", help="Keep the inner products of randconv features in FILE, and go on from there."
    ),
]

# output
PlanOnly = Annotated[
    bool, output_option("--plan", help="Print bytes and seconds of each phase; solve nothing.")
]
Save = Annotated[Path | None, output_option(metavar="FILE", help="Write the model, for kernelgen predict.")]
Output = Annotated[
    Path | None, output_option("--output", "-o", metavar="FILE", help="Write to a .npy or .csv file.")
]
Json = Annotated[bool, output_option("--json", help="One JSON object on stdout and nothing else there.")]
Quiet = Annotated[bool, output_option("--quiet", "-q", help="No plan, no progress.")]

# arguments
ModelArgument = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help="A file written by kernelgen solve --save.", show_default=False),
]
InputArgument = Annotated[
    str,
    typer.Argument(
        metavar="INPUT",
        help="A .npy or .npz file, a folder of images, or the name of a data set (its test rows).",
        show_default=False,
    ),
]
