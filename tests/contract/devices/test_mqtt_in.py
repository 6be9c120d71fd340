"""Devices at real brokers: heard, heard again after the broker was gone, and none lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest

from tests.brokers import amqtt_broker, free_port, mosquitto
from tests.contract.alerts.called import eventually
from tests.contract.devices.conftest import LEVEL, Town
from townsquare.context.outgoing import Settings as Outgoing
from townsquare.context.outgoing import declared
from townsquare.devices import mqtt
from townsquare.devices.mqtt import Listener
from townsquare.devices.settings import Mqtt
from townsquare.model.errors import NotFound


@pytest.fixture(params=["sqlite:town.db"])
def store_url(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def listener(town: Town, port: int, user: str = "", password: str = "") -> Listener:
    url = f"mqtt://localhost:{port}"
    source = Mqtt("city", url, ("bins/#",), user=user, password=password)
    made = town.listening
    return Listener(source, town.intake, made.allowed, made.reveal, "townsquare-test")


@contextlib.asynccontextmanager
async def heard(listener: Listener) -> AsyncIterator[None]:
    running = asyncio.create_task(listener.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return true()

    await eventually(holds)


def connected(town: Town) -> bool:
    return town.intake.tally.connected.get("city", False)


async def say(port: int, number: int, payload: bytes = bytes.fromhex(LEVEL)) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for n in range(number):
            await client.publish(f"bins/bin-{n}", payload, qos=1)


async def accept(town: Town, number: int) -> None:
    for n in range(number):
        await town.accept(f"bin-{n}", f"urn:ngsi-ld:WasteContainer:{n}")


async def delivered(town: Town, number: int) -> None:
    """What was said is what the things have."""

    async def holds() -> bool:
        try:
            things = [await town.thing(f"urn:ngsi-ld:WasteContainer:{n}") for n in range(number)]
        except NotFound:
            return False
        return [thing.value("distance") for thing in things] == [257] * number

    await eventually(holds)


async def test_what_is_published_is_in_the_town(town: Town, tmp_path: Path) -> None:
    await accept(town, 5)
    async with amqtt_broker() as port, heard(listener(town, port)):
        await until(lambda: connected(town))
        await say(port, 5)
        await delivered(town, 5)


async def test_what_is_said_while_nobody_listens_is_heard_afterwards(
    town: Town, tmp_path: Path
) -> None:
    await accept(town, 8)
    async with mosquitto(tmp_path) as port:
        async with heard(listener(town, port)):
            await until(lambda: connected(town))
        town.intake.tally.connected.clear()
        await say(port, 8)
        async with heard(listener(town, port)):
            await delivered(town, 8)


async def test_what_was_not_durable_when_the_house_stopped_is_sent_again(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accept(town, 3)
    taken = town.intake.take

    async def lost(messages: object) -> int:
        raise OSError("the power went")

    async with mosquitto(tmp_path) as port:
        monkeypatch.setattr(type(town.intake), "take", lambda self, messages: lost(messages))
        async with heard(listener(town, port)):
            await until(lambda: connected(town))
            await say(port, 3)
            await until(lambda: not connected(town))
        monkeypatch.setattr(type(town.intake), "take", lambda self, messages: taken(messages))
        async with heard(listener(town, port)):
            await delivered(town, 3)


async def test_a_broker_that_goes_is_said_and_heard_again_when_it_is_back(
    town: Town, tmp_path: Path
) -> None:
    await accept(town, 1)
    port = free_port()
    async with heard(listener(town, port)):
        await until(lambda: town.intake.tally.connected.get("city") is False)
        async with mosquitto(tmp_path, port=port):
            await until(lambda: connected(town))
        await until(lambda: not connected(town))
        async with mosquitto(tmp_path, port=port):
            await until(lambda: connected(town))
            await say(port, 1)
            await delivered(town, 1)


async def test_with_a_login(town: Town, tmp_path: Path) -> None:
    async with mosquitto(tmp_path, login="town:right") as port:
        wrong = listener(town, port, user="town", password="secret:mqtt")
        async with heard(wrong):  # it says "secret:mqtt" as the password
            await until(lambda: town.intake.tally.connected.get("city") is False)
        async with heard(replace(wrong, reveal=lambda _: "right")):
            await until(lambda: connected(town))


async def test_a_host_that_is_not_declared_is_not_called(town: Town, tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as port:
        made = replace(listener(town, port), allowed=declared(Outgoing()))
        async with heard(made):
            await until(lambda: town.intake.tally.connected.get("city") is False)
    assert not connected(town)


async def test_what_waits_is_bounded_and_what_is_left_out_is_counted(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "MOST_WAITING", 3)
    made = listener(town, 1883)
    waiting = mqtt._Waiting(made._drop)
    for n in range(5):
        waiting.put_nowait(aiomqtt.Message("bins/a", bytes([n]), 0, False, n, None))
    assert [waiting.get_nowait().payload for _ in range(3)] == [b"\0", b"\1", b"\2"]
    count = town.intake.tally.at("city")
    assert (count.refused, count.began) == (2, "04")
