"""A town on each store."""

import pytest

from tests.conftest import OpenBroker
from tests.contract.alerts.town import Clock, Town


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def town(open_broker: OpenBroker, store_url: str, clock: Clock) -> Town:
    return Town(open_broker, store_url, clock)
