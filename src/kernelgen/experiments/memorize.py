"""Finite-sample expressivity (Zhang et al. 2017, section 4): a network that fits any labels, and the proof.

    run_memorize(MemorizeConfig(n=1000, d=50)).as_dict()

is what ``kernelgen memorize --n 1000 --d 50 --json`` prints. No training: the networks are constructed.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen.arrays.checks import check_choice
from kernelgen.arrays.points import FloatArray
from kernelgen.arrays.whole_file import check_destination
from kernelgen.datasets.dataset import LoadProgress
from kernelgen.datasets.registry import load_dataset
from kernelgen.errors import UsageError
from kernelgen.experiments.memorize_labels import draw_labels, parse_label_rule
from kernelgen.experiments.solve import versions
from kernelgen.memorize.build import BUILDERS, Memorization, PhaseProgress, build_memorizer
from kernelgen.memorize.deep import deep_width
from kernelgen.memorize.knots import RULES as KNOTS
from kernelgen.memorize.network_file import save_network
from kernelgen.memorize.onnx_file import save_onnx
from kernelgen.memorize.project import RULES as DIRECTIONS

DEFAULT_N, DEFAULT_D = 1000, 50


@dataclass(frozen=True)
class MemorizeConfig:
    """What to memorize and how; checked when made.

    Parameters
    ----------
    dataset : str or None
        Name of a data set, or path of an ``.npz`` or ``.npy`` file (its training rows); None: standard normal
        points.
    data_dir : str or None
    offline : bool
    n : int or None
        Points: 1,000 of them, or the first of the data set; None means all.
    d : int or None
        Features of random points, 50; the data set has its own. Points are standard normal, or bytes where the builder
        or the direction computes with integers.
    labels : str
        "random" (10 classes, or those of the data set, drawn uniformly), "signs", "classes:C", "real" (standard
        normal) or "true", those of the data set.
    depth : int or None
        Weight layers of builder "zhang"; None means 2.
    builder : {"zhang", "bubeck", "yun", "vardi"}
    knots : {"left", "midpoint"}
    direction : {"auto", "random", "best", "integer", "principal"}
    seed : int
        Of points, labels and direction.
    """

    dataset: str | None = None
    data_dir: str | None = None
    offline: bool = False
    n: int | None = None
    d: int | None = None
    labels: str = "random"
    depth: int | None = None
    builder: str = "zhang"
    knots: str = "left"
    direction: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice(self.builder, "builder", BUILDERS)
        check_choice(self.knots, "knots", KNOTS)
        check_choice(self.direction, "direction", DIRECTIONS)
        parse_label_rule(self.labels)
        if self.dataset is None and self.labels == "true":
            raise UsageError("labels 'true' are those of a data set; name one (--dataset)")
        if self.dataset is not None and self.d is not None:
            raise UsageError("d is the number of features of random points; a data set has its own")
        for name, least in (("n", 1), ("d", 1), ("depth", 2), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} must be at least {least}, got {value}")

    def command(self) -> str:
        """Return the command line that runs this config, without the folder of the data.

        Examples
        --------
        >>> MemorizeConfig(n=500, depth=12, labels="classes:3").command()
        'kernelgen memorize --n 500 --labels classes:3 --depth 12'
        """
        words = ["kernelgen", "memorize"]
        for item in fields(self):
            value = getattr(self, item.name)
            if value != item.default and item.name != "data_dir":
                words.append("--" + item.name.replace("_", "-"))
                words += [] if value is True else [str(value)]
        return shlex.join(words)


@dataclass(frozen=True)
class MemorizeRecord:
    """What was built, how it was proved and what it took; the fields are the keys of the JSON object.

    ``n_weights`` has ``tied, nonzero, dense`` and ``formula``; ``seconds`` has ``project, build, evaluate,
    verify, total`` (``load``, the time to read or draw the data, comes on top).
    """

    n_samples: int
    n_features: int
    depth: int
    width: int
    n_weights: dict[str, int]
    label_errors: int
    max_residual: float | None
    exact: bool
    max_abs_weight: float | None
    smallest_eigenvalue: float | None
    smallest_singular_value: float | None
    seconds: dict[str, float]
    holds: bool
    formula_is_exact: bool
    width_bound: int | None
    n_distinct: int
    arithmetic: str
    stored_residual: float | None
    float64_residual: float | None
    lipschitz: float | None
    dataset: str
    labels: str
    builder: str
    knots: str
    direction: str
    seed: int
    source: str
    versions: dict[str, str]
    model: str | None
    command: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Sample:
    """Points and labels to fit, and where they are from."""

    X: NDArray[Any]
    y: NDArray[Any]
    name: str
    source: str


def run_memorize(
    config: MemorizeConfig,
    *,
    progress: PhaseProgress | None = None,
    load_progress: LoadProgress | None = None,
    save: str | PathLike[str] | None = None,
) -> MemorizeRecord:
    """Build what the config says, certify it, write it where asked and where it holds, and record it.

    Parameters
    ----------
    config : MemorizeConfig
    progress : callable, optional
        Called as ``progress(phase, fraction)``.
    save : path, optional
        ``.onnx`` or ``.safetensors``.

    Raises
    ------
    UsageError, DataError, ConflictingLabels, PackageMissing

    Examples
    --------
    >>> record = run_memorize(MemorizeConfig(n=200, d=20))
    >>> record.n_weights["tied"], record.label_errors, record.max_residual, record.exact
    (420, 0, 0.0, True)
    """
    write = None if save is None else check_format(Path(save), config.builder)
    sample = draw_sample(config, load_progress=load_progress)
    result = build_memorizer(
        sample.X,
        sample.y,
        depth=config.depth,
        builder=config.builder,
        knots=config.knots,
        direction=config.direction,
        seed=config.seed,
        progress=progress,
    )
    record = make_record(config, sample, result, model=None if save is None else str(save))
    if write is not None and save is not None and record.holds:
        write(result.network, save)
        return record
    return replace(record, model=None)


def draw_sample(config: MemorizeConfig, *, load_progress: LoadProgress | None = None) -> Sample:
    """The points and labels that a config names."""
    rng = np.random.default_rng(config.seed)
    if config.dataset is None:
        n, d = config.n or DEFAULT_N, config.d or DEFAULT_D
        in_bytes = config.builder == "vardi" or config.direction == "integer"  # what computes with integers
        X: NDArray[Any] = (
            rng.integers(0, 256, (n, d), dtype=np.uint8)
            if in_bytes
            else rng.standard_normal((n, d), dtype=np.float32)
        )
        return Sample(
            X, draw_labels(config.labels, n, None, rng), "random points", f"numpy default_rng({config.seed})"
        )
    data = load_dataset(
        config.dataset,
        data_dir=config.data_dir,
        offline=config.offline,
        seed=config.seed,
        progress=load_progress,
    )
    if config.n is not None and config.n > len(data.X_train):
        raise UsageError(f"n is {config.n}, but {data.name} has {len(data.X_train)} training rows")
    X, y = data.X_train[: config.n], data.y_train[: config.n]
    return Sample(X, draw_labels(config.labels, len(X), y, rng), data.name, data.source)


def check_format(path: Path, builder: str) -> Callable[..., None]:
    """The function that writes a network to this path; raises before any work where that cannot be done."""
    if builder == "vardi":
        raise UsageError(
            "networks of builder 'vardi' have weights of hundreds of bits, beyond any file here: they are not saved"
        )
    writers: dict[str, Callable[..., None]] = {".onnx": save_onnx, ".safetensors": save_network}
    if path.suffix not in writers:
        raise UsageError(f"a network is saved as .onnx or .safetensors; got {path.name!r}")
    check_destination(path)
    if path.suffix == ".onnx":
        from kernelgen.memorize.onnx_file import import_onnx

        import_onnx()
    return writers[path.suffix]


def make_record(
    config: MemorizeConfig, sample: Sample, result: Memorization, *, model: str | None = None
) -> MemorizeRecord:
    """Record a result; `holds` says that labels, count and width are what the theorem says."""
    network, certificate = result.network, result.certificate
    counts = network.n_weights
    is_exact = result.network.builder in ("two_layer", "bubeck", "yun")
    width_bound = deep_width(result.n_distinct, network.depth) if network.builder == "deep" else None
    count = counts.nonzero if network.builder == "deep" else counts.tied
    size_holds = count == result.formula if is_exact else count <= result.formula
    return MemorizeRecord(
        n_samples=result.n_samples,
        n_features=result.n_features,
        depth=network.depth,
        width=network.width,
        n_weights={**asdict(counts), "formula": result.formula},
        label_errors=certificate.label_errors,
        max_residual=_finite(certificate.max_residual),
        exact=certificate.exact,
        max_abs_weight=_finite(network.max_abs_weight),
        smallest_eigenvalue=_finite(result.smallest_eigenvalue),
        smallest_singular_value=_finite(result.smallest_singular_value),
        seconds={**result.seconds, "total": sum(result.seconds.values())},
        holds=certificate.label_errors == 0
        and size_holds
        and (width_bound is None or network.width <= width_bound)
        and (not certificate.exact or certificate.max_residual == 0),
        formula_is_exact=is_exact,
        width_bound=width_bound,
        n_distinct=result.n_distinct,
        arithmetic=certificate.arithmetic,
        stored_residual=_finite(certificate.stored_residual),
        float64_residual=_finite(certificate.float64_residual),
        lipschitz=_finite(network.lipschitz),
        dataset=sample.name,
        labels=config.labels,
        builder=config.builder,
        knots=config.knots,
        direction=config.direction,
        seed=config.seed,
        source=sample.source,
        versions=versions(),
        model=model,
        command=config.command(),
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def literal_residual(result: Memorization, sample: Sample) -> float:
    """Largest residual of the layers applied one by one in float64: where conditioning shows."""
    Y: FloatArray = np.asarray(sample.y, dtype=np.float64)[:, None]
    return float(np.abs(result.network.forward(sample.X) - Y).max())
