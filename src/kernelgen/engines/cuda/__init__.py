"""The engine of one CUDA card: the only importer of CuPy, loaded when it is first asked for.

K is generated in the memory its factor will have: column panels of tiles with half the storage, or the full square in
one tile, which cuSOLVER factors. Everything above :mod:`~kernelgen.engines.cuda.card` is written against the protocol
of :mod:`~kernelgen.engines.cuda.device` and runs on NumPy as well
(:class:`~kernelgen.engines.cuda.host.Host`), where there is no card to test on.
"""

from __future__ import annotations

from kernelgen.engines.base import storage_elements
from kernelgen.engines.cuda.factor import diag_inverse, factorize, solve
from kernelgen.engines.cuda.place import fetch, place, upload
from kernelgen.engines.cuda.products import cross_multiply, gram, multiply
from kernelgen.engines.cuda.system import available, describe, measure_rates, memory, tiles, workspace_bytes

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
