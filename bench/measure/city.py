"""A large city in SQLite, as if it had been written to for hours, loaded through the store.

Entities, their places, counts and first readings go through its commits. The readings after that
are rows like those, which SQLite multiplies by itself; nobody would wait for fifty million.
"""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec

from townsquare.context.commit import place_of
from townsquare.model.entity import Entity
from townsquare.store import Instance, Job, Key, Row, Store, Writes, micros, open_store, queried
from townsquare.store.census import difference, together
from townsquare.store.past import instance_id
from townsquare.store.series import hour_of

AT_ONCE = 2000  # entities in a commit
SERIES = 20_000  # whose readings are made in one transaction
EVERY = timedelta(minutes=10)
BYTES_EACH, BYTES_ROW = 6000, 60  # on disk, with room to spare
AGAIN = """
with recursive step(k) as (select 1 union all select k + 1 from step where k < ?1)
insert into history select s.id, ?2 + k * ?3, abs(random()), 1, recorded, null, null,
    round(number + (random() % 100) / 10.0, 2), json
from series s join history h on h.series = s.id and h.at = ?2 join step
where s.id > ?4 and s.id <= ?5
"""


@dataclass(frozen=True, slots=True)
class Size:
    """`rows` are of history."""

    entities: int
    rows: int


@dataclass(frozen=True, slots=True)
class City:
    """`of` makes entities, whose attribute `measured` has the readings; `asked` are indexed."""

    of: Callable[[int], Entity]
    measured: str
    asked: tuple[str, ...]


def load(folder: Path, size: Size, city: City, tell: Callable[[str], None]) -> None:
    """Raises SystemExit where the disk is too small."""
    folder.mkdir(parents=True)
    needed = size.entities * BYTES_EACH + size.rows * BYTES_ROW
    if shutil.disk_usage(folder).free < needed:
        raise SystemExit(f"{folder} needs {needed / 1e9:.0f} GB, and so much is not free there")
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start -= EVERY * (size.rows // size.entities)
    asyncio.run(_entities(folder, size, city, start, tell))
    _readings(folder / "townsquare.db", size, start, tell)


async def _entities(
    folder: Path, size: Size, city: City, start: datetime, tell: Callable[[str], None]
) -> None:
    store = open_store("sqlite:townsquare.db", folder, queried=city.asked)
    begun = time.perf_counter()
    for first in range(0, size.entities, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, size.entities))
        await store.commit(_job([city.of(i) for i in numbers], city.measured, start))
        tell(_progress("entities", numbers[-1] + 1, size.entities, begun))
    await _indexed(store, len(city.asked), tell)
    await store.close()


async def _indexed(store: Store, paths: int, tell: Callable[[str], None]) -> None:
    queried.PAUSE_S = 0  # nobody else writes
    begun = time.perf_counter()
    await store.ready()
    while store.conditions.edition < paths:
        await asyncio.sleep(0.2)
        tell(f"index rows, {time.perf_counter() - begun:.0f} s")


def _job(entities: list[Entity], measured: str, at: datetime) -> Job:
    writes = Writes(
        put=[Row(_key(e), 1, msgspec.json.encode(e), place_of(e)) for e in entities],
        history=[_reading(e, measured, at, number) for number, e in enumerate(entities)],
        census=together(*(difference(None, e) for e in entities)),
    )
    return Job(at, "", (), partial(_decided, writes))


def _decided(writes: Writes, rows: Mapping[Key, Row]) -> Writes:
    return writes


def _key(entity: Entity) -> Key:
    return Key("", "context", entity.id)


def _reading(entity: Entity, name: str, at: datetime, number: int) -> Instance:
    attribute = entity.attributes[name][0]
    json = msgspec.json.encode({"value": None, "unitCode": attribute.unit_code})
    return Instance(
        entity.id, entity.types[0], name, None, instance_id(number), at, at, at, None,
        float(attribute.value), json,
    )  # fmt: skip


def _readings(file: Path, size: Size, start: datetime, tell: Callable[[str], None]) -> None:
    """The others, in the order in which they lie."""
    more = size.rows // size.entities - 1
    begun = time.perf_counter()
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("pragma synchronous=off")
        [last] = db.execute("select max(id) from series").fetchone()
        for first in range(0, last, SERIES):
            upto = first + SERIES
            step = EVERY // timedelta(microseconds=1)
            db.execute(AGAIN, (more, micros(start), step, first, upto))
            tell(_progress("readings", min(upto, last) * more, last * more, begun))
        days = {(hour_of(micros(start + EVERY * k)) // 24,) for k in range(more + 1)}
        db.executemany("insert or ignore into kept_day values (?)", days)
        db.execute("pragma wal_checkpoint(truncate)")


def _progress(what: str, done: int, of: int, begun: float) -> str:
    return f"{what}: {done:,} of {of:,}, {time.perf_counter() - begun:.0f} s"
