"""Put the commands together, and turn every error into one block on stderr and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from kernelgen import __version__
from kernelgen.cli.bench import app as bench_app
from kernelgen.cli.data import app as data_app
from kernelgen.cli.info import info
from kernelgen.cli.memorize import app as memorize_app
from kernelgen.cli.predict import predict
from kernelgen.cli.reproduce import app as reproduce_app
from kernelgen.cli.sgd import sgd
from kernelgen.cli.solve import solve
from kernelgen.cli.terminal import print_error
from kernelgen.errors import KernelgenError

INTERRUPTED = 130
FILES = 4  # what KernelgenError.exit_code says for data
MEMORY = 5  # and for a budget


class Commands(TyperGroup):
    """The group of commands: whatever a command raises leaves here as an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; translate its exception."""
        try:
            return super().invoke(ctx)
        except (KernelgenError, OSError, MemoryError, KeyboardInterrupt) as error:
            leave(error)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if type(error).__module__.startswith(("click", "typer")):
                raise  # wrong usage: typer shows it with the command's usage line
            leave(error)


def leave(error: BaseException) -> NoReturn:
    """Say what happened and raise typer.Exit with the code for it."""
    if os.environ.get("KERNELGEN_DEBUG") == "1":
        traceback.print_exception(error)
    code, title, message = describe(error)
    if isinstance(error, BrokenPipeError):
        with contextlib.suppress(OSError, ValueError):  # what is left in the buffer has nowhere to go
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    elif message:
        print_error(title, message)
    else:
        print(f"kernelgen: {title}", file=sys.stderr)
    raise typer.Exit(code) from error


def describe(error: BaseException) -> tuple[int, str, str]:
    """Return the exit code, a title and the message for an error."""
    match error:
        case KernelgenError():
            return error.exit_code, TITLES.get(type(error).__name__, "error"), str(error)
        case KeyboardInterrupt():
            return INTERRUPTED, "interrupted", ""
        case BrokenPipeError():
            return 1, "", ""
        case OSError():
            where = f"{error.filename}: " if error.filename is not None else ""
            return FILES, "file error", f"{where}{error.strerror or error}"
        case MemoryError():
            hint = "Try fewer rows; kernelgen solve has --precision mixed, and --plan to see what is needed."
            return MEMORY, "out of memory", f"{error or 'the system refused an allocation'}\n{hint}"
        case _:
            hint = "This is a fault in kernelgen. KERNELGEN_DEBUG=1 shows the traceback."
            return 1, "unexpected error", f"{type(error).__name__}: {error}\n{hint}"


TITLES = {
    "UsageError": "usage error",
    "EngineUnavailable": "engine unavailable",
    "PackageMissing": "package missing",
    "NotPositiveDefinite": "not positive definite",
    "NotConverged": "not converged",
    "DataError": "data error",
    "DataMissing": "data missing",
    "ChecksumMismatch": "checksum mismatch",
    "ConflictingLabels": "conflicting labels",
    "BudgetExceeded": "over the memory budget",
}

app = typer.Typer(
    name="kernelgen",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(asked: bool) -> None:
    """Print the version and leave."""
    if asked:
        print(f"kernelgen {__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Solve K alpha = Y with no regularization, on real data, with a proof of the residual.

    [bold]kernelgen solve[/bold]  fits the embedded digits: plan, progress, test error, certificate.

    [bold]kernelgen memorize[/bold]  builds a ReLU network that fits random labels, by construction, and proves it.
    """
    del version


app.command("solve")(solve)
app.command("predict")(predict)
app.add_typer(memorize_app, name="memorize")
app.command("sgd")(sgd)
app.add_typer(reproduce_app, name="reproduce")
app.add_typer(data_app, name="data")
app.add_typer(bench_app, name="bench")
app.command("info")(info)


def main() -> None:
    """Run the command line; the entry point of the ``kernelgen`` script."""
    try:
        app(prog_name="kernelgen")
    except KeyboardInterrupt:  # before or after a command ran
        print("kernelgen: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
