"""The few hot primitives, in plain modules with the same functions.

They are ``factorize``, ``solve``, ``diag_inverse``, ``multiply``, ``cross_multiply`` and ``gram``.

:mod:`kernelgen.engines.portable` is the readable reference in NumPy and SciPy, :mod:`kernelgen.engines.native` the
compiled one; :func:`kernelgen.engines.choose.choose` hands one of them out by name and never replaces one by another.
:mod:`kernelgen.engines.base` states what a module must offer.
"""
