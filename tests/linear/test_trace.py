"""What a trace records against direct computation; its probes against projections."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kernelgen.linear.config import SGDConfig
from kernelgen.linear.min_norm import minimum_norm
from kernelgen.linear.sgd import Epoch, sgd
from kernelgen.linear.trace import Trace, error_of


def test_every_number(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, Y, Z = rng.standard_normal((20, 50)), rng.standard_normal((20, 3)), rng.standard_normal((9, 50))
    labels = rng.integers(0, 3, 9)
    least = minimum_norm(X, Y)
    trace, weights = Trace(least, X_test=Z, y_test=labels, exact_span=True), []

    def both(epoch: Epoch) -> None:
        trace(epoch)
        weights.append(epoch.weights.copy())

    sgd(X, Y, SGDConfig(epochs=6, tol=0), observe=both)
    assert [point.epoch for point in trace.points] == list(range(7))
    for point, W in zip(trace.points, weights, strict=True):
        assert point.distance == pytest.approx(np.linalg.norm(W - least.weights) / least.norm)
        assert point.norm == pytest.approx(np.linalg.norm(W))
        assert point.test_error == np.mean((Z @ W).argmax(axis=1) != labels)
        assert point.span_distance < 1e-14
    trace.write(tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines[3]["distance"] == trace.points[3].distance
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_probes_estimate_the_distance_from_the_span() -> None:
    rng = np.random.default_rng(1)
    X = rng.standard_normal((20, 80))
    least = minimum_norm(X, rng.standard_normal(20))
    inside, outside = X.T @ rng.standard_normal(20), rng.standard_normal(80)
    outside -= np.linalg.pinv(X) @ (X @ outside)
    outside *= np.linalg.norm(inside) / np.linalg.norm(outside)
    for size in (0.0, 1e-9, 1e-3, 1.0):
        trace = Trace(least, n_probes=400)
        for number, w in enumerate((np.zeros(80), inside + size * outside)):
            trace(Epoch(number, w[:, None], 0.0))
        expected = size / np.sqrt(1 + size**2)
        assert trace.points[1].span_distance == pytest.approx(expected, rel=0.2, abs=1e-14)


def test_without_a_reference_it_still_records_norm_and_loss() -> None:
    trace = Trace()
    sgd(np.eye(3), np.ones(3), SGDConfig(epochs=2), observe=trace)
    assert trace.points[0].distance is None
    assert trace.points[0].span_distance is None
    assert trace.points[1].norm == pytest.approx(np.sqrt(3))


def test_errors_of_signs_classes_and_real_targets() -> None:
    W = np.array([[1.0], [0.0]])
    X = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert error_of(W, X, np.array([1, 1])) == 0.5
    assert error_of(W, X, np.array([1, 0])) == 0.0
    assert error_of(np.eye(2), X, np.array([0, 1])) == 0.0
    assert error_of(W, X, np.array([1.0, 1.0])) == 2.0
