"""A town with trees in it, and a room that prepares copies of them."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.conftest import OpenBroker
from tests.contract.ngsi_ld.snapshots.wood import NOW, SAFE, running, tree
from townsquare.context import outgoing
from townsquare.context.api.app import Api


@pytest.fixture
async def api(open_broker: OpenBroker, store_url: str) -> AsyncIterator[Api]:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        api = Api(open_broker(SAFE, url=store_url), to_others)
        api.broker.clock = lambda: NOW
        yield api


@pytest.fixture
async def room(api: Api) -> AsyncIterator[None]:
    async for _ in running(api):
        yield


@pytest.fixture
async def trees(http: httpx.AsyncClient) -> None:
    for number in range(3):
        body = {"id": tree(number), "type": "Tree", "height": 10 + number}
        assert (await http.post("/entities", json=body)).status_code == 201
