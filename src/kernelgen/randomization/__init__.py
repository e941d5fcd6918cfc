"""Randomization tests: what a classifier fits when the labels carry less and less of the truth.

:mod:`~kernelgen.randomization.corruptions` holds the corruptions, pure functions
``(X, y, rng) -> (X', y')``. They touch the training set only; test labels stay true, or the test error would
mean nothing.

References
----------
C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals, "Understanding deep learning requires rethinking
generalization", ICLR 2017, arXiv:1611.03530, section 2.1.
"""
