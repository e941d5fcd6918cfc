"""Feature maps by explicit loops in float64, from the formulas of their docstrings."""

from __future__ import annotations

import cmath
import itertools
import math
from typing import Any

import numpy as np
import pywt
import scipy.fft


def naive_morlet(shape, *, frequency, angle, width, aspect) -> np.ndarray:
    """psi at each offset of a periodic grid: copies summed, mean removed."""
    g, wave = np.zeros(shape), np.zeros(shape, dtype=complex)
    for r in range(shape[0]):
        for c in range(shape[1]):
            for i, j in itertools.product(*(range(-20 // size - 1, 20 // size + 2) for size in shape)):
                u0, u1 = r + i * shape[0], c + j * shape[1]
                a = u0 * math.cos(angle) + u1 * math.sin(angle)
                b = u1 * math.cos(angle) - u0 * math.sin(angle)
                e = math.exp(-(a * a + aspect**2 * b * b) / (2 * width**2))
                g[r, c] += e
                wave[r, c] += e * cmath.exp(2j * math.pi * frequency * a)
    return (wave - wave.sum() / g.sum() * g) / g.sum()


def naive_convolution(x: np.ndarray, psi: np.ndarray) -> np.ndarray:
    """(x * psi)(p) = sum_q x(q) psi(p - q), periodic."""
    rows, columns = x.shape
    out = np.zeros((rows, columns), dtype=complex)
    for r in range(rows):
        for c in range(columns):
            out += x[r, c] * np.roll(psi, (r, c), axis=(0, 1))  # psi(p - q) for all p
    return out


def naive_pad(x: np.ndarray, before: tuple[int, int], grid: tuple[int, int], boundary: str) -> np.ndarray:
    """The image on its grid: zeros around it, or mirrored at its edges (the edge pixel is repeated)."""
    out = np.zeros(grid)
    for p in range(grid[0]):
        for q in range(grid[1]):
            at = []
            for position, size, first in zip((p, q), x.shape, before, strict=True):
                k = (position - first) % (2 * size)
                inside = 0 <= position - first < size
                at.append((k if k < size else 2 * size - 1 - k) if boundary == "reflect" or inside else None)
            if None not in at:
                out[p, q] = x[tuple(at)]
    return out


def naive_starts(size: int, pool: int, stride: int) -> list[int]:
    """First pixels of the windows."""
    count = (size - pool) // stride + 1
    return [(size - pool) % stride // 2 + k * stride for k in range(count)]


def naive_pool(response: np.ndarray, pool: int, stride: int, window: str) -> np.ndarray:
    """Average of each window, pixel by pixel."""
    starts = [naive_starts(size, pool, stride) for size in response.shape]
    out = np.zeros([len(s) for s in starts])
    for i, top in enumerate(starts[0]):
        for j, left in enumerate(starts[1]):
            total = weight = 0.0
            for r in range(response.shape[0]):
                for c in range(response.shape[1]):
                    if window == "box":
                        w = float(top <= r < top + pool and left <= c < left + pool)
                    else:
                        dr, dc = r - top - (pool - 1) / 2, c - left - (pool - 1) / 2
                        w = math.exp(-(dr * dr + dc * dc) / (2 * (pool / 2) ** 2))
                    total, weight = total + w * response[r, c], weight + w
            out[i, j] = total / weight
    return out


def naive_root(values: np.ndarray, *, root: bool) -> np.ndarray:
    """Signed square roots."""
    return np.array([math.copysign(math.sqrt(abs(v)), v) for v in values]) if root else values


def naive_gabor(x: np.ndarray, p: dict[str, Any]) -> np.ndarray:
    """One plane; p has the parameters of the map."""
    sigma = p["width"] / min(p["frequencies"]) * max(1.0, 1.0 / p["aspect"])
    margins = [min(size, math.ceil(2 * sigma)) for size in x.shape]
    both = 2 if p["boundary"] == "reflect" else 1
    grid = tuple(scipy.fft.next_fast_len(s + both * m) for s, m in zip(x.shape, margins, strict=True))
    before = tuple(margins) if both == 2 else (0, 0)
    padded = naive_pad(x, before, grid, p["boundary"])
    visible = np.s_[before[0] : before[0] + x.shape[0], before[1] : before[1] + x.shape[1]]
    features = []
    for f in p["frequencies"]:
        for k in range(p["orientations"]):
            angle = math.pi * k / p["orientations"]
            psi = naive_morlet(grid, frequency=f, angle=angle, width=p["width"] / f, aspect=p["aspect"])
            z = naive_convolution(padded, psi)[visible]
            parts = {
                "modulus": [abs(z)],
                "energy": [abs(z) ** 2],
                "rectified": [np.maximum(part, 0) for part in (z.real, -z.real, z.imag, -z.imag)],
            }[p["nonlinearity"]]
            features += [naive_pool(part, p["pool"], p["stride"], p["window"]) for part in parts]
    if p["lowpass"]:
        features.append(naive_pool(x, p["pool"], p["stride"], p["window"]))
    return naive_root(np.concatenate([f.ravel() for f in features]), root=p["root"])


def naive_scattering(x: np.ndarray, p: dict[str, Any]) -> np.ndarray:
    """One plane; moduli on grids of every 2^a-th pixel, wavelets sampled there."""
    J, L, coarse = p["scales"], p["orientations"], 2 ** p["scales"]
    both = 2 if p["boundary"] == "reflect" else 1
    grid = tuple(coarse * scipy.fft.next_fast_len(-(-(size + both * coarse) // coarse)) for size in x.shape)
    before = coarse if both == 2 else 0
    padded = naive_pad(x, (before, before), grid, p["boundary"])
    psi = [
        [
            naive_morlet(grid, frequency=0.375 / 2**j, angle=math.pi * k / L, width=0.8 * 2**j, aspect=4 / L)
            for k in range(L)
        ]
        for j in range(J)
    ]

    def modulus(u, scale_of_u, j, k):
        spacing = 2**scale_of_u
        filtered = naive_convolution(u, spacing**2 * psi[j][k][::spacing, ::spacing])
        return abs(filtered)[:: 2**j // spacing, :: 2**j // spacing]

    def average(u, scale):
        starts = [naive_starts(size, coarse, p["stride"] or coarse) for size in x.shape]
        out = []
        for top in starts[0]:
            for left in starts[1]:
                centre = [start + before + (coarse - 1) / 2 for start in (top, left)]
                weights = [
                    [
                        sum(
                            math.exp(
                                -((k * 2**scale - c + shift * side) ** 2) / (2 * (0.8 * 2 ** (J - 1)) ** 2)
                            )
                            for shift in range(-3, 4)
                        )
                        for k in range(n)
                    ]
                    for c, n, side in zip(centre, u.shape, grid, strict=True)
                ]
                total = sum(
                    weights[0][r] * weights[1][c] * u[r, c]
                    for r in range(u.shape[0])
                    for c in range(u.shape[1])
                )
                out.append(total / (sum(weights[0]) * sum(weights[1])))
        return out

    features = average(padded, 0)
    once = {(a, k): modulus(padded, 0, a, k) for a in range(J) for k in range(L)} if p["order"] else {}
    for (a, _), u in once.items():
        features += average(u, a)
    if p["order"] == 2:
        for (a, _), u in once.items():
            for b in range(a + 1, J):
                for m in range(L):
                    features += average(modulus(u, a, b, m), b)
    return naive_root(np.array(features), root=p["root"])


def naive_dwt(x: list[float], taps: list[float]) -> list[float]:
    """Every second sample of the convolution of a signal, mirrored at its ends."""
    n = len(x)
    out = []
    for k in range((n + len(taps) - 1) // 2):
        total = 0.0
        for j, tap in enumerate(taps):
            at = (2 * k + 1 - j) % (2 * n)
            total += tap * x[at if at < n else 2 * n - 1 - at]
        out.append(total)
    return out


def naive_swt(x: list[float], taps: list[float], depth: int) -> list[float]:
    """Periodic convolution with the taps 2^depth apart, and half the energy in each of two bands."""
    n, gap = len(x), 2**depth
    return [
        sum(tap / math.sqrt(2) * x[(k + gap * (len(taps) // 2 - j)) % n] for j, tap in enumerate(taps))
        for k in range(n)
    ]


def naive_split(image: np.ndarray, one_side: Any) -> dict[str, np.ndarray]:
    """Bands a, h, v, d: low or high along the rows' index, then along the columns'."""
    bands = {}
    for name, (first, second) in {"a": "LL", "h": "HL", "v": "LH", "d": "HH"}.items():
        down = np.array([one_side(list(column), first) for column in image.T]).T
        bands[name] = np.array([one_side(list(row), second) for row in down])
    return bands


def naive_wavelet(x: np.ndarray, p: dict[str, Any]) -> np.ndarray:
    """One plane, with symmetric mode."""
    filters = pywt.Wavelet(p["wavelet"])
    taps = {"L": list(filters.dec_lo), "H": list(filters.dec_hi)}
    if p["kind"] == "stationary":
        padded = np.zeros([size + -size % 2 ** p["level"] for size in x.shape])
        padded[: x.shape[0], : x.shape[1]] = x
        x = padded
    named, smooth = [], x
    if p["kind"] == "packet":
        leaves = [("", x)]
        for _ in range(p["level"]):
            leaves = [
                (path + name, band)
                for path, image in leaves
                for name, band in naive_split(image, lambda s, f: naive_dwt(s, taps[f])).items()
            ]
        named = [(set(path) != {"a"}, band) for path, band in leaves]
    else:
        for depth in range(p["level"]):
            if p["kind"] == "stationary":
                bands = naive_split(smooth, lambda s, f, depth=depth: naive_swt(s, taps[f], depth))
            else:
                bands = naive_split(smooth, lambda s, f: naive_dwt(s, taps[f]))
            smooth = bands["a"]
            named = [(True, bands[name]) for name in "hvd"] + named
        named = [(False, smooth), *named]
    features = []
    for is_detail, band in named:
        if is_detail and p["modulus"]:
            band = abs(band)
        rows, columns = (min(p["pool"], size) for size in band.shape)
        features.append(_naive_box(band, (rows, columns), p["stride"]).ravel())
    return naive_root(np.concatenate(features), root=p["root"])


def _naive_box(band: np.ndarray, pool: tuple[int, int], stride: int) -> np.ndarray:
    starts = [naive_starts(size, side, stride) for size, side in zip(band.shape, pool, strict=True)]
    return np.array([[band[r : r + pool[0], c : c + pool[1]].mean() for c in starts[1]] for r in starts[0]])


NAIVE = {"gabor": naive_gabor, "scattering": naive_scattering, "wavelet": naive_wavelet}
