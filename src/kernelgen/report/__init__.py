"""Reports: records in, Markdown and plots out. Plots need the ``plot`` extra, and say so where it is missing."""
