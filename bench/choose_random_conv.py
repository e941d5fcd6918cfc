"""Choose kernel, bandwidth and ridge for random convolutions on CIFAR-10, on held-out rows of the training set.

One streamed sum of inner products of all rows serves every choice: the factor reads those of the first rows, the
held-out rows are predicted from their own rows of the same sum. The test set is never read.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from record import arguments, write

from kernelgen import Gaussian, Linear
from kernelgen.arrays.inner_products import InnerProducts
from kernelgen.datasets import load_dataset
from kernelgen.engines.base import TILE, storage_elements
from kernelgen.errors import NotPositiveDefinite
from kernelgen.estimators.targets import decode_scores, encode_labels, error_rate
from kernelgen.features.base import FeatureValues
from kernelgen.features.layout import Layout
from kernelgen.features.random_conv import RandomConv
from kernelgen.kernels.bandwidth import nearest_neighbour_bandwidth_of_products
from kernelgen.solvers.products import factorize_products
from kernelgen.solvers.streamed import stream_products

MULTIPLES = (1.0, 2.0, 4.0, 8.0, 16.0)
RIDGES = (0.0, 1e-4, 1e-3, 1e-2)


def first_rows(products: InnerProducts, n: int) -> InnerProducts:
    """The products of the first n rows, n a multiple of the tile: a view."""
    return InnerProducts(
        products.tiles[: storage_elements(n, products.tile)], n, products.tile, products.n_features
    )


def main() -> None:
    """Errors on held-out rows for every bandwidth and ridge of the Gaussian kernel, and every ridge of the linear."""
    options = arguments(__doc__)
    n, n_held, filters = (480, 240, 40) if options.smoke else (9600, 2400, 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = load_dataset("digits" if options.smoke else "cifar10", data_dir=options.data_dir)
    X = FeatureValues(data.X_train[: n + n_held], 1 / data.maximum)
    layout = Layout(data.n_features, data.image_shape, data.layout or "interleaved")
    features = (
        RandomConv(filters=filters, patch=3, pool=3, stride=2, bias=0.1)
        if options.smoke
        else RandomConv(filters=filters)
    )
    fitted = features.fit(FeatureValues(X.values[:n], X.scale), layout)
    products = stream_products(fitted, X, dtype=np.float32, threads=2, tile=TILE)
    train = first_rows(products, n)
    norms = products.squared_norms()
    held = np.array([products.row(i)[:n] for i in range(n, n + n_held)])
    classes, Y = encode_labels(data.y_train[:n])
    unit = nearest_neighbour_bandwidth_of_products(train)
    rows: list[dict[str, Any]] = []
    candidates = [(f"auto:{m:g}", Gaussian(m * unit), ridge) for m in MULTIPLES for ridge in RIDGES]
    mean_square = float(norms.mean())
    candidates += [("linear", Linear(), ridge * mean_square) for ridge in RIDGES]
    for name, kernel, ridge in candidates:
        try:
            solution = factorize_products(train, kernel, ridge=ridge).solve(Y)
        except NotPositiveDefinite as error:
            rows.append({"kernel": name, "ridge": ridge, "held_out_error": None, "why": str(error)})
            continue
        K = kernel.evaluate_products(held, norms[n:, None], norms[:n])
        wrong = error_rate(decode_scores(K @ solution.alpha, classes), data.y_train[n : n + n_held])
        certificate = solution.certificate
        rows.append(
            {
                "kernel": name,
                "ridge": ridge,
                "held_out_error": wrong,
                "status": str(solution.status),
                "relative_residual": certificate.relative_residual,
                "rkhs_norm": certificate.rkhs_norm,
            }
        )
        print(rows[-1], flush=True)
    found = [row for row in rows if row["held_out_error"] is not None]
    best = min(found, key=lambda row: row["held_out_error"])
    best_interpolant = min((row for row in found if row["ridge"] == 0), key=lambda row: row["held_out_error"])
    write(
        "choose_random_conv",
        {
            "dataset": data.name,
            "official": data.provenance["official"],
            "n": n,
            "n_held_out": n_held,
            "features": features.spec,
            "neighbour_distance": unit,
            "best": best,
            "best_interpolant": best_interpolant,
            "rows": rows,
        },
        options,
    )


if __name__ == "__main__":
    main()
