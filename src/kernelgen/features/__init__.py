"""Features: what the kernel sees of a data set's rows.

Start with :func:`make_features`, which reads a text, then fit to the training rows and apply to any::

    features = make_features("gabor+standardize")
    fitted, train = features.fit_apply(FeatureValues(data.X_train, 1 / data.maximum), layout)
    test = fitted.apply(FeatureValues(data.X_test, 1 / data.maximum))

A :class:`Layout` says that rows are images, and how. Values come with a factor, ``scale * values``, instead of being
multiplied by it: ``uint8`` pixels stay ``uint8``, and their distances can be computed in exact integers.
"""

from kernelgen.features.base import FeatureMap as FeatureMap
from kernelgen.features.base import FeatureValues as FeatureValues
from kernelgen.features.base import FittedMap as FittedMap
from kernelgen.features.chain import Chain as Chain
from kernelgen.features.gabor import Gabor as Gabor
from kernelgen.features.layout import Layout as Layout
from kernelgen.features.pixels import Pixels as Pixels
from kernelgen.features.random_conv import RandomConv as RandomConv
from kernelgen.features.registry import FEATURES as FEATURES
from kernelgen.features.registry import make_features as make_features
from kernelgen.features.scattering import Scattering as Scattering
from kernelgen.features.standardize import Standardize as Standardize
from kernelgen.features.wavelet import Wavelet as Wavelet

__all__ = [
    "FEATURES",
    "Chain",
    "FeatureMap",
    "FeatureValues",
    "FittedMap",
    "Gabor",
    "Layout",
    "Pixels",
    "RandomConv",
    "Scattering",
    "Standardize",
    "Wavelet",
    "make_features",
]
