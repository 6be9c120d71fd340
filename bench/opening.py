"""How long it takes to open an hour of one camera, from the custodians' first question to the film.

A town with 360 segments of ten seconds and 2.4 Mbit/s, its doors on a port of this machine: two
custodians' own clients check and release it, then who asked fetches, opens, joins and signs it.
Beside it the same segments are decrypted with known keys and written, and nothing else. What it
leaves out is people and the network between them. Usage: python bench/opening.py [SEGMENTS]
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from seal import clip, piece

from tests.contract.sealed.opened import CASE, NINE, Town
from tests.footage import TEN
from tests.sealing import opened
from townsquare import app
from townsquare.bus import open_bus
from townsquare.cli import custodian
from townsquare.context.broker import Broker
from townsquare.trust.policy import policy
from townsquare.trust.seal import segment
from townsquare.vision.sealed.hours import hour_of
from townsquare.vision.sealed.opening import Wish

RELEASED = "two custodians fetch, check and release, one after the other"
OPENED = "who asked fetches, opens and writes each segment"
JOINED = "and joins them into one film, with its manifest"
ALONE = "decrypting and writing alone"
GOAL_S = 10


@contextmanager
def timed(times: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    times[name] = time.monotonic() - began


async def recorded(town: Town, number: int) -> None:
    content = piece(clip()).closed()
    for n in range(number):
        town.kept.record("square", NINE + n * TEN, content)
    await town.list()


async def agreed(town: Town, number: int) -> str:
    """The id of an opening of all of it, in the signed log."""
    asker, until = town.keys["asker"].line, NINE + number * TEN
    id = await town.asked(Wish("square", NINE, until, CASE, asker, False))
    await town.agreed(id, "police", "court")
    await town.sign()
    return (await town.openings.waiting_for("police"))[-1].id


async def measured(folder: Path, number: int) -> dict[str, float]:
    broker = Broker(opened("sqlite:town.db", folder), open_bus("memory:"), policy(app.TYPES))
    town = await Town(broker, folder).open()
    await town.notary.open()
    times: dict[str, float] = {}
    try:
        async with town.serving():
            await recorded(town, number)
            id = await agreed(town, number)
            with timed(times, RELEASED):
                for name in ("police", "court"):
                    await town.release(name, id)
            await opened_by(town, id, folder / "export", number, times)
            with timed(times, ALONE):
                alone(town, folder / "alone")
    finally:
        await broker.store.close()
    return times


async def opened_by(
    town: Town, id: str, export: Path, number: int, times: dict[str, float]
) -> None:
    """By the program of who asked, in a process of its own as at their desk."""
    key = town.folder / "asker.key"
    custodian.trust(key, town.url, town.keys["asker"].log)
    command = ("-u", "-m", "townsquare.cli", "footage", "open", str(key), id, str(export))
    running = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert running.stdout  # noqa: S101 - a bench
    with timed(times, OPENED):
        told = await running.stdout.readline()
    with timed(times, JOINED):
        told += await running.stdout.read()
    if not told.startswith(b"%d segments opened" % number) or not (export / "footage.mp4").exists():
        raise SystemExit(told.decode())


def alone(town: Town, folder: Path) -> None:
    """With the keys that the export tells, so that nothing but decrypting is in it."""
    folder.mkdir()
    hour = hour_of(NINE)
    lines = (folder.parent / "export" / "segments.jsonl").read_text().splitlines()
    for line, told in zip(town.kept.shelf.lines("square", hour), lines, strict=True):
        found = town.kept.shelf.segment("square", hour, line.file)
        key = b64decode(json.loads(told)["key"])
        (folder / line.file).write_bytes(segment.opened(found, key))


def report(times: dict[str, float], number: int) -> None:
    hour_s = {name: spent * 360 / number for name, spent in times.items()}
    table = Table("an hour of one camera", "seconds", "ratio", box=None)
    whole = hour_s[RELEASED] + hour_s[OPENED]
    rows = {
        RELEASED: hour_s[RELEASED],
        OPENED: hour_s[OPENED],
        "open": whole,
        JOINED: hour_s[JOINED],
        ALONE: hour_s[ALONE],
    }
    for name, spent in rows.items():
        table.add_row(name, f"{spent:.1f}", f"{spent / hour_s[ALONE]:.1f}")
    Console(width=110).print(table)
    print(f"goal: open in {GOAL_S} s; {'met' if whole < GOAL_S else 'NOT met'}")


def main(number: int) -> None:
    with tempfile.TemporaryDirectory(dir=".") as name:
        report(asyncio.run(measured(Path(name), number)), number)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 360)
