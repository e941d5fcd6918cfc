"""Every test that asks for ``engine`` runs once for each engine."""

from __future__ import annotations

import pytest

from oracles import ENGINES


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)
