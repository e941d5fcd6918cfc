"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |\n" for line in lines)


def percent(fraction: float | None) -> str:
    """A share in per cent; a dash for none.

    Examples
    --------
    >>> percent(0.0122), percent(None)
    ('1.22 %', '-')
    """
    return "-" if fraction is None else f"{100 * fraction:.2f} %"
