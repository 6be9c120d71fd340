"""What trust costs: deciding, hiding, appending to the log and proving from it.

Beside each figure stands a raw limit of the same run: hashes alone, rows alone, a file read.
Usage: python bench/trust.py [ENTRIES]
"""

import asyncio
import hashlib
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from measure import deciding, served
from rich.console import Console
from rich.table import Table

from townsquare.model.actor import Actor, Why
from townsquare.store import Job, LogEntry, Store, Writes, open_store
from townsquare.trust import audit, note, tlog
from townsquare.trust.log import Log
from townsquare.trust.tiles import Tiles

ENTRIES = 10_000_000  # of the log that is proven from
APPENDED, BATCH = 50_000, 1000
PROOFS = 200
NOW = datetime(2031, 5, 1, tzinfo=UTC)
WHO = Actor("urn:ngsi-ld:Person:0123456789abcdef", "person", "Town", frozenset({"operator"}))
Row = tuple[str, str, str, str]  # what, measured, goal, raw limit


def entry(number: int) -> LogEntry:
    subject = f"urn:ngsi-ld:Alert:crowd:{number:07}"
    why = Why("operations", f"T-{number % 97}")
    return audit.entry(audit.record(WHO, why, NOW, subject, "consultation", "state"))


def _kept(writes: Writes, _: object) -> Writes:
    return writes


async def appended(folder: Path) -> Row:
    """From the record to the tree and a signed checkpoint, durable."""
    store = open_store("sqlite:town.db", folder)
    signer = note.Signer("bench.example/log", Ed25519PrivateKey.generate())
    log = Log(folder / "log", signer, store, lambda: NOW)
    await log.open()
    started = perf_counter()
    await asyncio.gather(written(store), followed(log))
    await log.sign()
    took = perf_counter() - started
    entries = await store.log(0, APPENDED)
    await store.close()
    raw = f"{APPENDED / rows_alone(folder, entries):,.0f}/s rows alone, without an index"
    return f"appends, batches of {BATCH:,}", f"{APPENDED / took:,.0f}/s", "10,000/s", raw


async def written(store: Store) -> None:
    for first in range(0, APPENDED, BATCH):
        some = Writes(log=[entry(n) for n in range(first, first + BATCH)])
        await store.commit(Job(NOW, "", (), partial(_kept, some)))


async def followed(log: Log) -> None:
    while log.tiles.size < APPENDED:
        await log.follow()
        await asyncio.sleep(0.01)


def rows_alone(folder: Path, entries: list[LogEntry]) -> float:
    with sqlite3.connect(folder / "raw.db", isolation_level=None) as db:
        db.executescript("pragma journal_mode=wal; pragma synchronous=full")
        db.execute("create table log (row integer primary key, salt, record, commitment)")
        started = perf_counter()
        for first in range(0, len(entries), BATCH):
            db.execute("begin")
            some = [(e.salt, e.record, e.commitment) for e in entries[first : first + BATCH]]
            db.executemany("insert into log (salt, record, commitment) values (?, ?, ?)", some)
            db.execute("commit")
        return perf_counter() - started


def proven(folder: Path, size: int) -> Iterator[Row]:
    tiles = Tiles(folder)
    started = perf_counter()
    tiles.append(n.to_bytes(32, "big") for n in range(size))
    took = perf_counter() - started
    raw = f"{1e6 / hashes_alone(1_000_000):,.0f}/s, its two hashes alone"
    yield f"a tree of {size:,} built", f"{size / took:,.0f}/s", "", raw
    places = random.sample(range(size), PROOFS)
    file = next((folder / "tile" / "0").rglob("000"))
    read = median(times(lambda _: file.read_bytes(), places))
    proof = times(lambda index: tlog.inclusion(index, size, tiles.hashes), places)
    goal, raw = "5 ms", f"{read * 1e6:,.0f} µs to read a tile, of which there are three"
    yield "inclusion proof, median", f"{median(proof) * 1e3:.2f} ms", goal, raw
    yield "inclusion proof, slowest", f"{max(proof) * 1e3:.2f} ms", goal, raw
    between = times(lambda old: tlog.consistency(old + 1, size, tiles.hashes), places)
    yield "consistency proof, median", f"{median(between) * 1e3:.2f} ms", "", raw


def times(work: Callable[[int], object], places: list[int]) -> list[float]:
    """Seconds of each."""
    found = []
    for place in places:
        started = perf_counter()
        work(place)
        found.append(perf_counter() - started)
    return found


def hashes_alone(number: int) -> float:
    started = perf_counter()
    for _ in range(number):
        hashlib.sha256(b"\x00" + hashlib.sha256(b"\x01").digest()).digest()
    return perf_counter() - started


def main() -> None:
    if sys.argv[1:2] == [served.SERVE]:
        served.serve(*sys.argv[2:])
        return
    size = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    table = Table("trust", "measured", "goal", "raw limit in the same run", box=None)
    for row in deciding.rows():
        table.add_row(*row)
    for row in served.rows():
        table.add_row(*row)
    with tempfile.TemporaryDirectory() as folder:
        table.add_row(*asyncio.run(appended(Path(folder))))
        for row in proven(Path(folder) / "large", size):
            table.add_row(*row)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
