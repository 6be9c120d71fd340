"""Visitors, a harbour with other brokers, and a subscriber whom a running room tells."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from tests.conftest import OPEN, client, visited
from tests.contract.ngsi_ld.harbour import Harbour
from tests.contract.ngsi_ld.receiver import Receiver, receiving, telling
from tests.contract.ngsi_ld.subscriber import Subscriber
from townsquare.context.api.app import Api
from townsquare.model.actor import Actor

Visit = Callable[..., httpx.AsyncClient]


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


@pytest.fixture
def harbour() -> Harbour:
    return Harbour()


@pytest.fixture
async def visit(api: Api) -> AsyncIterator[Visit]:
    opened = []

    def visit(by: Actor = OPEN, why: str = "operations", api: Api = api) -> httpx.AsyncClient:
        opened.append(client(visited(api, by, why)))
        return opened[-1]

    yield visit
    for visitor in opened:
        await visitor.aclose()
