"""What a solve is asked, what it is prepared as, and what it leaves behind: config, problem and record."""

from __future__ import annotations

import platform
import shlex
from dataclasses import asdict, dataclass, field, fields, replace
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

import kernelgen
from kernelgen.arrays.checks import check_choice, check_non_negative, check_positive
from kernelgen.datasets.dataset import Dataset
from kernelgen.errors import UsageError
from kernelgen.experiments.feature_points import FeaturePoints
from kernelgen.experiments.left_out import LeftOut
from kernelgen.features.base import FeatureMap
from kernelgen.features.random_conv import RandomConv
from kernelgen.features.registry import make_features
from kernelgen.kernels.bandwidth import rule_multiple
from kernelgen.kernels.base import Kernel
from kernelgen.kernels.registry import KERNELS, make_kernel
from kernelgen.randomization.corruptions import parse_labels
from kernelgen.solvers.plan import PRECISIONS, Plan
from kernelgen.solvers.result import Solution

WITH_BANDWIDTH = ("gaussian", "laplacian")
DEFAULT_DEGREE = 3


@dataclass(frozen=True)
class SolveConfig:
    """What to solve and how; checked when made.

    Parameters
    ----------
    dataset : str
        Name of a data set, or path of an ``.npz`` or ``.npy`` file.
    data_dir : str or None
        Folder of the files or its parent.
    offline : bool
        Download nothing.
    features : str
        What the kernel sees, see :func:`kernelgen.features.make_features`; "pixels" are values / 255 (digits / 16).
    kernel : {"gaussian", "laplacian", "polynomial", "linear"}
    bandwidth : float, "auto" or "auto:X"
        Of the gaussian and laplacian kernels; "auto" is the median distance to the nearest neighbour, "auto:X" is X
        times that.
    degree : int or None, normalize : bool
        Of the polynomial kernel; None means 3.
    ridge : float
        Added to the diagonal of K; 0 interpolates.
    n_train, n_test : int or None
        The first rows in the data set's own order; None means all. Images of a ``folder`` are in an order
        shuffled by `seed`.
    labels : str
        "true", "random" or "corrupted:P", of the training set only.
    leave_one_out : bool
        Also count the closed-form leave-one-out errors; as much work again as the factor.
    tol : float
        Relative residual that every column of alpha must reach, as for :meth:`kernelgen.Factor.solve`.
    precision, engine, threads
        As for :func:`kernelgen.factorize`.
    memory_budget : int, str or None
        Bytes, or for instance "8GB"; None means what is available.
    resume : str or None
        File that keeps the inner products of streamed features (``randconv``), to go on from after a kill.
    seed : int
        Of corrupted labels, of the split and order of a ``folder``, of the rows the rule for the bandwidth
        samples, and of the rows a choice holds out.
    """

    dataset: str = "digits"
    data_dir: str | None = None
    offline: bool = False
    features: str = "pixels"
    kernel: str = "gaussian"
    bandwidth: float | str = "auto"
    degree: int | None = None
    normalize: bool = False
    ridge: float = 0.0
    n_train: int | None = None
    n_test: int | None = None
    labels: str = "true"
    leave_one_out: bool = False
    tol: float = 1e-10
    precision: str = "auto"
    engine: str = "auto"
    threads: int | None = None
    memory_budget: int | str | None = None
    resume: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.kernel, "kernel", KERNELS)
        check_choice(self.precision, "precision", PRECISIONS)
        check_non_negative(self.ridge, "ridge")
        check_positive(self.tol, "tol")
        features = make_features(self.features)
        parse_labels(self.labels)
        if self.resume is not None and not isinstance(features, RandomConv):
            raise UsageError(
                f"features {self.features!r} are not streamed, there is nothing to resume; randconv is"
            )
        rule_multiple(self.bandwidth)
        if self.bandwidth != "auto":
            self._check_read("bandwidth", WITH_BANDWIDTH)
        if self.degree is not None:
            self._check_read("degree", ("polynomial",))
        if self.normalize:
            self._check_read("normalize", ("polynomial",))
        for name, least in (("n_train", 1), ("n_test", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} must be at least {least}, got {value}")

    def _check_read(self, name: str, kernels: tuple[str, ...]) -> None:
        if self.kernel not in kernels:
            raise UsageError(f"the {self.kernel} kernel has no {name}; {' and '.join(kernels)} have one")

    def command(self) -> str:
        """Return the command line that runs this config.

        Examples
        --------
        >>> SolveConfig(kernel="polynomial", degree=4, normalize=True, n_train=500).command()
        'kernelgen solve --kernel polynomial --degree 4 --normalize --n-train 500'
        """
        words = ["kernelgen", "solve"]
        for item in fields(self):
            value = getattr(self, item.name)
            if value == item.default:
                continue
            words.append("--" + item.name.replace("_", "-"))
            if value is not True:
                words.append(number_text(value) if isinstance(value, float) else str(value))
        return shlex.join(words)


def number_text(value: float) -> str:
    """The short form of a number where it reads back as the same one, else every digit.

    Examples
    --------
    >>> number_text(5.0), number_text(1e-3), number_text(0.1234567)
    ('5', '0.001', '0.1234567')
    """
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


@dataclass(frozen=True)
class SolveProblem:
    """Rows, labels, features and kernel, ready to be solved, and the plan for it; nothing large is allocated yet.

    Attributes
    ----------
    config : SolveConfig
    data : Dataset
        Training rows as the labels' corruption left them, their true labels, and test rows.
    y_train : int64 array, shape (n,)
        Labels to fit.
    features : FeatureMap
    points : FeaturePoints or None
        None where the features are still to be made: they take time or memory.
    kernel : Kernel or None
        None where its bandwidth is a rule for features that are still to be made.
    plan : Plan
    seconds : dict
        Of what was done: ``load``, ``features``, ``bandwidth``.
    """

    config: SolveConfig
    data: Dataset
    y_train: NDArray[np.int64]
    features: FeatureMap
    points: FeaturePoints | None
    kernel: Kernel | None
    plan: Plan
    seconds: dict[str, float]

    @property
    def warnings(self) -> list[str]:
        """What the data set's loader had to say: other bytes than the official ones, for instance."""
        return list(self.data.provenance.get("warnings", []))

    def plan_as_dict(self) -> dict[str, Any]:
        """Return the plan and what it is for, ready for JSON."""
        return {
            "dataset": self.data.name,
            "features": self.config.features,
            "kernel": self.config.kernel,
            "bandwidth": getattr(self.kernel, "bandwidth", None),
            "command": self.config.command(),
            **self.plan.as_dict(),
        }


@dataclass(frozen=True)
class SolveRecord:
    """What was solved, how well, how it was proved and what it took; the fields are the keys of the JSON object.

    Errors are fractions; ``leave_one_out_error`` is None where it was not asked for, ``inverse_error`` is the largest
    relative error found of the (K^-1)_ii it comes from. ``seconds`` has ``features, bandwidth, gram, factor, solve,
    refine, predict`` and their ``total``; ``load``, the time to read the data, comes on top. ``planned_bytes`` and
    ``peak_bytes`` are above the start of the solve, with the data in memory. ``features`` is the text of the config,
    ``feature_parameters`` all parameters it stands for.
    """

    dataset: str
    kernel: str
    bandwidth: float | None
    n_train: int
    n_test: int
    n_features: int
    test_error: float | None
    train_error: float
    certificate: dict[str, Any]
    seconds: dict[str, float]
    planned_bytes: int
    peak_bytes: int
    engine: str
    precision: str
    threads: int
    seed: int
    versions: dict[str, str]
    status: str
    message: str
    features: str
    labels: str
    label_changes: int
    ridge: float
    kernel_parameters: dict[str, Any]
    n_classes: int
    iterations: int
    tile: int
    data: dict[str, Any]
    model: str | None
    command: str
    feature_parameters: dict[str, Any] = field(default_factory=dict)
    leave_one_out_error: float | None = None
    inverse_error: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def make_record(
    problem: SolveProblem,
    kernel: Kernel,
    solution: Solution,
    *,
    n_features: int,
    train_error: float,
    test_error: float | None,
    seconds: dict[str, float],
    planned_bytes: int,
    left_out: LeftOut | None = None,
) -> SolveRecord:
    """The record of a solved problem; its peak and its model are filled in by whoever measured and saved them."""
    config, data, stats = problem.config, problem.data, solution.stats
    return SolveRecord(
        dataset=data.name,
        kernel=config.kernel,
        bandwidth=getattr(kernel, "bandwidth", None),
        n_train=len(data.X_train),
        n_test=len(data.X_test),
        n_features=n_features,
        test_error=test_error,
        train_error=train_error,
        certificate=replace(solution.certificate, train_error=train_error).as_dict(),
        seconds=seconds,
        planned_bytes=planned_bytes,
        peak_bytes=stats.peak_bytes,
        engine=stats.engine,
        precision=stats.precision,
        threads=stats.threads,
        seed=config.seed,
        versions=versions(),
        status=str(solution.status),
        message=solution.message,
        features=config.features,
        labels=config.labels,
        label_changes=int(np.count_nonzero(problem.y_train != data.y_train)),
        ridge=float(config.ridge),
        kernel_parameters=kernel.describe(),
        n_classes=len(np.unique(problem.y_train)),
        iterations=stats.iterations,
        tile=stats.tile,
        data={"source": data.source, **data.provenance},
        model=None,
        command=config.command(),
        feature_parameters=problem.features.describe(),
        leave_one_out_error=None if left_out is None else left_out.error,
        inverse_error=None if left_out is None else left_out.inverse_error,
    )


def kernel_of(config: SolveConfig, neighbour_distance: float | None) -> Kernel:
    """The config's kernel.

    Parameters
    ----------
    neighbour_distance : float or None
        Median distance to the nearest neighbour; needed where the bandwidth is "auto" or "auto:X".
    """
    bandwidth, multiple = config.bandwidth, rule_multiple(config.bandwidth)
    if multiple is not None and neighbour_distance is not None:
        bandwidth = multiple * neighbour_distance
    return make_kernel(
        config.kernel,
        bandwidth=None if isinstance(bandwidth, str) else float(bandwidth),
        degree=DEFAULT_DEGREE if config.degree is None else config.degree,
        normalize=config.normalize,
    )


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on."""
    found = {"kernelgen": kernelgen.__version__, "python": platform.python_version()}
    return found | {name: metadata.version(name) for name in ("numpy", "scipy", "scikit-learn")}
