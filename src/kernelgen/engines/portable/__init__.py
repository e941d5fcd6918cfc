"""The reference engine: the algorithm of the compiled one in plain NumPy and SciPy, readable above all.

K is generated in float64 by blocks whenever it is needed and never held beside its factor. Products of bytes are exact
in float64, so that distances of uint8 points carry no rounding before the kernel's formula.
"""

from __future__ import annotations

from kernelgen.engines.base import fetch, memory, place, storage_elements, tiles, upload
from kernelgen.engines.portable.factor import diag_inverse, factorize, solve
from kernelgen.engines.portable.products import cross_multiply, gram, multiply
from kernelgen.engines.portable.system import available, describe, measure_rates, workspace_bytes

__all__ = [
    "available",
    "cross_multiply",
    "describe",
    "diag_inverse",
    "factorize",
    "fetch",
    "gram",
    "measure_rates",
    "memory",
    "multiply",
    "place",
    "solve",
    "storage_elements",
    "tiles",
    "upload",
    "workspace_bytes",
]
