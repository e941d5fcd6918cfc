"""What is read off the rows of the paper's kernel table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def interpolant(row: dict[str, Any]) -> dict[str, Any] | None:
    """The fit of a table's row with ridge 0, if it was asked for and solved."""
    return next((fit for fit in row["fits"] if fit["ridge"] == 0), None)


def chosen_fit(row: dict[str, Any]) -> dict[str, Any] | None:
    """The fit with the fewest held-out errors, if there was a choice."""
    return None if row["chosen"] is None else row["fits"][row["chosen"]]


def ladder(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of random convolutions, by their number of filters."""
    return sorted((row for row in rows if row["filters"]), key=lambda row: row["filters"])
