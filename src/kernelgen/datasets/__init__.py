"""Data sets: bytes from disk or from a mirror into arrays, with their digests checked. No learning here.

Start with :func:`load_dataset`: ``load_dataset("mnist", data_dir="/data")`` returns a :class:`Dataset`, whose
integer images stay ``uint8`` so that distances between them stay exact. What there is: ``digits`` (comes with
scikit-learn, no network), ``mnist``, ``cifar10``, ``folder`` (images, one sub-folder a class) and ``.npz`` or
``.npy`` files. Files are looked for in `data_dir`, else in ``KERNELGEN_DATA_DIR``, else in a cache folder,
the only place where anything is downloaded without being asked. Other bytes than the official ones are a
:class:`DatasetWarning` in a user's own folder and an error in the cache.
"""

from kernelgen.datasets.arrays_file import read_array as read_array
from kernelgen.datasets.dataset import Dataset as Dataset
from kernelgen.datasets.dataset import DatasetWarning as DatasetWarning
from kernelgen.datasets.registry import DATASETS as DATASETS
from kernelgen.datasets.registry import fetch_dataset as fetch_dataset
from kernelgen.datasets.registry import load_dataset as load_dataset
from kernelgen.datasets.registry import verify_dataset as verify_dataset

__all__ = [
    "DATASETS",
    "Dataset",
    "DatasetWarning",
    "fetch_dataset",
    "load_dataset",
    "read_array",
    "verify_dataset",
]
