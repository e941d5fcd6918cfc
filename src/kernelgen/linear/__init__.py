"""Linear models: SGD, the minimum norm it converges to, and what that norm does and does not tell.

Start with :func:`~kernelgen.linear.sgd.sgd` and its reference :func:`~kernelgen.linear.min_norm.minimum_norm`; a
:class:`~kernelgen.linear.trace.Trace` measures one against the other epoch by epoch. :mod:`~kernelgen.linear.passes`
has the compiled inner loops. :func:`~kernelgen.linear.kernel_sgd.kernel_sgd` is the same in function space,
:func:`~kernelgen.linear.max_margin.max_margin` where the logistic loss goes instead.
"""
