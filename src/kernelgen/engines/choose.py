"""One visible choice of engine; an absent one is an error, never replaced by another."""

from __future__ import annotations

from kernelgen.arrays.checks import check_choice
from kernelgen.engines.base import Engine
from kernelgen.engines.convolution import Convolutions
from kernelgen.errors import EngineUnavailable

ENGINES = ("auto", "native", "portable", "cuda")


def choose(engine: str = "auto") -> Engine:
    """The engine module of that name; ``"auto"`` is the compiled one.

    Raises
    ------
    UsageError
        No engine has that name.
    EngineUnavailable
        The engine cannot run here; the message gives the reason and what to do.
    """
    check_choice(engine, "engine", ENGINES)
    if engine == "cuda":
        from kernelgen.engines import cuda

        reason = cuda.available()
        if reason is not None:
            raise EngineUnavailable(
                f'the CUDA engine cannot be used: {reason}; engine="auto" runs on the processor'
            )
        return cuda
    if engine == "portable":
        from kernelgen.engines import portable

        return portable
    from kernelgen.engines import native

    reason = native.available()
    if reason is not None:
        raise EngineUnavailable(
            f"the native engine cannot be used: {reason}\nBuild it with `pip install .` from the source folder "
            '(a C++20 compiler is needed), or ask for engine="portable", slower and in plain NumPy'
        )
    return native


def choose_convolutions(engine: str = "auto") -> Convolutions:
    """The random convolutions of the engine of that name.

    Raises
    ------
    UsageError, EngineUnavailable
        As for :func:`choose`; or the engine has none.
    """
    name = engine_name(choose(engine))
    if name == "cuda":
        from kernelgen.engines.cuda import convolve as on_the_card

        return on_the_card
    if name != "native":
        raise EngineUnavailable(
            f'random convolutions run in the native engine and in "cuda", not in "{name}"'
        )
    from kernelgen.engines import convolve

    return convolve


def engine_name(module: Engine) -> str:
    """Name of an engine module: the last part of its import path."""
    return str(module.__name__).rpartition(".")[2]  # type: ignore[attr-defined]
