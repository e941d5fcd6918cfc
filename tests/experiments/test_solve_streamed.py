"""Streamed features solved on the card are those solved on the processor: same errors, plan, certificate, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kernelgen.engines.base import storage_elements
from kernelgen.engines.choose import choose_convolutions
from kernelgen.engines.convolution import FilterBank
from kernelgen.engines.cuda import convolve
from kernelgen.engines.cuda.device import device, using
from kernelgen.engines.cuda.host import Host
from kernelgen.errors import BudgetExceeded, DataError, EngineUnavailable, NotPositiveDefinite, UsageError
from kernelgen.experiments import solve_streamed
from kernelgen.experiments.solve import SolveConfig, prepare_solve, run_solve, solve_problem
from kernelgen.experiments.solve_record import WITH_BANDWIDTH
from kernelgen.experiments.solve_sweep import solve_sweep
from kernelgen.experiments.sweep_record import Sweep

SPEC = "randconv:filters=60,patch=3,pool=3,stride=2,bias=0.1"
MANY = 512 << 20  # bytes of the stand-in for a card


@pytest.fixture(params=["NumPy", pytest.param("a card", marks=pytest.mark.gpu)])
def on(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "a card":
        yield device()
        return
    with using(Host(memory_bytes=MANY)) as host:
        yield host


def config(**changes: Any) -> SolveConfig:
    if changes.get("kernel", "gaussian") in WITH_BANDWIDTH:
        changes = {"bandwidth": "auto:2"} | changes
    return SolveConfig(**{"features": SPEC, "n_train": 400, "n_test": 150} | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision": "mixed"},
        {"kernel": "laplacian", "precision": "mixed"},
        {"kernel": "linear", "ridge": 0.1},
        {"kernel": "polynomial", "normalize": True, "ridge": 0.01},
        {"ridge": 0.01, "leave_one_out": True},
        {"features": SPEC + ",recipe=random_patch_cifar"},
        {"features": SPEC + ",recipe=whitened_image"},
    ],
    ids=str,
)
def test_the_card_solves_what_the_processor_solves(on: Any, changes: dict[str, Any]) -> None:
    here, there = (run_solve(config(engine=engine, **changes)).as_dict() for engine in ("native", "cuda"))
    assert there["engine"] == "cuda"
    assert there["status"] == here["status"] == "solved"
    assert "--engine cuda" in there["command"]
    for name in ("test_error", "train_error", "leave_one_out_error", "n_features", "precision", "n_train"):
        assert there[name] == here[name], name
    assert there["certificate"]["relative_residual"] <= 1e-10
    eps = 1e-6 if here["precision"] == "mixed" else 1e-12  # of the products
    condition = here["certificate"]["condition_estimate"]
    for name in ("rkhs_norm", "min_pivot"):
        assert there["certificate"][name] == pytest.approx(here["certificate"][name], rel=eps * condition)
    if here["bandwidth"] is not None:
        assert there["bandwidth"] == pytest.approx(here["bandwidth"], rel=100 * eps)
    assert set(there["seconds"]) == set(here["seconds"])


def test_auto_stays_on_the_processor(on: Any) -> None:
    assert run_solve(config(n_train=100)).as_dict()["engine"] == "native"


def test_repeated_images_are_merged(on: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (60, 64)).astype(np.uint8).reshape(60, 8, 8)
    X[40] = X[7]
    y = np.arange(60) % 3
    y[40] = y[7]
    path = tmp_path / "twins.npz"
    np.savez(path, X_train=X, y_train=y, X_test=X[:9], y_test=y[:9])
    found = run_solve(
        SolveConfig(dataset=str(path), features=SPEC, bandwidth="auto", engine="cuda")
    ).as_dict()
    assert found["certificate"]["n_merged_duplicates"] == 1
    assert found["train_error"] == found["test_error"] == 0.0


@pytest.mark.parametrize("choose", ["held-out", "leave-one-out"])
def test_a_sweep_reads_one_sum(on: Any, choose: str) -> None:
    sweep = Sweep((0.0, 0.01), ("auto:2",) if choose == "leave-one-out" else (5.0, 15.0), choose)
    records = [
        solve_sweep(prepare_solve(config(engine=engine, n_train=300)), sweep) for engine in ("native", "cuda")
    ]
    assert records[0].errors == records[1].errors
    assert records[0].chosen == records[1].chosen
    assert [fit.engine for fit in records[1].fits] == ["cuda"] * len(records[1].fits)


def test_the_plan_is_of_the_card(on: Any) -> None:
    plan = prepare_solve(config(engine="cuda", features="randconv32k:patch=3,pool=3,stride=2")).plan
    assert [phase.name for phase in plan.phases] == ["gram", "factor", "refine", "predict"]
    assert (plan.engine, plan.n_features) == ("cuda", 32_000 * 18)
    tile = convolve.default_tile(400)
    gram, factor, refine, predict = plan.phases
    products = 8 * storage_elements(400, tile)
    block = 4 * convolve.SLAB * 18  # of one image: one slab at the least, all of them at most
    assert gram.bytes > products + 400 * block
    assert factor.bytes >= products + storage_elements(400, tile) * 8
    assert refine.bytes > factor.bytes - products
    assert predict.bytes > 8 * 400 * 150
    assert plan.seconds == sum(phase.seconds for phase in plan.phases) > 0
    assert plan.budget_bytes <= device().available_bytes() + 1
    linear = prepare_solve(
        config(engine="cuda", kernel="linear", features="randconv32k:patch=3,pool=3,stride=2")
    ).plan
    assert predict.bytes - linear.phases[-1].bytes == 8 * 400 * 150  # no test Gram matrix


@pytest.mark.parametrize("engine", ["native", "cuda"])
def test_the_plan_counts_the_blocks(on: Any, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, streamed = choose_convolutions(engine), {"gram": [], "predict": []}
    slab = 18 * 4 * module.SLAB
    monkeypatch.setattr(module, "BLOCK_BYTES", 2 * 400 * slab)  # two slabs, but one with the test rows

    def counted(phase: str, add: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            streamed[phase] += [len(each.filters) for each in arguments if isinstance(each, FilterBank)]
            return add(*arguments, **options)

        return call

    for phase, name in (
        ("gram", "add_convolution_products"),
        ("predict", "add_convolution_cross_products"),
    ):
        monkeypatch.setattr(module, name, counted(phase, getattr(module, name)))
    features = f"randconv:filters={5 * module.SLAB - 2},patch=3,pool=3,stride=2"
    problem = prepare_solve(config(engine=engine, features=features, precision="mixed"))
    phases = {phase["name"]: phase for phase in problem.plan_as_dict()["phases"]}
    solve_problem(problem)
    assert [phases[name]["blocks"] for name in ("gram", "factor", "predict")] == [3, None, 5]
    for name, sizes in streamed.items():
        assert len(sizes) == phases[name]["blocks"]
        assert set(sizes[:-1]) == {phases[name]["filters_per_block"]}


def test_more_filters_take_no_more_memory(on: Any) -> None:
    plans = [
        prepare_solve(
            config(engine="cuda", features=f"randconv:filters={count},patch=3,pool=3,stride=2")
        ).plan
        for count in (60_000, 120_000)
    ]
    assert plans[0].peak_bytes == plans[1].peak_bytes
    assert plans[0].seconds < plans[1].seconds


def test_what_does_not_fit_is_refused_before_it_starts(on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_called(*arguments: Any, **options: Any) -> None:
        raise AssertionError("it started")

    monkeypatch.setattr(convolve, "add_convolution_products", not_called)
    with pytest.raises(BudgetExceeded, match="fewer rows"):
        run_solve(config(engine="cuda", memory_budget="1MB"))
    if isinstance(on, Host):
        with using(Host(memory_bytes=1_000_000)), pytest.raises(BudgetExceeded, match=r"1.00 MB.*fewer rows"):
            run_solve(config(engine="cuda"))


def test_an_allocation_that_fails_says_what_is_free(on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    released = []

    def full(*arguments: Any, **options: Any) -> None:
        raise MemoryError("out of memory allocating 512 bytes")

    monkeypatch.setattr(convolve, "add_convolution_products", full)
    monkeypatch.setattr(on, "release", lambda: released.append(1))
    with pytest.raises(BudgetExceeded, match=r"were planned and free at the start.*free now.*fewer rows"):
        run_solve(config(engine="cuda"))
    assert released


def test_an_interrupt_goes_on_and_gives_back(on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    released = []
    release = on.release
    monkeypatch.setattr(on, "release", lambda: (released.append(1), release()))

    def stop(progress: Any) -> None:
        if progress.phase == "factor" and progress.fraction > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_solve(config(engine="cuda"), progress=stop)
    assert released


def test_a_run_goes_on_from_its_file_and_not_from_the_other_engine_s(on: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "products")
    first = run_solve(config(engine="cuda", resume=path)).as_dict()
    again = run_solve(config(engine="cuda", resume=path)).as_dict()
    assert again["certificate"] == first["certificate"]
    with pytest.raises(UsageError, match="go on with --engine cuda"):
        run_solve(config(engine="native", resume=path))


def test_a_file_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    problem, phases = prepare_solve(config(resume=str(tmp_path / "none" / "x"))), []
    with pytest.raises(DataError, match="there is no folder"):
        solve_problem(problem, progress=lambda where: phases.append(where.phase))
    assert not phases


def test_a_whole_file_is_read_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = config(resume=str(tmp_path / "sums.safetensors"), n_train=100)
    first = run_solve(there)
    monkeypatch.setattr(solve_streamed, "check_destination", None)
    assert run_solve(there).certificate == first.certificate


def test_what_is_largest_is_what_to_make_smaller(tmp_path: Path) -> None:
    rows = prepare_solve(config(memory_budget="1MB")).plan
    assert rows.suggestion.startswith("fewer rows")
    X, y = np.zeros((20, 32, 32, 3), dtype=np.uint8), np.arange(20) % 2
    np.savez(tmp_path / "large.npz", X_train=X, y_train=y, X_test=X[:2], y_test=y[:2])
    large = SolveConfig(dataset=str(tmp_path / "large.npz"), features="randconv64", memory_budget="1MB")
    filters = prepare_solve(large).plan
    assert filters.phases[0].bytes == filters.peak_bytes
    assert filters.phases[0].flops > 2 * (20 * 27 * 27) * 108**2  # second moments of all patches
    assert filters.suggestion.startswith("fewer filters, a smaller patch, or n_patches")


@pytest.mark.parametrize(
    "features",
    [SPEC + ",n_patches=999+standardize", "randconv:filters=99,patch=3,pool=3,stride=2+standardize"],
)
def test_stored_random_convolutions_are_planned_from_more_than_two_images(
    features: str, tmp_path: Path
) -> None:
    """Two images, of which the time is planned, may be constant, or have fewer patches than there are filters."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (80, 8, 8)).astype(np.uint8), np.arange(80) % 2
    X[:2] = 7
    np.savez(tmp_path / "blank.npz", X_train=X, y_train=y, X_test=X[:9], y_test=y[:9])
    problem = prepare_solve(SolveConfig(dataset=str(tmp_path / "blank.npz"), features=features))
    assert problem.plan.phases[0].seconds > 0
    X[:] = np.arange(80)[:, None, None]  # no contrast anywhere: that is told by the fit, not by the plan
    np.savez(tmp_path / "blank.npz", X_train=X, y_train=y, X_test=X[:9], y_test=y[:9])
    problem = prepare_solve(SolveConfig(dataset=str(tmp_path / "blank.npz"), features=features))
    assert problem.plan.phases[0].seconds > 0
    with pytest.raises(DataError, match="all patches that were drawn are constant"):
        solve_problem(problem)


def test_failures_are_those_of_the_processor(on: Any) -> None:
    few = "randconv:filters=2,patch=3,pool=5,stride=3"
    with pytest.raises(NotPositiveDefinite, match="rank at most"):
        run_solve(config(engine="cuda", features=few, kernel="linear"))
    with pytest.raises(NotPositiveDefinite, match=r"the pivot of row \d+ is not positive.* at distance"):
        run_solve(config(engine="cuda", bandwidth=1e9, precision="float32"))
    with pytest.raises(EngineUnavailable, match='not in "portable"'):
        run_solve(config(engine="portable"))
