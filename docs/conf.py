"""Sphinx configuration: `python -m sphinx -W docs docs/_build` with kernelgen installed."""

from importlib.metadata import version as installed_version

project = "kernelgen"
author = "The kernelgen developers"
copyright = "2026, The kernelgen developers"
release = version = installed_version("kernelgen")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
templates_path = ["templates"]

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings give shapes, dtypes and units
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_title = "kernelgen"
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
