"""Sphinx configuration: `python -m sphinx -W docs docs/_build` with kernelgen installed."""

import re
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


def show_formulas(app, what, name, obj, options, lines):
    """Let docstrings write |x - z| and indented formulas as a reader of the source would; reST wants more signs."""
    in_prose, in_example, result = True, False, []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        in_prose = in_prose and not following.startswith("---")
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        if in_prose and line.startswith("    "):  # a formula stands by itself, indented: a literal block
            if not (result and result[-1].startswith("    ")):
                result += ["::", ""]
            result.append(line)
        elif in_example:
            result.append(line)
        else:
            result.append(re.sub(r"(``.*?``)|\|", lambda found: found[1] or r"\|", line))
    lines[:] = result


def setup(app):
    app.connect("autodoc-process-docstring", show_formulas, priority=100)  # before numpydoc
