"""Connections to MQTT brokers that subscribers named (clause 7).

One connection a broker and login, kept while it is used and ended when it is idle. A host is
checked by the rules of `outgoing`, and the checked address is connected to; with TLS the
certificate must be the named host's all the same.
"""

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import aiomqtt
import httpx

from townsquare.context import outgoing
from townsquare.context.named_tls import named
from townsquare.context.subscriptions.address import MqttAddress

CONNECT_S = 5.0
IDLE_S = 60.0
MOST = 100  # connections; the one that was idle longest gives way
VERSIONS = {
    "mqtt3.1.1": aiomqtt.ProtocolVersion.V311,
    "mqtt5.0": aiomqtt.ProtocolVersion.V5,
}
# The client's own log has host names and reasons that are ours to tell.
_SILENT = logging.getLogger(f"{__name__}.client")
_SILENT.setLevel(logging.CRITICAL)


class MqttFailed(Exception):
    """The broker was not reached, refused the login, or did not take the message."""


@dataclass(slots=True)
class _Line:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while it connects
    client: aiomqtt.Client | None = None
    watch: asyncio.Task[None] | None = None
    users: int = 0
    used_at: float = 0.0


class Lines:
    def __init__(self, allowed: outgoing.Allowed) -> None:
        self.allowed = allowed
        self._lines: OrderedDict[MqttAddress, _Line] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lines)

    async def publish(
        self, to: MqttAddress, topic: str, content: bytes, qos: int, longest_s: float
    ) -> None:
        """Returns when the broker has it, as far as `qos` tells. Raises MqttFailed or Denied."""
        line = self._lines.setdefault(to, _Line())
        self._lines.move_to_end(to)
        line.users += 1
        try:
            client = await self._connected(line, to)
            await client.publish(topic, content, qos=qos, timeout=longest_s)
        except (aiomqtt.MqttError, httpx.ConnectError) as error:
            await self._end(line)
            raise MqttFailed(f"{to.host} did not take it") from error
        finally:
            line.users -= 1
            line.used_at = monotonic()

    async def _connected(self, line: _Line, to: MqttAddress) -> aiomqtt.Client:
        async with line.lock:
            if line.client is None:
                line.client = await self._new(to)
                line.watch = asyncio.create_task(self._watch(line, line.client))
            return line.client

    async def _new(self, to: MqttAddress) -> aiomqtt.Client:
        address = await outgoing.checked(self.allowed, to.host, to.port)
        tls = await asyncio.to_thread(named, to.host) if to.tls else None
        client = aiomqtt.Client(
            str(address),
            to.port,
            username=to.user,
            password=to.password,
            protocol=VERSIONS[to.version],
            timeout=CONNECT_S,
            tls_context=tls,
            logger=_SILENT,
        )
        try:
            return await client.__aenter__()
        except aiomqtt.MqttError:
            if tls and tls.made:
                tls.made.close()  # the client forgets a socket whose handshake failed
            raise

    async def _watch(self, line: _Line, client: aiomqtt.Client) -> None:
        """Notices that the broker has ended the connection."""
        with suppress(aiomqtt.MqttError):
            async for _ in client.messages:
                pass
        if line.client is client:
            line.client = line.watch = None

    async def _end(self, line: _Line) -> None:
        client, line.client = line.client, None
        if line.watch:
            line.watch.cancel()
            line.watch = None
        if client:
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)

    async def end_idle(self, idle_s: float = IDLE_S) -> None:
        """Ends what has not been used for `idle_s`, and of the others those that are too many."""
        idle = [to for to, line in self._lines.items() if not line.users]
        too_many = len(self._lines) - MOST
        for place, to in enumerate(idle):
            line = self._lines[to]
            if place < too_many or monotonic() - line.used_at >= idle_s:
                del self._lines[to]
                await self._end(line)

    async def close(self) -> None:
        await self.end_idle(0)
