"""MNIST interpolation against scikit-learn's KernelRidge and SciPy, each in a process of its own.

Everyone interpolates the same n digits with the same Gaussian kernel (bandwidth 5 on pixels / 255), ridge 0, one-hot
targets. Each contender's residual is measured by the same float64 certificate, and ours is asked to reach
scikit-learn's in its worst column. Times include the Gram matrix; peaks are resident bytes above the start, with the
data already in memory.
"""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from record import arguments, medians, of_a_peer, write

BANDWIDTH = 5.0
SCALE = 1 / 255


def digits(n: int, data_dir: Any) -> tuple[Any, Any, Any]:
    """n digits as bytes, their pixels / 255 in float64, and one-hot targets; the small embedded ones up to 1,000."""
    from kernelgen.datasets import load_dataset

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = load_dataset("mnist", data_dir=data_dir) if n > 1000 else load_dataset("digits")
    X = data.X_train[:n] if n > 1000 else data.X_train[:n] * np.uint8(15)
    return X, X * SCALE, np.eye(10)[data.y_train[:n]]


class Problem(NamedTuple):
    """What every contender is given."""

    X: Any  # (n, d) bytes
    reals: Any  # (n, d) float64, SCALE * X
    Y: Any  # (n, 10) one-hot
    tol: float  # relative residual of the worst column, asked of kernelgen


def scikit_learn(problem: Problem) -> Any:
    """KernelRidge(alpha=0, kernel="rbf")."""
    from sklearn.kernel_ridge import KernelRidge

    model = KernelRidge(alpha=0.0, kernel="rbf", gamma=1 / (2 * BANDWIDTH**2))
    return model.fit(problem.reals, problem.Y).dual_coef_


def scipy_float64(problem: Problem) -> Any:
    """rbf_kernel, cho_factor and cho_solve, in place where they can be."""
    import scipy.linalg
    from sklearn.metrics.pairwise import rbf_kernel

    K = rbf_kernel(problem.reals, gamma=1 / (2 * BANDWIDTH**2))
    factor = scipy.linalg.cho_factor(K, lower=True, overwrite_a=True, check_finite=False)
    return scipy.linalg.cho_solve(factor, problem.Y.astype(K.dtype), check_finite=False)


def scipy_float32(problem: Problem) -> Any:
    """The same in float32."""
    return scipy_float64(problem._replace(reals=problem.reals.astype(np.float32)))


def ours(precision: str, problem: Problem) -> Any:
    """kernelgen on the bytes, refined until the residual is at most ``tol``."""
    from kernelgen import Gaussian, factorize

    factor = factorize(problem.X, Gaussian(BANDWIDTH), scale=SCALE, precision=precision)
    return factor.solve(problem.Y, tol=problem.tol).alpha


def ours_mixed(problem: Problem) -> Any:
    """precision="mixed"."""
    return ours("mixed", problem)


def ours_float64(problem: Problem) -> Any:
    """precision="float64"."""
    return ours("float64", problem)


CONTENDERS = {
    "scikit-learn KernelRidge": scikit_learn,
    "SciPy float64": scipy_float64,
    "SciPy float32": scipy_float32,
    "kernelgen mixed": ours_mixed,
    "kernelgen float64": ours_float64,
}


def measure(name: str, n: int, data_dir: Any, tol: float) -> dict[str, Any]:
    """Seconds, peak bytes and certified residual of one contender; called in a fresh process."""
    from kernelgen import Gaussian
    from kernelgen.arrays.points import Points
    from kernelgen.engines import native
    from kernelgen.solvers.memory import PeakMemory

    X, reals, Y = digits(n, data_dir)
    warm = slice(0, 200)  # imports and thread pools are not what is measured
    CONTENDERS[name](Problem(X[warm], reals[warm], Y[warm], 1e-8))
    with PeakMemory() as memory:
        start = time.perf_counter()
        alpha = CONTENDERS[name](Problem(X, reals, Y, tol))
        elapsed = time.perf_counter() - start
    product, _ = native.multiply(Points(X, SCALE), Gaussian(BANDWIDTH), alpha.astype(np.float64), threads=2)
    residual = product - Y
    return {
        "seconds": elapsed,
        "peak_bytes": memory.bytes,
        "relative_residual": float(np.linalg.norm(residual) / np.linalg.norm(Y)),
        "largest_column_residual": float(
            np.max(np.linalg.norm(residual, axis=0) / np.linalg.norm(Y, axis=0))
        ),
    }


def main() -> None:
    """All contenders at each n, in turns, so that noise falls on all of them alike."""
    options = arguments(__doc__)
    result: dict[str, Any] = {"bandwidth": BANDWIDTH, "dataset": "mnist", "rounds": options.repeats}
    for n in (600,) if options.smoke else (8_000, 16_000):
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
        for _ in range(1 if options.smoke else options.repeats):
            tol = 1e-8
            for name in CONTENDERS:
                rounds[name].append(of_a_peer(measure, name, n, options.data_dir, tol))
                if name == "scikit-learn KernelRidge":
                    tol = rounds[name][-1]["largest_column_residual"]
        table = {name: medians(runs) for name, runs in rounds.items()}
        reference = table["scikit-learn KernelRidge"]
        for name, row in table.items():
            row["time_over_scikit_learn"] = row["seconds"] / reference["seconds"]
            row["memory_over_scikit_learn"] = row["peak_bytes"] / reference["peak_bytes"]
            if name.startswith("kernelgen"):
                assert row["largest_column_residual"] <= reference["largest_column_residual"], (name, row)
        result[f"n = {n}"] = {"median": table, "all_rounds": rounds}
    write("peers", result, options)


if __name__ == "__main__":
    main()
