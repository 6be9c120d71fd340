"""A town that reaches the harbour, where other brokers have a part in what is asked of it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import OpenBroker
from tests.contract.ngsi_ld.harbour import Harbour
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.model.declaration import EntityType


@pytest.fixture
async def api(open_broker: OpenBroker, harbour: Harbour) -> AsyncIterator[Api]:
    mock = httpx.MockTransport(harbour)
    async with outgoing.Client(outgoing.LOOPBACK_ONLY, mock) as to_others:
        yield Api(open_broker(EntityType("Alert", "alerts", frozenset())), to_others)
