"""MNIST and CIFAR-10 end to end, certificate included; then the most points that fit, by plan, once."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelgen import factorize, plan
from kernelgen.errors import KernelgenError
from kernelgen.kernels.gaussian import Gaussian
from session import Session

SHAPES = {"mnist": (60_000, 10_000, 784, 5.0), "cifar10": (50_000, 10_000, 3072, 10.0)}


def run(session: Session) -> None:
    """Both data sets (their shapes in random bytes where the files are not there), and the largest n."""
    for name in SHAPES:
        if session.has(45):
            end_to_end(session, name)
        else:
            session.note("paper", name, "skipped: out of time")
    largest(session)


def data(session: Session, name: str) -> tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where they come from, and training and test sets: bytes and labels."""
    try:
        from kernelgen.datasets.registry import load_dataset

        found = load_dataset(name, data_dir=session.data_dir, offline=True)
        return "files", found.X_train, found.y_train, found.X_test, found.y_test
    except (ImportError, KernelgenError, OSError) as error:
        print(f"{name}: {type(error).__name__}: {error}\nrandom bytes of its shape are used", flush=True)
    n, m, d, _ = (300, 50, 20, 5.0) if session.smoke else SHAPES[name]
    labels = session.rng.integers(0, 10, n + m)
    X = session.bytes_points(n + m, d)
    return "synthetic", X[:n], labels[:n], X[n:], labels[n:]


def end_to_end(session: Session, name: str) -> None:
    """Twice: the first call compiles and warms up, the second is reported."""
    source, X, y, X_test, y_test = data(session, name)
    if session.smoke:
        X, y, X_test, y_test = X[:300], y[:300], X_test[:50], y_test[:50]
    X, X_test = X.reshape(len(X), -1), X_test.reshape(len(X_test), -1)
    Y = np.where(y[:, None] == np.arange(10), 1.0, -1.0)
    kernel = Gaussian(SHAPES[name][3])

    def call() -> Any:
        factor = factorize(X, kernel, scale=1 / 255, precision="mixed", engine="cuda", n_targets=10)
        solution = factor.solve(Y, tol=1e-9)
        return factor, solution

    for _ in range(2):
        factor = solution = scores = None
        session.on.release()
        (factor, solution), seconds = session.wall(call)
        scores, predict_seconds = session.wall(
            lambda factor=factor, solution=solution: factor.predict(X_test, solution.alpha)
        )
    session.note(
        "paper",
        name,
        {
            "data": source,
            "n": len(X),
            "d": X.shape[1],
            "wall_seconds": seconds,
            "predict_seconds": predict_seconds,
            "status": solution.status.value,
            "relative_residual": solution.certificate.relative_residual,
            "iterations": solution.stats.iterations,
            "seconds": solution.stats.seconds,
            "peak_bytes": solution.stats.peak_bytes,
            "planned_bytes": solution.stats.planned_bytes,
            "tile": solution.stats.tile,
            "test_error": float(np.mean(scores.argmax(axis=1) != y_test)) if source == "files" else None,
            "train_error": float(np.mean(solution.fitted.argmax(axis=1) != y)),
        },
    )
    session.on.release()


def largest(session: Session) -> None:
    """Bisect the plan for the most points of 784 features in mixed precision, and solve them once if time allows."""
    low, high = 100, 400 if session.smoke else 400_000

    def fits(n: int) -> bool:
        return plan(n, 784, 1, precision="mixed", values_dtype="uint8", device="cuda").fits

    while high - low > 100:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    job = plan(low, 784, 1, precision="mixed", values_dtype="uint8", device="cuda")
    found: dict[str, Any] = {
        "n": low, "tile": job.tile, "planned_bytes": job.peak_bytes, "planned_seconds": job.seconds,
    }  # fmt: skip
    if not session.has(2.0 * job.seconds + 15):
        found["run"] = "skipped: out of time"
    else:
        X, y = session.bytes_points(low, 784), session.rng.choice([-1.0, 1.0], low)

        def call() -> Any:
            return factorize(X, Gaussian(5.0), scale=1 / 255, precision="mixed", engine="cuda").solve(y)

        try:
            solution, seconds = session.wall(call)
            found |= {
                "wall_seconds": seconds,
                "status": solution.status.value,
                "relative_residual": solution.certificate.relative_residual,
                "seconds": solution.stats.seconds,
                "peak_bytes": solution.stats.peak_bytes,
            }
        except (MemoryError, KernelgenError) as error:
            found["run"] = f"{type(error).__name__}: {error}"
    session.note("paper", "largest", found)
