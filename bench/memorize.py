"""Networks that memorize: a million points, growth with n, peers in the same run, MNIST and CIFAR-10.

The dense triangular solve (scipy.linalg.solve_triangular, with the time to fill the matrix beside it) and numpy.interp
answer the same question; their results are compared before their times are. With ``--plot FOLDER`` the growth is drawn.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
from record import median_seconds, write

from kernelgen.datasets.dataset import DatasetWarning
from kernelgen.datasets.registry import locate_dataset
from kernelgen.experiments.memorize import MemorizeConfig, run_memorize
from kernelgen.memorize.hinges import fit_hinges
from kernelgen.memorize.knots import place_knots
from kernelgen.memorize.project import project
from kernelgen.memorize.sample import line_sample
from kernelgen.memorize.two_layer import build_two_layer
from kernelgen.memorize.verify import certify_line


def say(what: str, value: Any) -> Any:
    print(f"{what}: {value}", file=sys.stderr, flush=True)
    return value


def million(n: int, d: int, repeats: int) -> dict[str, Any]:
    """n float32 points with random classes; times after a first, compiling run on few points."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d), dtype=np.float32)
    Y = rng.integers(0, 10, (n, 1)).astype(np.float64)
    warm = build_two_layer(line_sample(X[:100], Y[:100]))
    warm(X[:100])
    rounds = []
    for _ in range(repeats):
        start = time.perf_counter()
        sample = line_sample(X, Y)
        sampled = time.perf_counter()
        network = build_two_layer(sample)
        built = time.perf_counter()
        outputs = network(X)
        rounds.append((sampled - start, built - sampled, time.perf_counter() - built))
    # the sort is part of the build: project again, alone, and take it off
    alone = median_seconds(lambda: project(X, sample.direction.a), repeats)
    prepare, build, evaluate = (statistics.median(column) for column in zip(*rounds, strict=True))
    errors = int(np.count_nonzero(np.rint(outputs) != Y))
    assert errors == 0
    certificate = certify_line(network, X, Y, sample)
    assert certificate.label_errors == 0
    assert network.n_weights.tied == 2 * n + d
    return {
        "n": n,
        "d": d,
        "seconds": {
            "project": alone,
            "sort_and_build": prepare - alone + build,
            "check_project_and_evaluate": evaluate,
        },
        "label_errors": errors,
        "n_weights_tied": network.n_weights.tied,
        "formula": 2 * n + d,
        "certificate": certificate.as_dict(),
    }


def growth(sizes: list[int], repeats: int) -> list[dict[str, float]]:
    """Seconds to sort and build, and to evaluate, from given projections."""
    rows = []
    for n in sizes:
        rng = np.random.default_rng(n)
        t, y = rng.standard_normal(n), rng.integers(0, 10, (n, 1)).astype(float)

        def build(t: np.ndarray = t, y: np.ndarray = y) -> Any:
            order = np.argsort(t)
            x = t[order]
            return fit_hinges(x, y[order], place_knots(x))

        hinges = build()
        assert np.array_equal(np.rint(hinges(t)), y)
        seconds = {
            "build": median_seconds(build, repeats + 2),
            "evaluate": median_seconds(partial(hinges, t), repeats + 2),
        }
        unit = n * np.log2(n)
        rows.append(
            {"n": n, **seconds, **{f"{k}_ns_per_n_log_n": 1e9 * v / unit for k, v in seconds.items()}}
        )
        say("growth", rows[-1])
    return rows


