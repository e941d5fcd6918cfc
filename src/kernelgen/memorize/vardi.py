"""O~(sqrt(n)) weights by bit extraction: Vardi, Yehudai and Shamir (2022), Theorem 3.1, in exact integers.

Points are integers x on a line (bytes under a small integer direction), labels are integers from 0 to C - 1.
Sort, cut into g groups of m consecutive points, and write each group's points and labels as two long integers,

    w = sum_i x_i 2^(rho i),  u = sum_i y_i 2^(lambda i),    rho, lambda = bits of a point, of a label

1. *Which group?* One layer a group: step(x >= s) = relu(x - s + 1) - relu(x - s) on integers; registers w and u
   are changed by the difference to the next group's where the step is 1.
2. *Which point?* One layer a bit: the top bit of w is step(w >= 2^B); it is removed from w and shifted into e,
   and likewise from u into l. After rho bits e is a point's x and l its label.
3. *Is it this one?* relu(x - e + 1) - 2 relu(x - e) + relu(x - e - 1) is 1 if e = x and else 0, so
   relu(l - 2^lambda (1 - that)) is the label or 0, and is added to the output.

Depth g + m (rho + 2) + 1, at most 10 units a layer, and O(sqrt(n log R)) weights at g = sqrt(n rho), for
points in [0, R). The theorem's own network has width 12 and steps over real numbers; exact integers let a
step be two units.

Where float64 stops: w has m rho bits, about sqrt(n rho); once that passes 53 no float64 holds it, at some 140
points. So weights are Python integers and the network is applied exactly. Its O~(sqrt n) counts weights,
whose bits are another sqrt(n) each, and has a large constant: below some ten thousand points Theorem 1's 2 n
+ d is the smaller number.

References
----------
G. Vardi, G. Yehudai, O. Shamir, "On the optimal memorization power of ReLU neural networks", ICLR 2022,
arXiv:2110.03187, Theorem 3.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernelgen.arrays.points import AnyArray, FloatArray
from kernelgen.errors import UsageError
from kernelgen.memorize.layer import Layer
from kernelgen.memorize.network import ReluNetwork
from kernelgen.memorize.sample import LineSample, line_sample

LARGEST_N = 20_000
TRIES = 8


@dataclass(frozen=True, slots=True)
class VardiShape:
    """How a sample is cut.

    Parameters
    ----------
    n_groups, group_size : int
        g and m, g m >= n.
    point_bits, label_bits : int
        rho and lambda.
    """

    n_groups: int
    group_size: int
    point_bits: int
    label_bits: int

    @property
    def depth(self) -> int:
        """Weight layers."""
        return self.n_groups + self.group_size * (self.point_bits + 2) + 1

    def formula(self, d: int) -> int:
        """Bound of the stored numbers: 14 a group, and for each place 24 a bit of x, 12 a bit of the label, 46 more."""
        place = 24 * self.point_bits + 12 * self.label_bits + 46
        return d + 14 * self.n_groups + self.group_size * place


def vardi_shape(n: int, largest: int, n_classes: int) -> VardiShape:
    """Groups and bits for n points in [0, largest] and labels below n_classes.

    Examples
    --------
    >>> vardi_shape(1000, 2**20 - 1, 10)
    VardiShape(n_groups=143, group_size=7, point_bits=20, label_bits=4)
    """
    point_bits = max(int(largest).bit_length(), max(n_classes - 1, 1).bit_length())
    label_bits = max(n_classes - 1, 1).bit_length()
    size = max(1, round(math.sqrt(n / (point_bits + 2))))
    return VardiShape(-(-n // size), size, point_bits, label_bits)


def small_integer_sample(X: AnyArray, Y: FloatArray, *, seed: int = 0) -> LineSample:
    """Project bytes on as small an integer direction as keeps points with different labels apart.

    Raises
    ------
    UsageError
        The points are not bytes.
    """
    if X.dtype != np.uint8:
        raise UsageError(
            f"builder 'vardi' computes with exact integers and needs uint8 points; these are {X.dtype}"
        )
    rng = np.random.default_rng(seed)
    d = X.shape[1]
    for bits in range(1, 40):
        if 255 * d * 2**bits >= 2**53:
            break
        for _ in range(TRIES):
            a = rng.integers(-(2**bits), 2**bits, size=d, endpoint=True)
            if not a.any():
                continue
            try:
                return line_sample(X, Y, direction=a)
            except UsageError:
                continue
    return line_sample(X, Y, direction="integer", seed=seed)


def build_vardi(sample: LineSample) -> ReluNetwork:
    """Fit integer labels with O~(sqrt n) integer weights.

    Parameters
    ----------
    sample : LineSample
        Integer projections; one column of labels 0, 1, ..., C - 1.

    Raises
    ------
    UsageError
        Labels or projections are not integers, labels are negative, or there are more than 20,000 points.
    """
    y, x = sample.Y, sample.x
    if y.shape[1] != 1 or np.any(y != np.rint(y)) or np.any(y < 0):
        raise UsageError("builder 'vardi' fits one column of integer labels of at least 0")
    if not sample.direction.is_exact:
        raise UsageError("builder 'vardi' needs integer projections: uint8 points and an integer direction")
    if len(x) > LARGEST_N:
        raise UsageError(f"builder 'vardi' is for at most {LARGEST_N:,} points; got {len(x):,}")
    origin = int(x[0])
    points = [int(value) - origin for value in x]
    labels = [int(value) for value in y[:, 0]]
    shape = vardi_shape(len(x), points[-1], max(labels) + 1)
    return ReluNetwork(tuple(_Network(shape).layers(points, labels, origin)), sample.direction.a, "vardi")


Row = dict[str, Any]  # register -> weight


class _Network:
    """Layers over named registers: each step names its units, what they read, and their bias."""

    def __init__(self, shape: VardiShape):
        self.shape = shape
        self.found: list[Layer] = []
        self.names = ["t"]  # what the layer before computes

    def add(self, units: dict[str, tuple[Row, int]]) -> None:
        """One layer: unit -> (weights by register, bias)."""
        column = {name: k for k, name in enumerate(self.names)}
        rows = [[(column[name], w) for name, w in row.items()] for row, _ in units.values()]
        self.found.append(Layer.from_rows(rows, [b for _, b in units.values()], n_inputs=len(self.names)))
        self.names = list(units)

    def layers(self, points: list[int], labels: list[int], origin: int) -> list[Layer]:
        words = self._words(points, labels)
        state = self._choose_group(words, origin)
        state = self._extract(state)
        self.add({"f": (state["out"], 0)})
        return self.found

    def _words(self, points: list[int], labels: list[int]) -> list[tuple[int, int, int]]:
        """First point, w and u of each group."""
        s, words = self.shape, []
        for begin in range(0, len(points), s.group_size):
            group = range(begin, min(begin + s.group_size, len(points)))
            w = sum(points[i] << (s.point_bits * (i - begin)) for i in group)
            u = sum(labels[i] << (s.label_bits * (i - begin)) for i in group)
            words.append((points[begin], w, u))
        return words

    def _choose_group(self, words: list[tuple[int, int, int]], origin: int) -> dict[str, Row]:
        """Step 1. Each register is kept as the combination of units that the next layer will read."""
        constant: dict[str, int] = {"w": words[0][1], "u": words[0][2]}
        state: dict[str, Row] = {"x": {"t": 1}, "w": {}, "u": {}}
        shift = -origin
        for k, (first, w, u) in enumerate(words[1:]):
            x = state["x"]
            self.add(
                {
                    "x": (x, shift),
                    "p": (x, shift - first + 1),
                    "q": (x, shift - first),
                    "w": (state["w"], constant["w"]),
                    "u": (state["u"], constant["u"]),
                }
            )
            shift, constant = 0, {"w": 0, "u": 0}
            dw, du = w - words[k][1], u - words[k][2]
            state = {
                "x": {"x": 1},
                "w": {"w": 1, "p": dw, "q": -dw},
                "u": {"u": 1, "p": du, "q": -du},
            }
        self.add(
            {"x": (state["x"], shift), "w": (state["w"], constant["w"]), "u": (state["u"], constant["u"])}
        )
        return {"x": {"x": 1}, "w": {"w": 1}, "u": {"u": 1}, "out": {}}

    def _extract(self, state: dict[str, Row]) -> dict[str, Row]:
        """Steps 2 and 3, once for each place in a group, from the highest."""
        s = self.shape
        for place in reversed(range(s.group_size)):
            state |= {"e": {}, "l": {}}
            for bit in reversed(range(s.point_bits)):
                label_bit = bit if bit < s.label_bits else None
                state = self._one_bit(state, s.point_bits * place + bit, s.label_bits * place, label_bit)
            x_minus_e = {**state["x"]}
            for name, weight in state["e"].items():
                x_minus_e[name] = x_minus_e.get(name, 0) - weight
            keep = {name: (state[name], 0) for name in ("x", "w", "u", "l", "out")}
            self.add(keep | {"a": (x_minus_e, 1), "b": (x_minus_e, 0), "c": (x_minus_e, -1)})
            big = 1 << s.label_bits
            hit = {"l": 1, "a": big, "b": -2 * big, "c": big}
            keep = {name: ({name: 1}, 0) for name in ("x", "w", "u", "out")}
            self.add(keep | {"h": (hit, -big)})
            state = {name: {name: 1} for name in ("x", "w", "u")} | {"out": {"out": 1, "h": 1}}
        return state

    def _one_bit(
        self, state: dict[str, Row], word_bit: int, label_start: int, label_bit: int | None
    ) -> dict[str, Row]:
        top = 1 << word_bit
        units: dict[str, tuple[Row, int]] = {
            name: (state[name], 0) for name in ("x", "w", "e", "u", "l", "out")
        }
        units |= {"p": (state["w"], 1 - top), "q": (state["w"], -top)}
        result: dict[str, Row] = {
            "x": {"x": 1},
            "w": {"w": 1, "p": -top, "q": top},
            "e": {"e": 2, "p": 1, "q": -1},
            "u": {"u": 1},
            "l": {"l": 1},
            "out": {"out": 1},
        }
        if label_bit is not None:
            high = 1 << (label_start + label_bit)
            units |= {"r": (state["u"], 1 - high), "s": (state["u"], -high)}
            result["u"] = {"u": 1, "r": -high, "s": high}
            result["l"] = {"l": 2, "r": 1, "s": -1}
        self.add(units)
        return result
