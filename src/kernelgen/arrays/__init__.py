"""What enters the package: points, targets and files, checked once at the door.

Start with :mod:`kernelgen.arrays.points` (what an engine reads), :mod:`kernelgen.arrays.checks` (shape, dtype, finite,
thread and byte counts), :mod:`kernelgen.arrays.duplicates` (equal rows), :mod:`kernelgen.arrays.tensor_file` (the one
file format of factors and models) and :mod:`kernelgen.arrays.whole_file` (how every file is written). Nothing here
knows kernels, engines or solvers.
"""
