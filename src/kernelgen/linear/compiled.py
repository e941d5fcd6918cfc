"""Loops compiled by Numba: cached on disk where that is possible, without the interpreter's lock; and a prefetch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

Loop = TypeVar("Loop", bound=Callable[..., Any])

# Sums may be taken in vectors and a product and its sum may be one instruction. Unlike full fast-math this leaves
# nan and inf what they are: divergence is seen by them.
_MATH = {"reassoc", "contract", "nsz"}


def compiled(loop: Loop) -> Loop:
    """The loop in machine code; its results are the same bits on every call and for every number of threads."""
    try:
        built: Any = njit(cache=True, nogil=True, fastmath=_MATH)(loop)
    except RuntimeError:  # no folder to keep the cache in can be written
        built = njit(nogil=True, fastmath=_MATH)(loop)
    return cast("Loop", built)


def _prefetch(_: Any, row: Any, index: Any) -> tuple[Any, Callable[..., Any]]:
    """Ask for the cache line of row[index], to the second level: rows in random order defeat the hardware."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        line = builder.bitcast(builder.gep(array.data, [arguments[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [line.type, word, word, word])
        call = builder.module.declare_intrinsic("llvm.prefetch", [line.type], kind)
        builder.call(call, [line, word(0), word(2), word(1)])  # read, level 2, data
        return context.get_dummy_value()

    return types.void(row, index), generate


prefetch: Any = intrinsic(_prefetch)
