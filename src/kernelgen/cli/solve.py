"""``kernelgen solve``: the main job, from data to test error and certificate."""

from __future__ import annotations

import warnings
from dataclasses import replace

from kernelgen.cli import options
from kernelgen.cli.options import ChoiceName, EngineName, KernelName, PrecisionName
from kernelgen.cli.summary import print_json, print_plan, print_record, print_sweep
from kernelgen.cli.terminal import loading, print_warnings, reporting


def solve(
    dataset: options.DatasetOption = "digits",
    data_dir: options.DataDir = None,
    offline: options.Offline = False,
    features: options.FeaturesOption = "pixels",
    n_train: options.TrainRows = None,
    n_test: options.TestRows = None,
    labels: options.Labels = "true",
    seed: options.Seed = 0,
    kernel: options.KernelOption = KernelName.gaussian,
    bandwidth: options.Bandwidth = "auto",
    degree: options.Degree = None,
    normalize: options.Normalize = False,
    ridge: options.Ridge = "0",
    choose: options.Choose = ChoiceName.held_out,
    leave_one_out: options.LeaveOneOut = False,
    tol: options.Tolerance = 1e-10,
    precision: options.PrecisionOption = PrecisionName.auto,
    engine: options.EngineOption = EngineName.auto,
    threads: options.Threads = None,
    memory_budget: options.MemoryBudget = None,
    resume: options.Resume = None,
    plan_only: options.PlanOnly = False,
    save: options.Save = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Fit a data set exactly, K alpha = Y, and prove it.

    Without arguments: the digits that come with scikit-learn.

    [bold]Examples[/bold]

      kernelgen solve

      kernelgen solve --dataset mnist --bandwidth 5 --save mnist.safetensors

      kernelgen solve -d mnist --features gabor --save gabor.safetensors

      kernelgen solve -d cifar10 --features randconv2k --ridge 0,1e-3 -b auto:2,auto:8 --resume products.safetensors

      kernelgen solve -d mnist -k polynomial --degree 4 --normalize --n-train 8000

      kernelgen solve -d cifar10 --labels corrupted:0.3 --plan
    """
    from kernelgen.errors import UsageError
    from kernelgen.experiments.solve import SolveConfig, prepare_solve, solve_problem
    from kernelgen.experiments.solve_sweep import Sweep, plan_sweep, solve_sweep
    from kernelgen.solvers.plan import check_fits

    sweep = Sweep(options.parse_ridges(ridge), options.parse_bandwidths(bandwidth), choose.value)
    if save is not None and not sweep.is_single:
        raise UsageError("a model has one ridge and one bandwidth: choose first, then run again with --save")
    if leave_one_out and not sweep.is_single:
        raise UsageError("among several, --leave-one-out is --choose leave-one-out")
    config = SolveConfig(
        dataset=dataset,
        data_dir=None if data_dir is None else str(data_dir),
        offline=offline,
        features=features,
        kernel=kernel.value,
        bandwidth=sweep.bandwidths[0],
        degree=degree,
        normalize=normalize,
        ridge=min(sweep.ridges),
        tol=tol,
        leave_one_out=leave_one_out or choose is ChoiceName.leave_one_out,
        n_train=n_train,
        n_test=n_test,
        labels=labels,
        precision=precision.value,
        engine=engine.value,
        threads=threads,
        memory_budget=memory_budget,
        resume=None if resume is None else str(resume),
        seed=seed,
    )
    with warnings.catch_warnings(), loading(quiet=quiet) as load_progress:
        warnings.simplefilter("ignore", UserWarning)  # the loader's; printed below as one line each
        problem = prepare_solve(config, load_progress=load_progress)
    shown = problem if sweep.is_single else replace(problem, plan=plan_sweep(problem, sweep))
    print_warnings(problem.warnings)
    if plan_only and as_json:
        print_json(shown.plan_as_dict())
    elif plan_only or not quiet:
        print_plan(shown, stderr=as_json, fits=sweep.n_fits)
    check_fits(shown.plan)
    if plan_only:
        return
    with reporting(quiet=quiet) as report:
        if sweep.is_single:
            record = solve_problem(problem, progress=report, save=save)
        else:
            found = solve_sweep(problem, sweep, progress=report)
    if sweep.is_single:
        print_json(record.as_dict()) if as_json else print_record(record)
    else:
        print_json(found.as_dict()) if as_json else print_sweep(found)
