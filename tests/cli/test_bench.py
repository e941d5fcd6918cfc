"""``kernelgen bench gram-solve`` as people run it."""

from __future__ import annotations

import json

from command_line import Run


def test_it_measures_and_proves(run: Run) -> None:
    arguments = ("bench", "gram-solve", "--n", 200, "--d", 20, "--engine", "portable", "--repeats", 1)
    record = json.loads(run(*arguments, "--json").stdout)
    assert record["engine"] == "portable"
    assert record["device"] is None
    assert record["status"] == "solved"
    assert record["relative_residual"] < 1e-9
    assert record["factor_flops_per_second"] > 0
    assert {"gram", "factor", "solve", "refine", "total", "wall"} <= record["seconds"].keys()
    text = run(*arguments, "--quiet").stdout
    assert "relative residual" in text
    assert "Gflop/s" in text


def test_what_does_not_fit_is_refused_before_it_starts(run: Run) -> None:
    done = run("bench", "gram-solve", "--n", 9000, "--engine", "portable", "--memory-budget", "1MB", code=5)
    assert "at most" in done.stderr or "no subset fits" in done.stderr


def test_a_card_that_is_not_there_is_an_error(run: Run, no_card: None) -> None:
    assert "CUDA engine cannot be used" in run("bench", "gram-solve", "--engine", "cuda", code=2).stderr
    assert "CUDA engine cannot be used" in run("solve", "--engine", "cuda", "--plan", code=2).stderr


def test_info_names_what_is_missing(run: Run, no_card: None) -> None:
    gpu = json.loads(run("info", "--json").stdout)["gpu"]
    assert gpu["usable"] is False
    assert gpu["reason"]
    assert gpu["libraries"].keys() == {"cudart", "cublas", "cublasLt", "cusolver", "nvrtc"}
    text = run("info").stdout
    assert "GPU driver" in text
    if None in gpu["libraries"].values():
        assert 'pip install "kernelgen[cuda12]"' in " ".join(text.split())
