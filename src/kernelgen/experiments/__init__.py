"""Experiments: one module each, a frozen config in, a record out that is ready for JSON.

Start with :mod:`~kernelgen.experiments.solve`, the main job: fit a data set exactly, predict its test set,
and record the errors, the certificate and what it took.
"""
