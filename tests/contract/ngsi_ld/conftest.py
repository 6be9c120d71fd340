"""A subscriber whom a running room tells."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.contract.ngsi_ld.receiver import Receiver, receiving, telling
from tests.contract.ngsi_ld.subscriber import Subscriber
from townsquare.context.api.app import Api


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def room(api: Api, receiver: Receiver) -> AsyncIterator[None]:
    async with telling(api):
        yield


@pytest.fixture
def subscriber(http: httpx.AsyncClient, receiver: Receiver, room: None) -> Subscriber:
    return Subscriber(http, receiver)
