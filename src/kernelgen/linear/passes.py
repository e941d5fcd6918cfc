"""One pass over rows in a given order: the inner loops of SGD.

Weights are stored as (c, d), one contiguous row an output, and outputs never mix: each may run in a thread of its own.
With f = <w, x> and the derivative r of the loss at f, a step on row i is

    v <- momentum v - step_i (r x_i + decay w),    w <- w + v

and for Nesterov's variant r is taken at w + momentum v.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernelgen.linear.compiled import compiled, prefetch

SQUARE, LOGISTIC = 0, 1
GROUP = 16  # rows of a batch that wait in the cache for their share of the sum
CHUNK_BYTES = 2048  # of a row: its 32 cache lines are asked for at a time, about what a core can wait for


@compiled
def derivative(loss: int, f: Any, y: Any) -> Any:
    """d loss / d f: f - y, or -y / (1 + exp(y f))."""
    if loss == SQUARE:
        return f - y
    return -y / (1 + math.exp(min(y * f, 700.0)))


@compiled
def loss_value(loss: int, f: Any, y: Any) -> float:
    """(f - y)^2 / 2, or log(1 + exp(-y f))."""
    if loss == SQUARE:
        return 0.5 * float(f - y) ** 2
    margin = float(y * f)
    return math.log1p(math.exp(-margin)) if margin > 0 else -margin + math.log1p(math.exp(margin))


@compiled
def fetch(row: Any, start: int, stop: int) -> None:
    """Ask for row[start:stop], line by line."""
    for p in range(start, stop, 64 // row.itemsize):
        prefetch(row, p)


@compiled
def look(w: Any, v: Any, ahead: Any, x: Any) -> Any:
    """<w + ahead v, x>, or <w, x> where v is empty."""
    total = x[0] * 0
    if v.shape[0] == 0:
        for p in range(w.shape[0]):
            total += w[p] * x[p]
    else:
        for p in range(w.shape[0]):
            total += (w[p] + ahead * v[p]) * x[p]
    return total


@compiled
def plain_step(w: Any, keep: Any, size: Any, x: Any, following: Any) -> Any:
    """w <- keep w - size x, and <w, following> on the way."""
    total = x[0] * 0
    for p in range(w.shape[0]):
        value = keep * w[p] - size * x[p]
        w[p] = value
        total += value * following[p]
    return total


@compiled
def plain_steps(w: Any, keep: Any, size: Any, x: Any, other_size: Any, other: Any, c: Any, e: Any) -> Any:
    """w <- keep w - size x - other_size other; <w, c>, <w, e> and <c, e> on the way."""
    first = x[0] * 0
    second, between = first, first
    for p in range(w.shape[0]):
        value = keep * w[p] - size * x[p] - other_size * other[p]
        w[p] = value
        first += value * c[p]
        second += value * e[p]
        between += c[p] * e[p]
    return first, second, between


@compiled
def two_by_two(X: Any, Y: Any, order: Any, W: Any, steps: Any, decay: Any, loss: int) -> float:
    """What :func:`row_by_row` does for w alone, with two steps in one sweep over w.

    With <w, a>, <w, b> and <a, b> known, the second step needs no second sweep:

        w' = keep_a w - size_a a,    <w', b> = keep_a <w, b> - size_a <a, b>,    w'' = keep_b w' - size_b b

    The three products of the next two rows are taken in the sweep that makes w'', while the two after them are fetched.
    """
    n_outputs, d = W.shape
    last = order.shape[0] - 1
    chunk = CHUNK_BYTES // X.itemsize
    fa, fb = np.empty(n_outputs, W.dtype), np.empty(n_outputs, W.dtype)
    nothing = np.empty(0, W.dtype)
    zero = W[0, 0] * 0
    a, b = X[order[0]], X[order[min(1, last)]]
    between = look(a, nothing, zero, b)
    for k in range(n_outputs):
        fa[k], fb[k] = look(W[k], nothing, zero, a), look(W[k], nothing, zero, b)
    total = 0.0
    for t in range(0, last + 1, 2):
        i, j, is_pair = order[t], order[min(t + 1, last)], t < last
        a, b, c, e = X[i], X[j], X[order[min(t + 2, last)]], X[order[min(t + 3, last)]]
        soon, later = X[order[min(t + 4, last)]], X[order[min(t + 5, last)]]
        next_between = zero
        for k in range(n_outputs):
            w, keep = W[k], 1 - steps[i] * decay
            total += loss_value(loss, fa[k], Y[k, i])
            size_a = steps[i] * derivative(loss, fa[k], Y[k, i])
            size_b = zero
            if is_pair:
                f = keep * fb[k] - size_a * between
                total += loss_value(loss, f, Y[k, j])
                size_b = steps[j] * derivative(loss, f, Y[k, j])
                keep_b = 1 - steps[j] * decay
                keep, size_a = keep_b * keep, keep_b * size_a
            fa[k] = fb[k] = 0
            for start in range(0, d, chunk):
                stop = min(start + chunk, d)
                if k == 0:
                    fetch(soon, start, stop)
                    fetch(later, start, stop)
                first, second, product = plain_steps(
                    w[start:stop],
                    keep,
                    size_a,
                    a[start:stop],
                    size_b,
                    b[start:stop],
                    c[start:stop],
                    e[start:stop],
                )
                fa[k] += first
                fb[k] += second
                if k == 0:
                    next_between += product
        between = next_between
    return total


@compiled
def momentum_step(
    w: Any, v: Any, momentum: Any, shrink: Any, size: Any, x: Any, following: Any, ahead: Any
) -> Any:
    """v <- momentum v - size x - shrink w, w <- w + v, and <w + ahead v, following> on the way."""
    total = x[0] * 0
    for p in range(w.shape[0]):
        speed = momentum * v[p] - size * x[p] - shrink * w[p]
        value = w[p] + speed
        v[p] = speed
        w[p] = value
        total += (value + ahead * speed) * following[p]
    return total


@compiled
def row_by_row(
    X: Any,
    Y: Any,
    order: Any,
    W: Any,
    V: Any,
    A: Any,
    steps: Any,
    momentum: Any,
    ahead: Any,
    decay: Any,
    loss: int,
) -> float:
    """One step for each row of `order`; returns the sum of the losses met just before each step.

    X (n, d), Y (c, n), W (c, d) and V (c, d), or (c, 0) without momentum; A (c, d) collects the sum of the iterates,
    or (c, 0) for no average. The dot product of the next row is taken in the sweep that applies this one, while the
    row after it is fetched: each row comes from memory once, and w is read and written once a step. Without momentum
    and average :func:`two_by_two` takes two steps in one sweep.
    """
    n_outputs, d = W.shape
    if V.shape[1] == 0 and A.shape[1] == 0:
        return two_by_two(X, Y, order, W, steps, decay, loss)
    last = order.shape[0] - 1
    chunk = CHUNK_BYTES // X.itemsize
    f = np.empty(n_outputs, W.dtype)
    total = 0.0
    for k in range(n_outputs):
        f[k] = look(W[k], V[k], ahead, X[order[0]])
    for t in range(last + 1):
        i = order[t]
        x, following, coming = X[i], X[order[min(t + 1, last)]], X[order[min(t + 2, last)]]
        for k in range(n_outputs):
            total += loss_value(loss, f[k], Y[k, i])
            size = steps[i] * derivative(loss, f[k], Y[k, i])
            shrink = steps[i] * decay
            w, v, a = W[k], V[k], A[k]
            f[k] = 0
            for start in range(0, d, chunk):
                stop = min(start + chunk, d)
                if k == 0:
                    fetch(coming, start, stop)
                if v.shape[0] == 0:
                    f[k] += plain_step(w[start:stop], 1 - shrink, size, x[start:stop], following[start:stop])
                else:
                    part, speed, before = w[start:stop], v[start:stop], x[start:stop]
                    f[k] += momentum_step(
                        part, speed, momentum, shrink, size, before, following[start:stop], ahead
                    )
            for p in range(a.shape[0]):
                a[p] += w[p]
    return total


@compiled
def add_rows(g: Any, r: Any, X: Any, rows: Any) -> None:
    """g <- g + sum_q r_q X[rows_q], four rows at a time."""
    count = rows.shape[0]
    whole = count - count % 4
    for q in range(0, whole, 4):
        a, b, c, e = X[rows[q]], X[rows[q + 1]], X[rows[q + 2]], X[rows[q + 3]]
        ra, rb, rc, re = r[q], r[q + 1], r[q + 2], r[q + 3]
        for p in range(g.shape[0]):
            g[p] += (ra * a[p] + rb * b[p]) + (rc * c[p] + re * e[p])
    for q in range(whole, count):
        x, rx = X[rows[q]], r[q]
        for p in range(g.shape[0]):
            g[p] += rx * x[p]


@compiled
def gradient(
    X: Any, y: Any, rows: Any, w: Any, v: Any, ahead: Any, steps: Any, loss: int, g: Any, following: Any
) -> float:
    """g = (1/b) sum_i step_i r_i x_i over the rows, and the sum of their losses.

    Rows go through the cache in groups: dot products, then the sum, so that each comes from memory once.
    """
    total, size = 0.0, rows.shape[0]
    r = np.empty(GROUP, w.dtype)
    g[:] = 0
    for first in range(0, size, GROUP):
        group = rows[first : first + GROUP]
        for q in range(group.shape[0]):
            i = group[q]
            coming = X[rows[first + q + 1]] if first + q + 1 < size else following
            fetch(coming, 0, coming.shape[0])
            f = look(w, v, ahead, X[i])
            total += loss_value(loss, f, y[i])
            r[q] = steps[i] * derivative(loss, f, y[i]) / size
        add_rows(g, r, X, group)
    return total


@compiled
def lengthen(X: Any, rows: Any, g: Any) -> None:
    """g times the step that minimizes the rows' square loss along it: |g|^2 / ((1/b) sum_i <x_i, g>^2)."""
    nothing = np.empty(0, g.dtype)
    squares = look(g, nothing, g[0] * 0, g)
    bends = squares * 0
    for i in rows:
        bends += look(g, nothing, g[0] * 0, X[i]) ** 2 / rows.shape[0]
    if bends > 0:
        g *= squares / bends


