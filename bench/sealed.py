"""What a day of the past costs in the database and in Parquet: bytes of an instance, and time.

One city for both: the same questions are asked of the same day before and after it is sealed.
Usage: python bench/sealed.py [SERIES]
"""

import asyncio
import random
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import monotonic

from rich.console import Console
from rich.table import Table

from townsquare.store import Find, Instance, Job, Key, Place, Row, Store, Writes, open_store
from townsquare.store.conditions import Path as Where
from townsquare.store.past import Past, Whose, Window, instance_id

START = datetime(2031, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTES = 24 * 60
DAYS = 2
TIMES = 15
Question = tuple[str, Callable[[], Awaitable[object]]]


def meter(number: int) -> str:
    return f"urn:ngsi-ld:Meter:{number:05}"


def instance(number: int, entity: int, at: datetime) -> Instance:
    level = round(random.gauss(20, 5), 1)
    names = (meter(entity), "Meter", "https://uri.etsi.org/ngsi-ld/default-context/flow", None)
    return Instance(*names, instance_id(number), at, at, at, None, level, None)


async def fill(store: Store, series: int) -> int:
    number = 0
    rows = [
        Row(Key("", "context", meter(n)), 1, b"{}", Place(("Meter",), (), None))
        for n in range(series)
    ]
    await write(store, Writes(put=rows))
    for minute in range(DAYS * MINUTES):
        at = START + timedelta(minutes=minute)
        some = [instance(number + n, n, at) for n in range(series)]
        number += series
        await write(store, Writes(history=some))
    return number


async def write(store: Store, writes: Writes) -> None:
    await store.commit(Job(START, "", (), lambda _: writes))


def questions(store: Store, series: int) -> list[Question]:
    day = Window(since=START, until=START + DAY)
    one = Past((Whose((meter(series // 2),), ("Meter",)),), day)
    hours = [START + n * timedelta(hours=1) for n in range(25)]
    halves = [START + n * timedelta(minutes=30) for n in range(49)]

    async def over() -> object:
        then = store.past_conditions(day)
        flow = Where("https://uri.etsi.org/ngsi-ld/default-context/flow")
        return await store.find("", Find(then.holds(flow, ">", 35.0), limit=20, words=then))

    return [
        ("a day of one series, 1,440 instances", lambda: store.instances("", one)),
        ("its first 30", lambda: store.instances("", replace(one, most=30))),
        ("its last", lambda: store.instances("", replace(one, last=1))),
        ("sums of its hours", lambda: store.tallies("", one, hours, distinct=False)),
        ("sums of its half hours", lambda: store.tallies("", one, halves, distinct=False)),
        (f"which of {series} were once over 35", over),
    ]


async def timed(ask: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds."""
    took = []
    for _ in range(TIMES):
        start = monotonic()
        await ask()
        took.append((monotonic() - start) * 1000)
    return median(took)


def in_database(file: Path) -> int:
    with sqlite3.connect(file) as db:
        (pages,), (free,) = (
            db.execute(f"pragma {p}_count").fetchone() for p in ("page", "freelist")
        )
        (size,) = db.execute("pragma page_size").fetchone()
    db.close()
    return int((pages - free) * size)


def in_files(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("history/*/*.parquet"))


async def bench(series: int, folder: Path) -> None:
    store = open_store("sqlite:town.db", folder)
    empty = in_database(folder / "town.db")
    number = await fill(store, series)
    await store.roll_up(START + DAYS * DAY)
    before = in_database(folder / "town.db") - empty
    asked = questions(store, series)
    rows = [await timed(ask) for _, ask in asked]
    start = monotonic()
    await store.seal(START + DAYS * DAY)
    took = monotonic() - start
    after = in_database(folder / "town.db") - empty
    files = in_files(folder)
    parquet = [await timed(ask) for _, ask in asked]
    await store.close()
    table = Table("", "rows", "Parquet", box=None)
    table.add_row("bytes of an instance", f"{before / number:.1f}", f"{files / number:.1f}")
    table.add_row("what stays in the database, bytes", "", f"{after / number:.1f}")
    for (name, _), one, other in zip(asked, rows, parquet, strict=True):
        table.add_row(f"{name}, ms", f"{one:.2f}", f"{other:.2f}")
    Console().print(table)
    print(f"{number:,} instances of {series} series; sealed at {number / took:,.0f} a second")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(bench(int(sys.argv[1]) if sys.argv[1:] else 200, Path(folder)))
