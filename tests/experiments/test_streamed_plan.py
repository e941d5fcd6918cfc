"""The plan of random convolutions is what the process takes, for few images too; blocks are tested with the solve."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_MEASURED = """
import json, sys
from dataclasses import replace
import numpy as np
from kernelgen.experiments.solve import SolveConfig, prepare_solve, solve_problem

n, side, channels, changes = json.loads(sys.argv[1])
X = np.random.default_rng(0).integers(0, 256, (n + 60, side, side, channels)).astype(np.uint8)
y = np.arange(n + 60) % 10
np.savez(sys.argv[2], X_train=X[:n], y_train=y[:n], X_test=X[n:], y_test=y[n:])
config = SolveConfig(dataset=sys.argv[2], precision="mixed", threads=1, **changes)
few = {"features": "randconv:filters=40,patch=3,n_patches=50", "n_train": 40, "n_test": 10}
solve_problem(prepare_solve(replace(config, **few)))  # once, for what is loaded at first use
problem = prepare_solve(config)
print(json.dumps([problem.plan.peak_bytes, solve_problem(problem).peak_bytes]))
"""


@pytest.mark.parametrize(
    ("n", "side", "channels", "changes"),
    [
        # what is largest: the patches that filters are whitened by, rows padded to tiles, a block in the primal
        (300, 32, 3, {"features": "randconv64"}),
        (250, 8, 1, {"features": "randconv:filters=4000,patch=3,pool=3,stride=2"}),
        (
            700,
            8,
            1,
            {
                "features": "randconv:filters=2000,patch=3,pool=3,stride=2",
                "kernel": "linear",
                "ridge": 1.0,
            },
        ),
        (500, 16, 3, {"features": "randconv:filters=64,recipe=whitened_image", "ridge": 1.0}),
        (80, 32, 3, {"features": "randconv:filters=64,patch=25"}),  # the eigenvectors of wide patches
        (300, 32, 3, {"features": "randconv64+standardize"}),  # stored, after the same fit
    ],
)
def test_the_measured_peak_is_the_planned_one(n, side, channels, changes, tmp_path) -> None:
    """In a fresh process, beside 10 MB that the allocator may keep; it may also reuse what another phase gave back."""
    told = json.dumps([n, side, channels, changes])
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED, told, str(tmp_path / "images.npz")],
        capture_output=True,
        text=True,
        check=True,
    )
    planned, peak = json.loads(ran.stdout)
    assert planned > 1e8
    assert 0.65 * planned <= peak <= 1.1 * planned + 1e7
