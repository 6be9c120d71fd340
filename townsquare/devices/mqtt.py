"""Listens to a broker of MQTT: a connection that comes back by itself.

Always holds: a message of quality 1 is acknowledged once it is durable, or refused and counted, so
that what was under way when the house stopped is sent again. A host is called only where it is
declared, and by the address that was checked.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import aiomqtt
import httpx

from townsquare.context import outgoing
from townsquare.context.named_tls import named
from townsquare.devices.intake import Intake, Message
from townsquare.devices.settings import Mqtt
from townsquare.model.errors import TownsquareError

AT_ONCE = 500  # messages in one transaction
MOST_WAITING = 20_000  # read, and not written yet
CONNECT_S = 10.0
LONGEST_WAIT_S = 60.0
log = logging.getLogger(__name__)
_SILENT = logging.getLogger(f"{__name__}.client")
_SILENT.setLevel(logging.CRITICAL)


@dataclass(slots=True)
class Listener:
    """`reveal` gives the value behind secret:NAME."""

    source: Mqtt
    intake: Intake
    allowed: outgoing.Allowed
    reveal: Callable[[str], str]
    identifier: str

    async def run(self) -> None:
        """As a room; never returns."""
        wait_s = 1.0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._listen()
            except (aiomqtt.MqttError, httpx.ConnectError, OSError, TownsquareError) as error:
                log.warning("devices at %s are not heard: %s", self.source.name, error)
            self.intake.tally.at(self.source.name)
            self.intake.tally.connected[self.source.name] = False
            calm = asyncio.get_running_loop().time() - began > LONGEST_WAIT_S
            wait_s = 1.0 if calm else min(2 * wait_s, LONGEST_WAIT_S)
            await asyncio.sleep(wait_s)

    async def _listen(self) -> None:
        source, waiting = self.source, _Waiting(self._drop)
        address = await outgoing.checked(self.allowed, source.host, source.port)
        tls = await asyncio.to_thread(named, source.host) if source.tls else None
        client = aiomqtt.Client(
            str(address),
            source.port,
            username=source.user or None,
            password=self.reveal(source.password) if source.password else None,
            identifier=self.identifier,
            clean_session=False,
            timeout=CONNECT_S,
            tls_context=tls,
            logger=_SILENT,
            queue_type=cast("type[asyncio.Queue[aiomqtt.Message]]", lambda maxsize: waiting),
        )
        client._client.manual_ack_set(True)  # noqa: SLF001 - of the library below, public there
        async with client:
            for topic in source.topics:
                await client.subscribe(topic, qos=1)
            self.intake.tally.at(source.name)
            self.intake.tally.connected[source.name] = True
            async for first in client.messages:
                await self._take(client, [first, *_more(waiting)])

    def _drop(self, one: aiomqtt.Message) -> None:
        """Of quality 0: of the others a broker sends no more than it has answers for."""
        told = f"{MOST_WAITING} messages wait to be written already"
        self.intake.tally.at(self.source.name).refuse(told, _bytes(one.payload))

    async def _take(self, client: aiomqtt.Client, found: list[aiomqtt.Message]) -> None:
        source = self.source
        messages = [
            Message(source.name, source.form, str(one.topic), _bytes(one.payload))
            for one in found
            if not one.retain  # of a time that nobody knows
        ]
        await self.intake.take(messages)
        for one in found:
            if one.qos:
                client._client.ack(one.mid, one.qos)  # noqa: SLF001 - as above


class _Waiting(asyncio.Queue[aiomqtt.Message]):
    def __init__(self, drop: Callable[[aiomqtt.Message], None]) -> None:
        super().__init__()
        self._drop = drop

    def put_nowait(self, item: aiomqtt.Message) -> None:
        if self.qsize() >= MOST_WAITING:
            self._drop(item)
        else:
            super().put_nowait(item)


def _more(waiting: asyncio.Queue[aiomqtt.Message]) -> list[aiomqtt.Message]:
    return [waiting.get_nowait() for _ in range(min(AT_ONCE - 1, waiting.qsize()))]


def _bytes(payload: object) -> bytes:
    return payload if isinstance(payload, bytes) else str(payload or "").encode()
