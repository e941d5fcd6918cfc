"""Records into plots, as SVG and PNG: :mod:`~kernelgen.report.figure` writes them, one module an experiment draws.

matplotlib is the ``plot`` extra and is imported when a plot is drawn.
"""