@compiled
def move(w: Any, v: Any, g: Any, momentum: Any, shrink: Any) -> None:
    """v <- momentum v - g - shrink w, w <- w + v; without v, w <- w - g - shrink w."""
    if v.shape[0] == 0:
        for p in range(w.shape[0]):
            w[p] -= g[p] + shrink * w[p]
    else:
        for p in range(w.shape[0]):
            v[p] = momentum * v[p] - g[p] - shrink * w[p]
            w[p] += v[p]


@compiled
def batch_by_batch(
    X: Any, Y: Any, order: Any, W: Any, V: Any, A: Any, steps: Any, momentum: Any, ahead: Any, decay: Any, loss: int,
    batch: int, search: bool,
) -> float:  # fmt: skip
    """One step for each `batch` rows of `order`, along the mean of their gradients; returns the sum of losses met.

        g = (1/b) sum_i step_i r_i x_i,    v <- momentum v - g - mean(step) decay w,    w <- w + v

    With ``search``, g is lengthened to where the batch's own square loss is least along it, for each output by itself.
    Arrays as for :func:`row_by_row`.
    """
    g = np.empty(W.shape[1], W.dtype)
    total, count = 0.0, order.shape[0]
    for start in range(0, count, batch):
        rows = order[start : start + batch]
        shrink = steps[0] * 0
        if decay > 0:
            for i in rows:
                shrink += steps[i] * decay / rows.shape[0]
        following = X[order[min(start + batch, count - 1)]]
        for k in range(W.shape[0]):
            w, v, a = W[k], V[k], A[k]
            total += gradient(X, Y[k], rows, w, v, ahead, steps, loss, g, following)
            if search:
                lengthen(X, rows, g)
            move(w, v, g, momentum, shrink)
            for p in range(a.shape[0]):
                a[p] += rows.shape[0] * w[p]
    return total
