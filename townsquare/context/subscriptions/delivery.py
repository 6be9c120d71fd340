"""Telling an endpoint: one message, by the protocol that its address names.

Who tells gets an `Outcome` and no exception: what goes wrong is the endpoint's own failure. No
reason names more of an address than its host, since the rest may hold a password or a token.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import msgspec

from townsquare.context import outgoing
from townsquare.context.core import CORE
from townsquare.context.http import CONTEXT_REL, GEO, LD
from townsquare.context.subscriptions import address
from townsquare.context.subscriptions.mqtt import Lines, MqttFailed
from townsquare.context.subscriptions.wire import Endpoint
from townsquare.model.entity import Json
from townsquare.model.errors import Denied

AT_ONCE = 256  # messages under way
AT_ONCE_EACH = 8  # to one server, so that a slow one does not take the others' place
AGAIN_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Message:
    """`context` labels a body that has no @context itself."""

    endpoint: Endpoint
    body: Json
    context: str = CORE
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`again`: whether it may help to try once more."""

    delivered: bool
    again: bool = False
    reason: str = ""


DELIVERED = Outcome(True)


@dataclass(slots=True)
class _Server:
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE_EACH))
    users: int = 0


class Courier:
    def __init__(self, client: outgoing.Client) -> None:
        self.client = client
        self.lines = Lines(client.allowed)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._servers: defaultdict[str, _Server] = defaultdict(_Server)

    async def deliver(self, message: Message) -> Outcome:
        mqtt = address.is_mqtt(message.endpoint)
        async with self._slot(message.endpoint):
            try:
                if mqtt:
                    return await self._publish(message)
                return await self._post(message)
            except (httpx.TransportError, MqttFailed) as error:
                return Outcome(False, True, type(error).__name__)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                return Outcome(False, False, type(error).__name__)
            except Denied as error:
                return Outcome(False, False, str(error))

    @asynccontextmanager
    async def _slot(self, endpoint: Endpoint) -> AsyncIterator[None]:
        name = address.split(endpoint.uri).netloc.rpartition("@")[2]
        server = self._servers[name]
        server.users += 1
        try:
            async with server.slots, self._slots:
                yield
        finally:
            server.users -= 1
            if not server.users:
                del self._servers[name]

    async def _post(self, message: Message) -> Outcome:
        endpoint = message.endpoint
        headers = {**address.headers(endpoint), "Content-Type": endpoint.media, **_labels(message)}
        if message.tenant:
            headers["NGSILD-Tenant"] = message.tenant
        content, longest_s = msgspec.json.encode(message.body), _longest_s(endpoint)
        status = await outgoing.post(self.client, endpoint.uri, content, headers, longest_s)
        if 200 <= status < 300:
            return DELIVERED
        return Outcome(False, status >= 500 or status in AGAIN_LATER, f"status {status}")

    async def _publish(self, message: Message) -> Outcome:
        """Everything that HTTP has in headers goes into the message (clause 7.2)."""
        endpoint = message.endpoint
        metadata = {p.key: p.value for p in endpoint.receiver_info or ()}
        metadata |= {"Content-Type": endpoint.media, **_labels(message)}
        if message.tenant:
            metadata["NGSILD-Tenant"] = message.tenant
        content = msgspec.json.encode({"metadata": metadata, "body": message.body})
        to = address.mqtt_address(endpoint)
        topic, qos = address.topic(endpoint), address.quality(endpoint)
        await self.lines.publish(to, topic, content, qos, _longest_s(endpoint))
        return DELIVERED


def _longest_s(endpoint: Endpoint) -> float:
    asked_s = endpoint.timeout / 1000 if endpoint.timeout else outgoing.LONGEST_S
    return min(asked_s, outgoing.LONGEST_S)


def _labels(message: Message) -> Mapping[str, str]:
    """The Link to the @context where the body has none (clause 6.3.8)."""
    media = message.endpoint.media
    data = message.body.get("data")
    if media == LD or (media == GEO and "@context" in data):
        return {}
    return {"Link": f'<{message.context}>; rel="{CONTEXT_REL}"; type="{LD}"'}
