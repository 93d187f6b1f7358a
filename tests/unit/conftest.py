"""The program without AWS."""

import pytest

from infra import policies
from tests.permissions import PLACES


@pytest.fixture(params=PLACES, ids=lambda place: place.partition)
def place(request: pytest.FixtureRequest) -> policies.Place:
    assert isinstance(request.param, policies.Place)
    return request.param
