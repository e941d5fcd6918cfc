"""The lower half of K, written into a factor's own memory, beside the matrix product it consists of."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelgen.arrays.points import Points, center_of
from kernelgen.engines.base import storage_elements
from kernelgen.engines.cuda.blocks import write_block
from kernelgen.engines.cuda.factor import write_panel
from kernelgen.engines.cuda.operands import Operand, prepare
from kernelgen.engines.cuda.panels import panels_of
from kernelgen.engines.cuda.place import place
from kernelgen.kernels.gaussian import Gaussian
from session import Session

SHAPES = ((50_000, 3072), (60_000, 784))
TILE = 1536


def run(session: Session) -> None:
    """Panels of K at the two shapes in float32, float64 and from bytes; then CuPy's and PyTorch's expressions."""
    ceilings = session.result["parts"].get("ceilings", {})
    for n, d in ((400, 32), (300, 20)) if session.smoke else SHAPES:
        for name, dtype, values in (
            ("float32", "float32", "float32"),
            ("float64", "float64", "float64"),
            ("int8", "float32", "uint8"),
        ):
            key = f"n={n} d={d} {name}"
            bytes_needed = storage_elements(n, TILE) * np.dtype(dtype).itemsize + 12 * n * d
            if not session.has(20) or bytes_needed > session.on.available_bytes():
                session.note("gram", key, "skipped: out of time or memory")
                continue
            seconds = half_of_k(session, n, d, dtype, values)
            flops = float(n) ** 2 * d
            ceiling = ceilings.get(f"{name}_flops_per_second")
            session.note(
                "gram",
                key,
                {
                    "seconds": seconds,
                    "flops_per_second": flops / seconds,
                    "of_ceiling": None if ceiling is None else flops / seconds / ceiling,
                    "values_per_second": n**2 / 2 / seconds,
                    "bytes_written_per_second": n**2 / 2 * np.dtype(dtype).itemsize / seconds,
                },
            )
            session.on.release()
    for n, d in ((200, 20),) if session.smoke else ((16_384, 784), (16_384, 3072)):
        if session.has(30):
            session.note("gram", f"full square n={n} d={d} float32", squares(session, n, d))
            session.on.release()


def half_of_k(session: Session, n: int, d: int, dtype: str, values: str) -> float:
    """Median time to write all column panels of K."""
    on, kernel, tile = session.on, Gaussian(np.sqrt(d)), 96 if session.smoke else TILE
    X = session.bytes_points(n, d)
    points = Points(X, 1 / 255) if values == "uint8" else center_of(Points(X.astype(values) / 255))
    x = prepare(on, place(points), kernel, np.dtype(dtype))
    parts = panels_of(on.xp.zeros(storage_elements(n, tile), dtype=dtype), n, tile, on.block)

    def call() -> None:
        for j in range(parts.count):
            write_panel(on, parts, j, x, kernel, d, 0.0)

    return session.median_seconds(call, repeats=3)


def squares(session: Session, n: int, d: int) -> dict[str, Any]:
    """Seconds of a full K by this engine, by CuPy's and by PyTorch's usual expression, of the same float32 points."""
    on, xp = session.on, session.on.xp
    X = (session.bytes_points(n, d) / 255).astype(np.float32)
    kernel = Gaussian(np.sqrt(d))
    x = prepare(on, place(Points(X)), kernel, np.dtype("float32"))
    found = {"kernelgen": _full_square(session, x, kernel, n, d)}
    on.release()
    placed = on.upload(X)

    def expression() -> Any:
        squares = (placed * placed).sum(axis=1)
        return xp.exp(-(squares[:, None] + squares - 2 * placed @ placed.T) / np.float32(2 * d))

    found["cupy" if xp is not np else "numpy"] = session.median_seconds(expression, repeats=3)
    on.release()
    try:
        found["torch"] = by_torch(X)
    except Exception as error:  # PyTorch is optional, and its memory is its own
        found["torch_unavailable"] = f"{type(error).__name__}: {error}"
    return found


def _full_square(session: Session, x: Operand, kernel: Gaussian, n: int, d: int) -> float:
    K = session.on.xp.empty((n, n), dtype=np.float32)
    return session.median_seconds(
        lambda: write_block(session.on, K, x, x, kernel, n_features=d, offset=0), repeats=3
    )


def by_torch(X: np.ndarray) -> float:
    """Median time of exp(-cdist(X, X)^2 / 2 d) in PyTorch, by its own events."""
    import torch

    if not torch.cuda.is_available():
        raise RuntimeError("torch sees no CUDA device")
    placed, d = torch.from_numpy(X).cuda(), X.shape[1]
    times = []
    for _ in range(4):
        start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        K = torch.exp(torch.cdist(placed, placed).square_().mul_(-0.5 / d))
        stop.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(stop) / 1e3)
        del K
    torch.cuda.empty_cache()
    return float(np.median(times[1:]))
