"""Registers of Modbus TCP: of pymodbus' own server, and of a host that answers anything."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.brokers import free_port
from tests.conftest import OpenBroker
from tests.contract.alerts.called import eventually
from tests.contract.devices.conftest import Town
from townsquare import app
from townsquare.context.outgoing import LOOPBACK_ONLY, Allowed, declared
from townsquare.context.outgoing import Settings as Outgoing
from townsquare.devices.mapping import Mapped, Take
from townsquare.devices.modbus import Poller
from townsquare.devices.run import listening
from townsquare.devices.settings import Settings
from townsquare.devices.ways import Modbus, Register
from townsquare.model.errors import Invalid, NotFound

PUMP = "urn:ngsi-ld:Pump:{}"
REGISTERS = (
    Register("flow", 0),
    Register("temperature", 1, type="s16"),
    Register("pressure", 2, type="f32"),
    Register("energy", 4, type="u32", low_word_first=True),
    Register("running", 0, table="coil", type="bool"),
)
KIND = Mapped(
    "pump",
    (
        Take("flow", "flow", "LTR", least=0, most=500),
        Take("temperature", "temperature", "CEL", least=-40, most=90),
        Take("pressure", "pressure", "BAR", least=0, most=16),
        Take("energy", "energy", "KWH", least=0, most=1e9),
        Take("running", "running"),
    ),
)
WORDS = [42, 65_526, 0x4020, 0, 7, 1]  # 42, -10, 2.5, and 65543 with its low word first


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def town(open_broker: OpenBroker, port: int) -> Town:
    broker = open_broker(*app.TYPES)
    way = Modbus("city", "localhost", REGISTERS, units=(1, 2), port=port, every_s=1)
    settings = Settings(modbus=(way,), kind=(KIND,))
    made = listening(broker, settings, LOOPBACK_ONLY, lambda name: name)
    await made.intake.open()
    made.ready.set()
    town = Town(broker, made)
    for unit in (1, 2):
        await town.accept(f"unit-{unit}", PUMP.format(unit), kind="pump")
    return town


def pump(unit: int, words: Sequence[int] = WORDS) -> SimDevice:
    coils = [SimData(0, values=[True] + [False] * 15, datatype=DataType.BITS)]
    held = [SimData(0, values=list(words), datatype=DataType.REGISTERS)]
    return SimDevice(unit, (coils, coils, held, held))


@contextlib.asynccontextmanager
async def serving(port: int, *units: SimDevice) -> AsyncIterator[None]:
    server = ModbusTcpServer(list(units), address=("127.0.0.1", port))
    task = asyncio.create_task(server.serve_forever())
    try:
        yield
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]  # of the library
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def asked(town: Town, allowed: Allowed = LOOPBACK_ONLY) -> AsyncIterator[None]:
    (way,) = town.listening.settings.modbus
    running = asyncio.create_task(Poller(way, town.intake, allowed).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def heard(town: Town, unit: int) -> bool:
    with contextlib.suppress(NotFound):
        thing = await town.thing(PUMP.format(unit))
        names = ("flow", "temperature", "pressure", "energy", "running")
        return [thing.value(name) for name in names] == [42, -10, 2.5, 65_543, True]
    return False


async def test_what_its_registers_say_is_what_the_thing_has(town: Town, port: int) -> None:
    async with serving(port, pump(1), pump(2)), asked(town):
        await eventually(lambda: heard(town, 1))
        await eventually(lambda: heard(town, 2))


async def test_a_unit_that_cannot_be_read_is_counted_and_the_other_is_heard(
    town: Town, port: int
) -> None:
    async with serving(port, pump(1, WORDS[:1]), pump(2)), asked(town):
        await eventually(lambda: heard(town, 2))
        count = town.intake.tally.at("city")
        assert count.why.startswith("unit 1, register temperature: it answers with exception 2")
        with pytest.raises(NotFound):
            await town.thing(PUMP.format(1))


async def test_what_cannot_be_true_is_refused(town: Town, port: int) -> None:
    not_a_number = [42, 0, 0x7FC0, 0, 7, 1]
    async with serving(port, pump(1, not_a_number), pump(2, [600, *WORDS[1:]])), asked(town):

        async def refused() -> bool:
            return town.intake.tally.of("city", "unit-2").refused > 0

        await eventually(refused)
        assert "its value is no number" in town.intake.tally.at("city").why
        assert "500" in town.intake.tally.of("city", "unit-2").why
        for unit in (1, 2):
            with pytest.raises(NotFound):
                await town.thing(PUMP.format(unit))


async def test_a_host_that_goes_is_asked_again_once_it_is_back(town: Town, port: int) -> None:
    async def lost() -> bool:
        return town.intake.tally.connected.get("city") is False

    async with asked(town):
        await eventually(lost)
        async with serving(port, pump(1), pump(2)):
            await eventually(lambda: heard(town, 1))
        await eventually(lost)


async def test_a_host_that_is_not_declared_is_not_called(town: Town, port: int) -> None:
    async def refused() -> bool:
        return town.intake.tally.at("city").refused > 0

    async with serving(port, pump(1), pump(2)), asked(town, declared(Outgoing())):
        await eventually(refused)
    assert "localhost" in town.intake.tally.at("city").why


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00",
        os.urandom(300),
        b"\x00\x01\x00\x00\xff\xff\x01\x03" + b"\xff" * 300,
        b"\x00\x01\x00\x00\x00\x03\x01\x03\x02",
        b"\x00\x01\x00\x00\x00\x05\x01\x03\xfa\x00\x2a",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00" * 10_000,
    ],
)
async def test_whatever_a_host_answers_gives_no_value(town: Town, port: int, answer: bytes) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                writer.write(answer)
                await writer.drain()
        writer.close()

    async def refused() -> bool:
        return town.intake.tally.at("city").refused > 0

    async with await asyncio.start_server(answers, "127.0.0.1", port), asked(town):
        await eventually(refused)
    for unit in (1, 2):
        with pytest.raises(NotFound):
            await town.thing(PUMP.format(unit))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"register": ()}, "reads nothing"),
        ({"register": (Register("flow", 0), Register("flow", 1))}, "two registers named"),
        ({"units": (1, 1)}, "different numbers"),
        ({"units": (256,)}, "0 to 255"),
        ({"every_s": 0.1}, "1 to 3600"),
        ({"port": 0}, "a port 1 to"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object], why: str) -> None:
    given = {"name": "city", "host": "pump.example.org", "register": REGISTERS} | wrong
    with pytest.raises(Invalid, match=why):
        Modbus(**given)  # type: ignore[arg-type]  # settings by name


def test_a_register_fits_its_table() -> None:
    for wrong in (
        {"table": "coil"},
        {"type": "bool"},
        {"at": 65_536},
        {"at": 65_535, "type": "u32"},
        {"name": "a flow"},
    ):
        with pytest.raises(Invalid):
            Register(**({"name": "flow", "at": 0} | wrong))  # type: ignore[arg-type]  # as above