def peers(n_dense: int, n: int, repeats: int) -> dict[str, Any]:
    """The same weights by a dense triangular solve; the same values by numpy.interp."""
    rng = np.random.default_rng(1)
    x, y = np.sort(rng.standard_normal(n_dense)), rng.integers(0, 10, (n_dense, 1)).astype(float)
    b = place_knots(x)
    ours = median_seconds(lambda: fit_hinges(x, y, b), repeats + 2)
    fill = median_seconds(lambda: np.maximum(x[:, None] - b, 0.0), repeats)
    A = np.maximum(x[:, None] - b, 0.0)
    solve = median_seconds(
        lambda: scipy.linalg.solve_triangular(A, y, lower=True, check_finite=False), repeats
    )
    w = scipy.linalg.solve_triangular(A, y, lower=True)
    difference = float(np.abs(w - fit_hinges(x, y, b).weights).max() / np.abs(w).max())
    assert difference < 1e-6, difference
    t, labels = rng.standard_normal(n), rng.integers(0, 10, (n, 1)).astype(float)
    order = np.argsort(t)
    hinges = fit_hinges(t[order], labels[order], place_knots(t[order]))
    probe = rng.standard_normal(n)
    inside = probe[(probe > t.min()) & (probe < t.max())]
    interp = median_seconds(lambda: np.interp(inside, t[order], labels[order, 0]), repeats)
    sorted_t, sorted_y = t[order], labels[order, 0]
    interp_sorted = median_seconds(lambda: np.interp(inside, sorted_t, sorted_y), repeats)
    bisect = median_seconds(lambda: hinges(inside), repeats)
    found, expected = hinges(inside)[:, 0], np.interp(inside, sorted_t, sorted_y)
    assert np.abs(found - expected).max() < 1e-3
    return {
        "n_dense": n_dense,
        "seconds": {"recurrence": ours, "fill_matrix": fill, "dense_triangular_solve": solve},
        "dense_solve_over_recurrence": solve / ours,
        "dense_solve_and_fill_over_recurrence": (solve + fill) / ours,
        "relative_difference_of_weights": difference,
        "n_interp": n,
        "evaluation_seconds": {"hinges": bisect, "numpy_interp": interp_sorted, "with_gather": interp},
        "numpy_interp_over_hinges": interp_sorted / bisect,
    }


def real_data(name: str, data_dir: Path | None, n: int | None) -> dict[str, Any]:
    """Random labels on a whole data set by integer projection: exact."""
    config = MemorizeConfig(
        dataset=name, data_dir=None if data_dir is None else str(data_dir), n=n, offline=True
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DatasetWarning)
        record = run_memorize(config).as_dict()
    other = any(issubclass(warning.category, DatasetWarning) for warning in caught)
    assert record["holds"]
    assert (record["label_errors"], record["exact"], record["max_residual"]) == (0, True, 0.0)
    del record["source"], record["versions"]
    bytes_of_data = (
        "other than the official ones: a JPEG copy" if other else "official, or without an official digest"
    )
    return say(name, {"bytes": bytes_of_data, **record})


def draw(rows: list[dict[str, float]], folder: Path) -> None:
    """Seconds against n, with n log n beside them."""
    from kernelgen.report.figure import new_figure

    figure, axes = new_figure()
    n = np.array([row["n"] for row in rows], dtype=float)
    for name in ("build", "evaluate"):
        axes.loglog(n, [row[name] for row in rows], "o-", label=name)
    shape = n * np.log2(n)
    axes.loglog(n, rows[-1]["build"] * shape / shape[-1], "--", color="0.5", label="n log n")
    axes.set(xlabel="n", ylabel="seconds", title="Two layers, after the projection")
    axes.legend(frameon=False)
    figure.savefig(folder / "memorize-growth.svg", metadata={"Date": None})


def main() -> None:
    """All of it; data sets that are not at hand are left out and said to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="small sizes, no file written")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data-dir", type=Path, default=None, help="where MNIST and CIFAR-10 are")
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--plot", type=Path, default=None, metavar="FOLDER", help="draw the growth there")
    options = parser.parse_args()
    small = options.smoke
    exponents = np.linspace(3, 4 if small else 6, 3 if small else 10)
    result: dict[str, Any] = {
        "million": say(
            "million", million(2000 if small else 1_000_000, 20 if small else 784, options.repeats)
        ),
        "growth": growth([round(10**e) for e in exponents], options.repeats),
        "peers": say("peers", peers(500 if small else 8000, 5000 if small else 1_000_000, options.repeats)),
    }
    for name in ("digits",) if small else ("mnist", "cifar10"):
        if name == "digits" or locate_dataset(name, data_dir=options.data_dir) is not None:
            result[name] = real_data(name, options.data_dir, None)
        else:
            result[name] = say(name, "not at hand")
    if not small:
        seconds = result["million"]["seconds"]
        assert seconds["sort_and_build"] <= 3
        assert seconds["check_project_and_evaluate"] <= 3
    if options.plot is not None:
        draw(result["growth"], options.plot)
    write("memorize", result, options)


if __name__ == "__main__":
    main()
