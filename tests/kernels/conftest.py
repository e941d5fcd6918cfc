"""Every test that asks for ``engine`` runs once for each engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oracles import ENGINES, entered


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from entered(request.param)
