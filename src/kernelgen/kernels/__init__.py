"""Kernels k(x, z) as small frozen dataclasses: parameters, the formula, and nothing of how it is computed.

Gaussian, Laplacian, Polynomial, Linear, and Custom for any elementwise function of distances or products. Calling a
kernel on arrays gives its Gram matrix; :func:`kernelgen.kernels.registry.make_kernel` makes one from a name, and
:func:`kernelgen.kernels.bandwidth.nearest_neighbour_bandwidth` is the default rule for the bandwidth.
"""
