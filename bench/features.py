"""Images a second of each feature map, against the floor of the same run.

The floor of a map that works in Fourier space is the time of its transforms alone (the same sizes and counts, in the
same blocks, on the same threads); that of a wavelet or of ``standardize`` is the time to copy as many bytes as it has
coefficients. Each map's float32 features are checked against its float64 ones. Default: 60,000 images of 28 x 28.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import scipy.fft
from record import arguments, seconds, write

SPECS = (
    "gabor",
    "gabor+standardize",
    "scattering",
    "wavelet",
    "wavelet:kind=decimated",
    "wavelet:kind=packet",
)
SIDE, THREADS, BLOCK = 28, 2, 64


def images(n: int) -> Any:
    """Bytes with the smoothness of images."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (n, SIDE // 4, SIDE // 4))
    return coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8).reshape(n, -1)


def fft_seconds(counts: dict[tuple[int, int], int], n: int) -> float:
    """Time of so many transforms of each size an image, for n images; measured on one block of each."""
    total = 0.0
    for shape, count in counts.items():
        z = np.zeros((THREADS * BLOCK, *shape), np.complex64)
        scipy.fft.ifft2(z, workers=THREADS)
        one = statistics.median(seconds(lambda z=z: scipy.fft.ifft2(z, workers=THREADS)) for _ in range(9))
        total += one / len(z) * count * n
    return total


def copy_seconds(n_bytes: int) -> float:
    """Time to copy so many bytes, measured on 64 MiB."""
    source = np.ones(1 << 26, np.uint8)
    target = np.empty_like(source)
    np.copyto(target, source)
    one = statistics.median(seconds(lambda: np.copyto(target, source)) for _ in range(5))
    return one / len(source) * n_bytes


def measure(spec: str, n: int, repeats: int) -> dict[str, Any]:
    """Median of the rounds for one spec; floor and map take turns."""
    from kernelgen.features import Chain, FeatureValues, Layout, make_features

    X, layout = images(n), Layout(SIDE * SIDE, (SIDE, SIDE, 1))
    rows, features = FeatureValues(X, 1 / 255), make_features(spec)
    fitted, few = features.fit_apply(FeatureValues(X[:64], 1 / 255), layout)
    wide = fitted.apply(FeatureValues(X[:64].astype(np.float64), 1 / 255)).values
    worst = float(np.abs(few.values - wide).max() / np.abs(wide).max())
    assert worst < 1e-5, (spec, worst)
    first = features.maps[0] if isinstance(features, Chain) else features
    transform = first.transform((SIDE, SIDE), np.dtype(np.float32))
    rounds = []
    for _ in range(repeats):
        if hasattr(transform, "ffts"):
            floor = fft_seconds(transform.ffts(), n)
        else:
            floor = copy_seconds(n * transform.plane_bytes)
        made: list[Any] = []
        spent = seconds(lambda made=made: made.append(features.fit_apply(rows, layout, threads=THREADS)[1]))
        rounds.append({"seconds": spent, "floor_seconds": floor, "floor_over_map": floor / spent})
    middle = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
    return {
        **middle,
        "images_per_second": n / middle["seconds"],
        "floor": "FFTs" if hasattr(transform, "ffts") else "copy",
        "n_features": few.values.shape[1],
        "stored_bytes": n * few.values.shape[1] * few.values.itemsize,
        "worst_difference_to_float64": worst,
        "all_rounds": rounds,
    }


def main() -> None:
    """All specs, one after the other."""
    options = arguments(__doc__)
    n = 500 if options.smoke else 60_000
    repeats = 1 if options.smoke else options.repeats
    result: dict[str, Any] = {"n": n, "image": [SIDE, SIDE], "threads": THREADS}
    for spec in SPECS:
        result[spec] = measure(spec, n, repeats)
    write("features", result, options)


if __name__ == "__main__":
    main()
