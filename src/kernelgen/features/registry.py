"""Feature maps by name: ``gabor``, ``wavelet:wavelet=db2,level=2``, ``gabor+standardize``."""

from __future__ import annotations

import re
import types
from dataclasses import fields
from typing import Any, Union, get_args, get_origin, get_type_hints

from kernelgen.errors import UsageError
from kernelgen.features.base import FeatureMap
from kernelgen.features.chain import Chain
from kernelgen.features.gabor import Gabor
from kernelgen.features.pixels import Pixels
from kernelgen.features.random_conv import RandomConv
from kernelgen.features.scattering import Scattering
from kernelgen.features.standardize import Standardize
from kernelgen.features.wavelet import Wavelet

FEATURES: dict[str, type[FeatureMap]] = {
    each.name: each for each in (Pixels, Gabor, Wavelet, Scattering, RandomConv, Standardize)
}


def make_features(spec: str) -> FeatureMap:
    """The feature map that a text names, with the parameters the text gives.

        name  |  name:parameter=value,parameter=value  |  map+map

    Parameters
    ----------
    spec : str
        Several values of one parameter are separated by ``/``: ``gabor:frequencies=0.25/0.125``. Parameters that
        are not given have their defaults.

    Raises
    ------
    UsageError
        No map or parameter has this name, or a value is not one; the message lists what there is.

    Examples
    --------
    >>> make_features("wavelet:wavelet=db2,level=2").describe()["level"]
    2
    >>> make_features("gabor:pool=6+standardize").spec
    'gabor:pool=6+standardize'
    """
    parts = [_make_one(part, spec) for part in re.split(r"\+(?![0-9.])", spec)]  # not at the + of 1e+3
    return parts[0] if len(parts) == 1 else Chain(tuple(parts))


def features_from_description(description: dict[str, Any]) -> FeatureMap:
    """The map whose ``describe()`` gave this; parameters it does not name have their defaults.

    Raises
    ------
    UsageError
        No map or parameter has this name, or a value is not one.
    """
    parameters = dict(description)
    name = parameters.pop("name", None)
    if name == Chain.name:
        return Chain(tuple(features_from_description(part) for part in parameters.get("maps", ())))
    if name not in FEATURES:
        raise UsageError(f"no features are called {name!r}; there are {', '.join(FEATURES)}")
    try:
        return FEATURES[name](**parameters)
    except TypeError as error:
        raise UsageError(f"features {name!r}: {error}") from None


def _make_one(text: str, spec: str) -> FeatureMap:
    name, _, rest = text.partition(":")
    if size := re.fullmatch(r"randconv([0-9]+)(k?)", name):  # randconv32k: 32,000 filters
        name = RandomConv.name
        rest = f"filters={int(size[1]) * (1000 if size[2] else 1)}" + (f",{rest}" if rest else "")
    if name not in FEATURES:
        within = f" in {spec!r}" if text != spec else ""
        raise UsageError(f"no features are called {name!r}{within}; there are {', '.join(FEATURES)}")
    made = FEATURES[name]
    known = [item.name for item in fields(made)]
    hints = get_type_hints(made)
    given: dict[str, Any] = {}
    for assignment in rest.split(",") if rest else ():
        key, equals, value = assignment.partition("=")
        if key not in known:
            there = f"there are {', '.join(known)}" if known else "they have none"
            raise UsageError(f"features {name!r} have no parameter {key!r} (in {spec!r}); {there}")
        if not equals or key in given:
            raise UsageError(f"in {spec!r}: write {key}=VALUE, once")
        given[key] = _parse(value, hints[key], f"{key} of features {name!r}")
    return made(**given)


def _parse(text: str, hint: Any, what: str) -> Any:
    """The value a text stands for, in the type of the parameter."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (each for each in get_args(hint) if each is not type(None))
        if text == "none":
            return None
    if get_origin(hint) is tuple:
        return tuple(_parse(part, get_args(hint)[0], what) for part in text.split("/"))
    if hint is bool:
        if text not in ("true", "false"):
            raise UsageError(f"{what} is true or false, got {text!r}")
        return text == "true"
    if hint is str:
        return text
    try:
        return hint(text)
    except ValueError:
        kind = "a whole number" if hint is int else "a number"
        raise UsageError(f"{what} must be {kind}, got {text!r}") from None
