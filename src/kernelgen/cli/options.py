"""The options of ``solve`` and ``predict``: a name, a type and one line of help each, grouped in panels."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

DATA, KERNEL, SOLVER, OUTPUT = "Data", "Kernel", "Solver", "Output"

_data = partial(typer.Option, rich_help_panel=DATA)
_kernel = partial(typer.Option, rich_help_panel=KERNEL)
_solver = partial(typer.Option, rich_help_panel=SOLVER)
_output = partial(typer.Option, rich_help_panel=OUTPUT)


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


def check_bandwidths(text: str) -> str:
    """Return what was given, if it is positive numbers, "auto", or "auto:X", with commas between."""
    from kernelgen.errors import UsageError
    from kernelgen.kernels.bandwidth import rule_multiple

    try:
        values = parse_bandwidths(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number, nor 'auto', nor several with commas.") from None
    try:
        for value in values:
            rule_multiple(value)
    except UsageError as error:
        raise typer.BadParameter(f"{error}.") from None
    return text


def parse_bandwidths(text: str) -> tuple[float | str, ...]:
    """Numbers, and what begins with "auto" as it is.

    Examples
    --------
    >>> parse_bandwidths("auto:2,5")
    ('auto:2', 5.0)
    """
    return tuple(part if part.startswith("auto") else float(part) for part in _parts(text))


def check_ridges(text: str) -> str:
    """Return what was given, if it is numbers of at least 0 with commas between."""
    from kernelgen.arrays.checks import check_non_negative
    from kernelgen.errors import UsageError

    try:
        for value in parse_ridges(text):
            check_non_negative(value, "ridge")
    except UsageError as error:
        raise typer.BadParameter(f"{error}.") from None
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a number, nor several with commas.") from None
    return text


def parse_ridges(text: str) -> tuple[float, ...]:
    """Numbers with commas between.

    Examples
    --------
    >>> parse_ridges("0,1e-3")
    (0.0, 0.001)
    """
    return tuple(float(part) for part in _parts(text))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def check_budget(text: str | None) -> str | None:
    """Return what was given, if it is a number of bytes such as 8GB."""
    from kernelgen.arrays.checks import parse_bytes
    from kernelgen.errors import UsageError

    try:
        parse_bytes(text)
    except UsageError as error:
        raise typer.BadParameter(f"{error}.") from None
    return text


def check_features(text: str) -> str:
    """Return what was given, if it names features."""
    from kernelgen.errors import UsageError
    from kernelgen.features.registry import make_features

    try:
        make_features(text)
    except UsageError as error:
        raise typer.BadParameter(f"{error}.") from None
    return text


def check_labels(text: str) -> str:
    """Return what was given, if it names labels."""
    from kernelgen.errors import UsageError
    from kernelgen.randomization.corruptions import parse_labels

    try:
        parse_labels(text)
    except UsageError as error:
        raise typer.BadParameter(f"{error}.") from None
    return text


# data
DatasetOption = Annotated[
    str,
    _data("--dataset", "-d", metavar="NAME", help="digits, mnist, cifar10, folder; or a .npz or .npy file."),
]
DataDir = Annotated[
    Path | None,
    _data(
        metavar="FOLDER",
        help="Folder of the files, or its parent.",
        show_default="$KERNELGEN_DATA_DIR or a cache",
    ),
]
Offline = Annotated[bool, _data("--offline", help="Download nothing.")]
FeaturesOption = Annotated[
    str,
    _data(
        metavar="NAME[:KEY=VALUE,...][+...]",
        help="What the kernel sees: pixels (values / 255; digits: / 16), gabor, wavelet, scattering, "
        "randconv256 to randconv32k, standardize; "
        "for instance gabor:pool=7,stride=3+standardize.",
        callback=check_features,
    ),
]
TrainRows = Annotated[
    int | None, _data("--n-train", min=1, metavar="N", help="Train on the first N rows.", show_default="all")
]
TestRows = Annotated[
    int | None, _data("--n-test", min=0, metavar="N", help="Test on the first N rows.", show_default="all")
]
Labels = Annotated[
    str,
    _data(
        metavar="true|random|corrupted:P",
        help="Training labels: as they are; all drawn at random; each drawn with probability P.",
        callback=check_labels,
    ),
]
Seed = Annotated[int, _data(min=0, metavar="N", help="Of labels, splits and the bandwidth rule.")]

# kernel
KernelOption = Annotated[
    KernelName, _kernel("--kernel", "-k", metavar="NAME", help="gaussian, laplacian, polynomial or linear.")
]
Bandwidth = Annotated[
    str,
    _kernel(
        "--bandwidth",
        "-b",
        metavar="auto|auto:X|X[,...]",
        help="Of gaussian and laplacian; auto is the median distance to the nearest neighbour, auto:3 three times it. "
        "Several: see --choose.",
        callback=check_bandwidths,
    ),
]
Degree = Annotated[
    int | None, _kernel(min=1, metavar="N", help="Of the polynomial kernel.", show_default="3")
]
Normalize = Annotated[
    bool,
    _kernel("--normalize/--no-normalize", help="Polynomial kernel of x/|x| and z/|z|.", show_default=False),
]
Ridge = Annotated[
    str,
    _kernel(
        metavar="X[,X...]",
        help="Added to the diagonal of K; 0 interpolates. Several: see --choose.",
        callback=check_ridges,
    ),
]
Choose = Annotated[
    ChoiceName,
    _kernel(
        metavar="NAME",
        help="Among several ridges or bandwidths, by the training set alone: held-out rows, which choose a bandwidth "
        "for each ridge; leave-one-out, in closed form; none, which fits every pair.",
    ),
]
LeaveOneOut = Annotated[
    bool, _kernel("--leave-one-out", help="Also count leave-one-out errors, in closed form.")
]

# solver
PrecisionOption = Annotated[
    PrecisionName,
    _solver(
        "--precision",
        "-p",
        metavar="NAME",
        help="float64; float32; mixed, a float32 factor and a float64 result; or auto: float64 up to 8,192 rows.",
    ),
]
EngineOption = Annotated[
    EngineName,
    _solver(metavar="NAME", help="auto (native), native, portable or cuda; never replaced in silence."),
]
Threads = Annotated[
    int | None, _solver(min=1, metavar="N", help="Threads to use.", show_default="every core")
]
MemoryBudget = Annotated[
    str | None,
    _solver(
        metavar="SIZE",
        help="Refuse what needs more, e.g. 8GB.",
        show_default="what is free",
        callback=check_budget,
    ),
]

Resume = Annotated[
    Path | None,
    _solver(
        metavar="FILE", help="Keep the inner products of randconv features in FILE, and go on from there."
    ),
]

# output
PlanOnly = Annotated[bool, _output("--plan", help="Print bytes and seconds of each phase; solve nothing.")]
Save = Annotated[Path | None, _output(metavar="FILE", help="Write the model, for kernelgen predict.")]
Output = Annotated[
    Path | None, _output("--output", "-o", metavar="FILE", help="Write to a .npy or .csv file.")
]
Json = Annotated[bool, _output("--json", help="One JSON object on stdout and nothing else there.")]
Quiet = Annotated[bool, _output("--quiet", "-q", help="No plan, no progress.")]

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
