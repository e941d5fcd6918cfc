"""``kernelgen solve``: the main job, from data to test error and certificate."""

from __future__ import annotations

import warnings

from kernelgen.cli import options
from kernelgen.cli.options import EngineName, KernelName, PrecisionName
from kernelgen.cli.summary import print_json, print_plan, print_record
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
    ridge: options.Ridge = 0.0,
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

      kernelgen solve -d cifar10 --features randconv2k --ridge 1e-4 --resume products.safetensors

      kernelgen solve -d mnist -k polynomial --degree 4 --normalize --n-train 8000

      kernelgen solve -d cifar10 --labels corrupted:0.3 --plan
    """
    from kernelgen.experiments.solve import SolveConfig, prepare_solve, solve_problem
    from kernelgen.solvers.plan import check_fits

    config = SolveConfig(
        dataset=dataset,
        data_dir=None if data_dir is None else str(data_dir),
        offline=offline,
        features=features,
        kernel=kernel.value,
        bandwidth=bandwidth if bandwidth.startswith("auto") else float(bandwidth),
        degree=degree,
        normalize=normalize,
        ridge=ridge,
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
    print_warnings(problem.warnings)
    if plan_only and as_json:
        print_json(problem.plan_as_dict())
    elif plan_only or not quiet:
        print_plan(problem, stderr=as_json)
    check_fits(problem.plan)
    if plan_only:
        return
    with reporting(quiet=quiet) as report:
        record = solve_problem(problem, progress=report, save=save)
    if as_json:
        print_json(record.as_dict())
    else:
        print_record(record)
