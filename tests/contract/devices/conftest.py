"""A town that listens to devices, with an engineer and an operator."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.conftest import OpenBroker
from townsquare import app
from townsquare.context.broker import Broker
from townsquare.context.outgoing import LOOPBACK_ONLY
from townsquare.devices import device
from townsquare.devices.desk import Desk
from townsquare.devices.device import Acceptance
from townsquare.devices.intake import Intake, Message
from townsquare.devices.mapping import Mapped, Take
from townsquare.devices.run import Listening, listening
from townsquare.devices.settings import Push, Settings
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Entity

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
ENGINEER = Actor("urn:ngsi-ld:Person:eng", "person", "Town", frozenset({"engineer"}))
OPERATOR = Actor("urn:ngsi-ld:Person:op", "person", "Town", frozenset({"operator"}))
WORK = Why("operations")
BIN = "urn:ngsi-ld:WasteContainer:12"
FROST = Mapped(
    "frost", (Take("temperature", "temp", "CEL", least=-60, most=70),), time="observedAt"
)
LEVEL = "0175640367f80004820101050001"  # 100 %, 24.8 °C, 257 mm, tilted


@dataclass
class Town:
    broker: Broker
    listening: Listening
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.broker.clock = lambda: self.now

    @property
    def intake(self) -> Intake:
        return self.listening.intake

    @property
    def desk(self) -> Desk:
        return Desk(self.broker, self.listening)

    async def accept(self, address: str = "bin-12", thing: str = BIN, **more: str) -> Entity:
        kind = more.pop("kind", "milesight-em400")
        told = Acceptance(kind, thing, "Waste department", "operations", (13.4, 52.5), **more)
        id = device.device_id("city", address)
        return await self.desk.accept(id, told, ENGINEER, WORK)

    async def say(self, payload: str | bytes = LEVEL, address: str = "bin-12") -> int:
        content = bytes.fromhex(payload) if isinstance(payload, str) else payload
        message = Message("city", "json", f"bins/{address}", content)
        return (await self.intake.take([message])).number

    async def thing(self, id: str = BIN) -> Entity:
        return await self.broker.read(id, OPERATOR, WORK)

    async def status(self, address: str = "bin-12") -> Entity:
        await self.intake.tell()
        id = f"urn:ngsi-ld:DeviceStatus:city:{address}"
        return await self.broker.read(id, OPERATOR, WORK)


@pytest.fixture
async def town(open_broker: OpenBroker, store_url: str) -> Town:
    broker = open_broker(*app.TYPES, url=store_url)
    ways = (Push("city"), Push("lora", "chirpstack"), Push("orion", "ngsi-ld"))
    settings = Settings(push=ways, kind=(FROST,), a_minute=60, burst=20)
    made = listening(broker, settings, LOOPBACK_ONLY, lambda name: name)
    await made.intake.open()
    made.ready.set()
    return Town(broker, made)
