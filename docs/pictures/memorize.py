"""Draw the pictures of the guide on networks that memorize, from networks that are built for it.

    python docs/pictures/memorize.py docs/pictures

writes memorize-hinges.svg, memorize-depth-k.svg and memorize-conditioning.svg.
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

from kernelgen.memorize.build import build_memorizer
from kernelgen.memorize.conditioning import smallest_eigenvalue, smallest_singular_value
from kernelgen.memorize.knots import place_knots
from kernelgen.report.figure import STYLE, new_figure

COLOURS = {"carry": "#d95f02", "hinge": "#1b9e77", "accumulator": "#7570b3", "other": "#666666"}


def save(figure, folder: Path, name: str) -> None:
    with mpl.rc_context(STYLE):
        figure.savefig(folder / f"memorize-{name}.svg", metadata={"Date": None})


def hinges(folder: Path) -> None:
    """Eight points in the plane, sorted along a direction; the sum of hinges goes through every label."""
    rng = np.random.default_rng(7)
    X = rng.uniform(-1, 1, (8, 2)) * (1.6, 1.0)
    direction = np.array([2.0, 0.9])
    y = np.empty(8)
    y[np.argsort(X @ direction)] = [1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0]
    network = build_memorizer(X, y, direction=direction).network
    t = network.project(X)
    figure, (left, right) = new_figure(2)
    a = network.direction / np.linalg.norm(network.direction)
    foot = np.outer(X @ a, a)
    reach = 1.15 * np.abs(foot).max()
    left.axline((0, 0), tuple(a), color="0.7", lw=1)
    for z, p in zip(X, foot, strict=True):
        left.plot([z[0], p[0]], [z[1], p[1]], ":", color="0.6", lw=1)
    for label, marker in ((1.0, "o"), (-1.0, "s")):
        left.plot(*X[y == label].T, marker, color="C0" if label > 0 else "C3", label=f"label {label:+.0f}")
    left.plot(*foot.T, "|", color="0.3", ms=8)
    left.annotate("a", tuple(a * reach), fontsize=12)
    left.set(aspect="equal", title="Points and their projections")
    left.legend(frameon=False, loc="best")
    line = np.linspace(t.min() - 0.6, t.max() + 0.3, 800)
    b, w = network.hinges.knots, network.hinges.weights[:, 0]
    for knot, weight in zip(b, w, strict=True):
        right.plot(line, np.clip(weight * np.maximum(line - knot, 0), -4, 4), color="0.8", lw=0.8)
    right.plot(line, network.on_line(line)[:, 0], color="k", lw=1.4, label="network")
    right.plot(b, np.full(len(b), -2.1), "^", color="0.4", ms=5, label="knots b")
    right.plot(t[y > 0], y[y > 0], "o", color="C0")
    right.plot(t[y < 0], y[y < 0], "s", color="C3")
    right.set(ylim=(-2.3, 2.3), xlabel="<a, z>", title="A sum of hinges through every label")
    right.legend(frameon=False, loc="upper left")
    save(figure, folder, "hinges")


def depth_k(folder: Path) -> None:
    """Every unit and every nonzero weight of a depth-6 network for 12 points, read from its matrices."""
    rng = np.random.default_rng(1)
    network = build_memorizer(rng.standard_normal((12, 3)), rng.permutation(12), depth=6).network
    figure, axes = new_figure(width=9.5, height=4.2)
    names = [["carry"]]
    for k, layer in enumerate(network.layers[1:-1]):
        n_units = layer.n_outputs - (k > 0)
        names.append(["hinge"] * (n_units - 1) + ["carry"] + ["accumulator"] * (k > 0))
    names.append(["other"])
    places = [[(0.0, float(y)) for y in (1.0, 0.0, -1.0)]]
    places += [
        [(1.6 * (k + 1), float(len(column) - 1) / 2 - j) for j in range(len(column))]
        for k, column in enumerate(names)
    ]
    first = [(0, j) for j in range(3)]
    for _, j in first:
        axes.plot(*zip(places[0][j], places[1][0], strict=True), color="0.6", lw=1)
    for k, layer in enumerate(network.layers[1:], start=1):
        W = layer.to_dense()
        for r, column in zip(*np.nonzero(W), strict=True):
            start, stop = places[k][column], places[k + 1][r]
            colour = COLOURS[names[k][r]] if k < len(names) else COLOURS["other"]
            axes.plot(*zip(start, stop, strict=True), color=colour, lw=0.9, alpha=0.7, zorder=1)
    axes.plot(*zip(*places[0], strict=True), "o", color="w", mec="0.3", ms=13)
    for j, place in enumerate(places[0]):
        axes.annotate(f"$z_{j + 1}$", place, ha="center", va="center", fontsize=7)
    for column, spots in zip(names, places[1:], strict=True):
        for name, place in zip(column, spots, strict=True):
            axes.plot(*place, "o", color=COLOURS[name], ms=13, zorder=2)
    for name in ("carry", "hinge", "accumulator"):
        axes.plot([], [], "o", color=COLOURS[name], label=name)
    counts = network.n_weights
    axes.set_title(f"n = 12, d = 3, depth 6: width {network.width}, {counts.nonzero} nonzero weights")
    axes.legend(frameon=False, loc="lower left", ncols=3)
    axes.set(ylim=(-3.6, 3.0))
    axes.axis("off")
    save(figure, folder, "depth-k")


def conditioning(folder: Path) -> None:
    """Left against midpoint knots: the eigenvalue of Lemma 1 does not tell them apart, everything else does."""
    sizes = np.unique(np.round(np.geomspace(10, 5000, 14)).astype(int))
    figure, axes = new_figure(3, width=4.2)
    for rule, colour in (("left", "C0"), ("midpoint", "C1")):
        rows = []
        for n in sizes:
            draws = []
            for seed in range(5):
                rng = np.random.default_rng([n, seed])
                X, y = rng.standard_normal((n, 1)), rng.choice([-1.0, 1.0], n)
                network = build_memorizer(X, y, knots=rule, direction=np.ones(1)).network
                x = np.sort(X[:, 0])
                b = place_knots(x, rule)
                error = np.abs(network.forward(X)[:, 0] - y).max()
                draws.append(
                    (smallest_eigenvalue(x, b), smallest_singular_value(x, b), network.max_abs_weight, error)
                )
            rows.append(np.median(draws, axis=0))
        eigenvalue, singular, weight, error = np.array(rows).T
        axes[0].loglog(sizes, eigenvalue, "--", color=colour, label=f"{rule}: eigenvalue")
        axes[0].loglog(sizes, singular, "-", color=colour, label=f"{rule}: singular value")
        axes[1].loglog(sizes, weight, "-", color=colour, label=rule)
        axes[2].loglog(sizes, error, "-", color=colour, label=rule)
    for panel, title in zip(
        axes, ("Smallest eigen- and singular value", "Largest |weight|", "Error in float64"), strict=True
    ):
        panel.set(xlabel="n", title=title)
        panel.legend(frameon=False, fontsize=8)
    save(figure, folder, "conditioning")


if __name__ == "__main__":
    for draw in (hinges, depth_k, conditioning):
        draw(Path(sys.argv[1]))
