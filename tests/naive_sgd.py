"""SGD in plain NumPy loops, float64: what the compiled passes are compared with."""

from __future__ import annotations

import numpy as np

from kernelgen.linear.config import SGDConfig


def naive_sgd(
    X: np.ndarray, y: np.ndarray, config: SGDConfig, *, start=None, step: float | None = None
) -> np.ndarray:
    """The last iterate, or the mean of the last epoch's, for one output; `step` is what "1/L" came to."""
    n, d = X.shape
    w = np.zeros(d) if start is None else np.array(start, dtype=np.float64)
    v, m = np.zeros(d), config.momentum
    average = w
    for epoch in range(config.epochs):
        rng = np.random.default_rng([config.seed, epoch])
        order = rng.integers(n, size=n) if config.replacement else rng.permutation(n)
        average = np.zeros(d)
        for k in range(0, n, config.batch):
            rows = order[k : k + config.batch]
            at = w + m * v if config.nesterov else w
            gradient, sizes = np.zeros(d), []
            for i in rows:
                f = float(X[i] @ at)
                r = f - y[i] if config.loss == "square" else -y[i] / (1 + np.exp(y[i] * f))
                bend = 1.0 if config.loss == "square" else 0.25
                match config.step:
                    case "kaczmarz":
                        size = (1 - m) / (bend * X[i] @ X[i] + config.weight_decay)
                    case "1/L":
                        size = step
                    case "line-search":
                        size = 1 - m
                    case _:
                        size = config.step
                sizes.append(size)
                gradient += size * r * X[i] / len(rows)
            if config.step == "line-search":
                bends = np.mean((X[rows] @ gradient) ** 2)
                gradient *= (gradient @ gradient) / bends if bends > 0 else 1.0  # g is (1 - m) G here
            gradient += np.mean(sizes) * config.weight_decay * w
            v = m * v - gradient
            w = w + v
            average += len(rows) * w / n
    return average if config.average else w
