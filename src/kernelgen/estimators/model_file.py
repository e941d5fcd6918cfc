"""A model in one safetensors file: training points, coefficients, and what it takes to predict with them.

The arrays are ``points`` (as stored: bytes stay bytes), ``alpha``, for floats ``center``, and what the features have
learned, ``features.NAME``. The text says the format and its version, the kernel, the scale, the classes, the features
with all their parameters, the layout of the rows they are made from, and where the model comes from. Reading runs no
code.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernelgen import __version__
from kernelgen.arrays.points import Points
from kernelgen.arrays.tensor_file import open_tensors, write_tensors
from kernelgen.errors import DataError, UsageError
from kernelgen.estimators.model import Model
from kernelgen.features.base import FittedMap
from kernelgen.features.layout import Layout
from kernelgen.features.registry import features_from_description
from kernelgen.kernels.registry import kernel_from_description

FORMAT = "kernelgen-model"
VERSION = "2"
OWN_KEYS = (
    "format", "format_version", "kernelgen_version", "kernel", "scale", "classes", "features", "layout", "input_scale",
)  # fmt: skip
STATE = "features."


def save_model(model: Model, path: str | PathLike[str]) -> None:
    """Write a model: under a temporary name in the same folder, then renamed.

    Raises
    ------
    UsageError
        The kernel is a Custom one: a function cannot be written down.
    DataError
        The folder cannot be written to, or the disk is full; a file that was at `path` is as it was.
    """
    if model.kernel.name == "custom":
        raise UsageError("a model with a Custom kernel cannot be saved: a file cannot hold its function")
    tensors = {"points": model.points.values, "alpha": model.alpha}
    if model.points.center is not None:
        tensors["center"] = model.points.center
    if model.features is not None:
        tensors |= {STATE + name: array for name, array in model.features.state().items()}
    own = {
        "format": FORMAT,
        "format_version": VERSION,
        "kernelgen_version": __version__,
        "kernel": json.dumps(model.kernel.describe()),
        "scale": repr(model.points.scale),
        "classes": json.dumps(None if model.classes is None else model.classes.tolist()),
        "features": json.dumps(None if model.features is None else model.features.map.describe()),
        "layout": json.dumps(None if model.features is None else asdict(model.features.layout)),
        "input_scale": repr(model.input_scale),
    }
    write_tensors(path, tensors, {**model.metadata, **own})


def load_model(path: str | PathLike[str]) -> Model:
    """Read a model; its arrays are memory-mapped.

    Raises
    ------
    DataMissing
        There is no such file.
    DataError
        The file is truncated, damaged, no model of kernelgen, or one of another format version.
    """
    tensors, text = open_tensors(path)
    check_format(path, text)
    try:
        classes = json.loads(text["classes"])
        model = Model(
            points=Points(tensors["points"], float(text["scale"]), tensors.get("center")),
            alpha=tensors["alpha"],
            kernel=kernel_from_description(json.loads(text["kernel"])),
            classes=None if classes is None else np.array(classes),
            features=_features(text, tensors),
            input_scale=float(text["input_scale"]),
            metadata={name: value for name, value in text.items() if name not in OWN_KEYS},
        )
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path} is a damaged model: {error}") from error
    _check_shapes(path, model)
    return model


def check_format(path: str | PathLike[str], text: dict[str, str]) -> None:
    """Raise DataError unless the text is that of a model of this version of the format."""
    found = text.get("format")
    if found != FORMAT:
        what = f"a {found} file" if found else "a safetensors file of something else"
        raise DataError(f"{path} is {what}, not a model written by kernelgen solve --save")
    if text.get("format_version") != VERSION:
        raise DataError(
            f"{path} is a model of format version {text.get('format_version', 'unknown')}, written by kernelgen "
            f"{text.get('kernelgen_version', 'unknown')}; this version, {__version__}, reads version {VERSION}"
        )


def _features(text: dict[str, str], tensors: dict[str, NDArray[Any]]) -> FittedMap | None:
    description, layout = json.loads(text["features"]), json.loads(text["layout"])
    if description is None:
        return None
    shape = layout["image_shape"]
    rows = Layout(layout["n_values"], None if shape is None else tuple(shape), layout["order"])
    state = {name.removeprefix(STATE): array for name, array in tensors.items() if name.startswith(STATE)}
    return features_from_description(description).restore(rows, state)


def _check_shapes(path: str | PathLike[str], model: Model) -> None:
    values, alpha, center = model.points.values, model.alpha, model.points.center
    n_columns: int | None = alpha.shape[1] if alpha.ndim == 2 else None
    expected = None if model.classes is None else _columns(model.classes)
    good = (
        values.ndim == 2
        and n_columns is not None
        and len(alpha) == len(values)
        and (expected is None or n_columns == expected)
        and (center is None or center.shape == values.shape[1:])
        and (model.features is None or len(model.features.feature_names()) == values.shape[1])
    )
    if not good:
        raise DataError(
            f"{path} is a damaged model: points {values.shape} and alpha {alpha.shape} do not go together"
        )


def _columns(classes: NDArray[Any]) -> int:
    return 1 if len(classes) == 2 else len(classes)
