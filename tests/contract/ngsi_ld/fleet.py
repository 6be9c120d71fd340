"""Brokers that are real to each other: each a server of its own on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import uvicorn

from tests.conftest import visited
from tests.contract.ngsi_ld.receiver import telling
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker


class Ship:
    """A broker, and a visitor who stands at its doors."""

    def __init__(
        self, api: Api, url: str, http: httpx.AsyncClient, to_others: outgoing.Client
    ) -> None:
        self.api = api
        self.to_others = to_others
        self.url = url
        self.http = http

    async def registers(self, other: "Ship", name: str = "there", **members: object) -> str:
        body = {
            "id": f"urn:x:{name}",
            "type": "ContextSourceRegistration",
            "endpoint": other.url,
            "information": [{"entities": [{"type": "Bin"}]}],
            "operations": ["federationOps"],
            **members,
        }
        answer = await self.http.post("/csourceRegistrations", json=body)
        assert answer.status_code == 201, answer.text
        return str(body["id"])


@asynccontextmanager
async def afloat(
    broker: Broker, allowed: outgoing.Allowed = outgoing.LOOPBACK_ONLY, port: int = 0
) -> AsyncIterator[Ship]:
    sock = socket.create_server(("127.0.0.1", port))
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    async with AsyncExitStack() as ending:
        to_others = await ending.enter_async_context(outgoing.Client(allowed))
        api = Api(broker, to_others, url)
        await ending.enter_async_context(_served(api, sock))
        await ending.enter_async_context(telling(api))
        await ending.enter_async_context(_relaying(api))
        http = httpx.AsyncClient(base_url=f"{url}/ngsi-ld/v1")
        yield Ship(api, url, await ending.enter_async_context(http), to_others)


@asynccontextmanager
async def _served(api: Api, sock: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(visited(api), log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve([sock]))
    while not server.started:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.001)
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        await task


@asynccontextmanager
async def _relaying(api: Api) -> AsyncIterator[None]:
    task = asyncio.create_task(api.relay.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
