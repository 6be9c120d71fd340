"""How long a backup of a large past takes, and what writers feel of it while it is made.

A town's database is filled, then written to 1,000 times a second, each write durable before it is
answered; its delay runs from when it was due. Beside the backup the same bytes are copied, and
nothing else. What was made is restored, which checks it, and its rows are counted.
Usage: python bench/backup.py [ROWS]
"""

import asyncio
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import quantiles
from time import monotonic

from measure.machine import machine
from rich.console import Console
from rich.table import Table

from townsquare.store import Instance, Job, Key, Place, Row, Store, Writes, open_store
from townsquare.store.past import instance_id

START = datetime(2031, 5, 1, tzinfo=UTC)
FLOW = "https://uri.etsi.org/ngsi-ld/default-context/flow"
SERIES = 1000
PER_S = 1000
ALONE_S = 20.0
BODY = b'{"flow":[{"type":"Property","value":20.5,"observedAt":"2031-05-01T00:00:00Z"}]}'
NUMBERS = count(1)


def meter(number: int) -> str:
    return f"urn:ngsi-ld:Meter:{number:05}"


def instance(entity: int, at: datetime) -> Instance:
    names = (meter(entity), "Meter", FLOW, None)
    return Instance(*names, instance_id(next(NUMBERS)), at, at, at, None, entity % 97 / 10, None)


async def fill(store: Store, rows: int) -> None:
    keys = [Key("", "context", meter(n)) for n in range(SERIES)]
    place = Place(("Meter",), (), None)
    await commit(store, Writes(put=[Row(key, 1, BODY, place) for key in keys]))
    for minute in range(-(-rows // SERIES)):
        at = START + timedelta(minutes=minute)
        some = [instance(n, at) for n in range(min(SERIES, rows - minute * SERIES))]
        await commit(store, Writes(history=some))


async def commit(store: Store, writes: Writes) -> None:
    keys = tuple(row.key for row in writes.put)
    await store.commit(Job(START, "", keys, lambda _: writes))


async def write_while(store: Store, done: Callable[[], bool]) -> list[float]:
    """Delays in ms, of PER_S writes a second until it is done."""
    delays: list[float] = []
    begun, writing = monotonic(), set[asyncio.Task[None]]()

    async def write(due: float, number: int) -> None:
        entity = number % SERIES
        row = Row(Key("", "context", meter(entity)), number, BODY)
        now = instance(entity, datetime.now(UTC))
        await commit(store, Writes(put=[row], history=[now]))
        delays.append((monotonic() - due) * 1000)

    for number in count():
        if done():
            break
        due = begun + number / PER_S
        if (early := due - monotonic()) > 0:
            await asyncio.sleep(early)
        task = asyncio.create_task(write(due, number))
        writing.add(task)
        task.add_done_callback(writing.discard)
    await asyncio.gather(*writing)
    return delays


async def timed(work: Awaitable[object]) -> float:
    begun = monotonic()
    await work
    return monotonic() - begun


async def townsquare(*words: str) -> None:
    """The real command, in a process of its own."""
    ran = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "townsquare.cli", *words), stdout=asyncio.subprocess.DEVNULL
    )
    if await ran.wait():
        raise SystemExit(f"townsquare {' '.join(words)} failed")


async def during(store: Store, work: Awaitable[object]) -> tuple[float, list[float]]:
    task = asyncio.create_task(timed(work))
    delays = await write_while(store, task.done)
    return await task, delays


async def copied(source: Path, into: Path) -> None:
    """As a program would that knows nothing of databases, and made durable.

    Not in this process: to close the file here would end the locks that SQLite has on it.
    """
    copy = f"of={into}", "bs=1M", "conv=fsync", "status=none"
    ran = await asyncio.create_subprocess_exec("dd", f"if={source}", *copy)
    if await ran.wait():
        raise SystemExit("dd failed")


async def measured(folder: Path, rows: int) -> tuple[list[tuple[str, float, list[float]]], int]:
    data = folder / "data"
    store = open_store("sqlite:townsquare.db", data)
    await fill(store, rows)
    alone = await write_while(store, until(ALONE_S))
    by_copy = await during(store, copied(data / "townsquare.db", folder / "raw"))
    (folder / "raw").unlink()
    made = folder / "backup"
    by_backup = await during(store, townsquare("backup", str(made), "--data", str(data)))
    journal = (data / "townsquare.db-wal").stat().st_size
    after = await write_while(store, until(ALONE_S))
    await store.close()
    restored = await timed(townsquare("restore", str(made), str(folder / "again")))
    return [
        ("writes alone", ALONE_S, alone),
        ("while the same bytes are copied", *by_copy),
        ("while townsquare backup runs", *by_backup),
        ("writes afterwards", ALONE_S, after),
        ("townsquare restore, no writes", restored, []),
    ], journal


def until(seconds: float) -> Callable[[], bool]:
    end: list[float] = []

    def over() -> bool:
        end[:] = end or [monotonic() + seconds]
        return monotonic() > end[0]

    return over


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory(dir=".") as there:
        folder = Path(there)
        figures, journal = asyncio.run(measured(folder, rows))
        size = (folder / "backup" / "townsquare.db").stat().st_size
        kept = counted(folder / "again")
    title = f"{rows:,} rows of history, {size / 1e6:,.0f} MB; {PER_S:,} writes/s"
    table = Table("", "seconds", "writes", "p50 ms", "p99 ms", "longest ms", title=title)
    for name, seconds, delays in figures:
        told = ["", "", "", ""]
        if delays:
            cuts = quantiles(delays, n=100)
            told = [f"{len(delays):,}", *(f"{n:.1f}" for n in (cuts[49], cuts[98], max(delays)))]
        table.add_row(name, f"{seconds:.1f}", *told)
    Console(width=110).print(machine("SQLite (synchronous=FULL)"), table)
    print(f"write-ahead log when the backup was done: {journal / 1e6:,.0f} MB")
    print(f"rows of history in what was restored: {kept:,}")


def counted(data: Path) -> int:
    with sqlite3.connect(f"file:{data / 'townsquare.db'}?mode=ro", uri=True) as db:
        return int(db.execute("select count(*) from history").fetchone()[0])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
