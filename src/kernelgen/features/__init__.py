"""Features: what the kernel sees of a data set's rows.

Start with :func:`make_features`: ``make_features("pixels").apply(data.X_train, maximum=data.maximum)``.
Values come with a factor, ``scale * values``, instead of being multiplied by it: ``uint8`` pixels stay
``uint8``, and their distances can be computed in exact integers.
"""

from kernelgen.features.base import Features as Features
from kernelgen.features.base import FeatureValues as FeatureValues
from kernelgen.features.pixels import Pixels as Pixels
from kernelgen.features.registry import FEATURES as FEATURES
from kernelgen.features.registry import make_features as make_features

__all__ = ["FEATURES", "FeatureValues", "Features", "Pixels", "make_features"]
