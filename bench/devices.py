"""What devices cost: messages of MQTT decoded, checked and durable by one core, and a thousand
devices accepted from a file.

A real broker (mosquitto), a program that publishes in a process of its own, and the room as the
house runs it, on SQLite. Beside it a client that only receives the same messages, which is the
most that a core can. A core's rate is messages over the processor time of the process that
receives. Usage: python bench/devices.py [MESSAGES]
"""

import asyncio
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiomqtt
from rich.console import Console
from rich.table import Table

from tests.brokers import mosquitto
from tests.sealing import opened
from townsquare import app
from townsquare.app import house
from townsquare.bus import open_bus
from townsquare.context.broker import Broker
from townsquare.context.outgoing import LOOPBACK_ONLY
from townsquare.devices.desk import COLUMNS, Desk
from townsquare.devices.desk import opened as desk_of
from townsquare.devices.mqtt import Listener
from townsquare.devices.settings import Mqtt, Settings
from townsquare.model.actor import Actor, Why
from townsquare.trust.policy import policy

DEVICES, GOAL_PER_S, GOAL_S = 1000, 5000, 60
ENGINEER = Actor("urn:ngsi-ld:Person:eng", "person", "Town", frozenset({"engineer"}))
LEVEL = "0175640367f80004820101050001"
PUBLISH = """
import sys, paho.mqtt.client as mqtt
port, number, devices = map(int, sys.argv[1:4])
payload = bytes.fromhex(sys.argv[4])
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.max_queued_messages_set(0)
client.max_inflight_messages_set(1000)
client.connect("127.0.0.1", port)
client.loop_start()
told = [client.publish(f"bins/bin-{n % devices}", payload, qos=1) for n in range(number)]
for one in told:
    one.wait_for_publish()
client.disconnect()
"""


def settings(port: int) -> Settings:
    source = Mqtt("city", f"mqtt://localhost:{port}", ("bins/#",))
    return Settings(mqtt=(source,), a_minute=60_000, burst=60_000)


async def accepted(desk: Desk) -> float:
    """Seconds for a thousand, from a file."""
    rows = [
        f"city,bin-{n},milesight-em400,urn:ngsi-ld:WasteContainer:{n},Waste,operations,13.4,52.5"
        for n in range(DEVICES)
    ]
    began = time.monotonic()
    number, wrong = await desk.accept_file(
        "\n".join([",".join(COLUMNS), *rows]), ENGINEER, Why("operations")
    )
    if (number, wrong) != (DEVICES, []):
        raise SystemExit(f"{number} were accepted: {wrong[:3]}")
    return time.monotonic() - began


@contextlib.asynccontextmanager
async def publishing(port: int, number: int) -> AsyncIterator[None]:
    sent = (str(port), str(number), str(DEVICES), LEVEL)
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", PUBLISH, *sent)
    try:
        yield
    finally:
        await running.wait()


async def cost(port: int, number: int, done: Callable[[], int]) -> tuple[float, float]:
    """Seconds of processor time of this process, and those that passed, until all have come."""
    began, used = time.monotonic(), _used()
    async with publishing(port, number):
        while done() < number:  # noqa: ASYNC110 - counted by what is measured
            await asyncio.sleep(0.01)
    return _used() - used, time.monotonic() - began


def _used() -> float:
    told = resource.getrusage(resource.RUSAGE_SELF)
    return told.ru_utime + told.ru_stime


async def received(port: int, number: int) -> tuple[float, float]:
    """By a client that does nothing with them."""
    count = 0

    async def listen() -> None:
        nonlocal count
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.subscribe("bins/#", qos=1)
            async for _ in client.messages:
                count += 1

    async with task(listen):
        await asyncio.sleep(1)
        return await cost(port, number, lambda: count)


@contextlib.asynccontextmanager
async def task(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    running = asyncio.ensure_future(work())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def measured(folder: Path, number: int) -> None:
    broker = Broker(opened("sqlite:town.db", folder), open_bus("memory:"), policy(app.TYPES))
    async with mosquitto(folder) as port:
        desk = desk_of(broker, settings(port), LOOPBACK_ONLY, lambda name: name)
        await desk.intake.open()
        file_s = await accepted(desk)
        house.calm_collector()
        raw = await received(port, number)
        source = desk.listening.settings.mqtt[0]
        listener = Listener(source, desk.intake, LOOPBACK_ONLY, lambda name: name, "bench")
        tally = desk.intake.tally
        async with task(listener.run):
            await asyncio.sleep(1)
            own = await cost(port, number, lambda: sum(c.heard for c in tally.devices.values()))
        refused = sum(count.refused for count in tally.devices.values())
    await broker.store.close()
    if refused:
        raise SystemExit(f"{refused} messages were refused")
    report(number, own, raw, file_s)


def report(number: int, own: tuple[float, float], raw: tuple[float, float], file_s: float) -> None:
    table = Table("messages of MQTT", "durable", "received only", "ratio", box=None)
    rates = number / own[0], number / raw[0]
    table.add_row(
        "a second, by one core",
        f"{rates[0]:,.0f}",
        f"{rates[1]:,.0f}",
        f"{rates[0] / rates[1]:.2f}",
    )
    table.add_row(
        "a second, as they came", f"{number / own[1]:,.0f}", f"{number / raw[1]:,.0f}", ""
    )
    table.add_row(
        "processor time of one, µs",
        f"{own[0] / number * 1e6:,.0f}",
        f"{raw[0] / number * 1e6:,.0f}",
        "",
    )
    Console(width=110).print(table)
    print(f"{DEVICES} devices accepted from a file in {file_s:.1f} s (goal {GOAL_S})")
    print(
        f"goal: {GOAL_PER_S} a second by one core; {'met' if rates[0] >= GOAL_PER_S else 'NOT met'}"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=".") as name:
        asyncio.run(measured(Path(name), int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
