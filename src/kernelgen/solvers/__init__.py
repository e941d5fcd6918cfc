"""Solve K alpha = Y exactly: plan, factor once, solve many, and prove each result.

Start with :func:`kernelgen.solvers.cholesky.factorize`, whose :class:`~kernelgen.solvers.cholesky.Factor` solves any
number of label sets; :func:`kernelgen.solvers.plan.plan` tells bytes and seconds beforehand. Every
:class:`~kernelgen.solvers.result.Solution` carries a certificate computed in float64 from a regenerated K. A problem is
solved as posed or not at all: nothing here adds a ridge, drops rows that differ, or falls back to least squares.
"""
