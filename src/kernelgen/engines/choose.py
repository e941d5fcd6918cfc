"""One visible choice of engine; an absent one is an error, never replaced by another."""

from __future__ import annotations

from kernelgen.arrays.checks import check_choice
from kernelgen.engines.base import Engine
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


def engine_name(module: Engine) -> str:
    """Name of an engine module: the last part of its import path."""
    return str(module.__name__).rpartition(".")[2]  # type: ignore[attr-defined]
