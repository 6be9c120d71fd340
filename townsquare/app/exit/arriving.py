"""An export brought into an empty town, so that the same questions get the same answers.

Always holds: nothing is read before every file is what it was when it was written; nothing goes
into a town that has something already. What the new town has of its own (accounts, approvals,
policy, log, custodians) it keeps; the old town's stays in the export, to be read.
"""

import asyncio
import csv
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from townsquare.app.backup import files
from townsquare.app.exit.lines import COLUMNS, instance, read
from townsquare.app.exit.manifest import (
    ENTITIES,
    EXACT,
    KEPT,
    NAME,
    OPEN_KINDS,
    PAST,
    Export,
    folder_of,
    tenant_of,
)
from townsquare.app.exit.manifest import read as read_manifest
from townsquare.app.settings import Store
from townsquare.context.commit import place_of
from townsquare.context.opaque import KEY as NAMES  # with it instances keep their names
from townsquare.model.actor import Why
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Entity
from townsquare.model.errors import Conflict, Invalid
from townsquare.store import Instance, Job, Key, Row, Writes, open_store
from townsquare.store import Store as Keeping
from townsquare.store.census import difference, together
from townsquare.trust import audit, secret
from townsquare.web.accounts.commands import ADMINISTRATOR

Told = Callable[[str, int, int], None]
T = TypeVar("T")
AT_ONCE = 500  # entities in one commit
INSTANCES = 5000
OWN = frozenset({"log", "accounts", "approvals", "policy", "recording"})  # rooms
TOWN = "urn:ngsi-ld:Town:import"


class Arrived(Struct, frozen=True):
    """`left` are entities of the old town's own."""

    entities: int
    instances: int
    left: int


class Kept(Struct, frozen=True):
    kind: str
    id: str
    body: msgspec.Raw


def arrive(
    source: Path, store: Store, data: Path, types: Sequence[EntityType], told: Told
) -> Arrived:
    """Raises CannotStart, Conflict where the town is not empty, Invalid."""
    manifest = checked(source)
    own = frozenset(type.name for type in types if type.owner in OWN)
    return asyncio.run(_arrive(source, store, data, Import(own, told), manifest))


def checked(source: Path) -> Export:
    """Raises Invalid where a file is missing or not as it was."""
    try:
        manifest = read_manifest((source / NAME).read_bytes(), str(source))
    except OSError as error:
        raise Invalid(f"{source} is no export of a town: {NAME}: {error.strerror}") from error
    there = {file.path: file for file in files.digested(source)}
    for file in manifest.files:
        if there.get(file.path) != file:
            what = "not as it was when it was exported" if file.path in there else "missing"
            raise Invalid(f"{source / file.path} is {what}; take the export again")
    return manifest


async def _arrive(
    source: Path, store: Store, data: Path, work: "Import", manifest: Export
) -> Arrived:
    async with _empty(store, data) as kept:
        for folder in sorted({file.path.partition("/")[0] for file in manifest.files}):
            tenant = tenant_of(folder)
            if folder_of(tenant) == folder:
                await work.tenant(kept, tenant, source / folder)
        told = f"{work.arrived.entities} entities, {work.arrived.instances} instances"
        detail = f"export of {manifest.made_at:%Y-%m-%d %H:%M} UTC: {told}"
        record = audit.record(
            ADMINISTRATOR, Why("operations"), datetime.now(UTC), TOWN, "collection", detail
        )
        await _commit(kept, "", Writes(log=[audit.entry(record)]))
    return work.arrived


@asynccontextmanager
async def _empty(store: Store, data: Path) -> AsyncIterator[Keeping]:
    password = secret.resolve(store.password, data) if store.password else ""
    kept = open_store(store.url, data, password, None)
    try:
        await kept.ready()
        if await kept.log_size() or await kept.census("") or await kept.last_seq():
            raise Conflict(f"the town in {data} is not empty; import into a new one")
        yield kept
    finally:
        await kept.close()


class Import:
    def __init__(self, own: frozenset[str], told: Told) -> None:
        self._own = own
        self._told = told
        self._counts = Counter[str]()

    @property
    def arrived(self) -> Arrived:
        return Arrived(*(self._counts[name] for name in Arrived.__struct_fields__))

    async def tenant(self, store: Keeping, tenant: str, folder: Path) -> None:
        for entities in _some(self._entities(folder), AT_ONCE):
            await _commit(store, tenant, _present(tenant, entities))
        for kept in _some(_lines(folder / KEPT, _kept), AT_ONCE):
            rows = [_row(tenant, one) for one in kept]
            await _commit(store, tenant, Writes(put=rows))
        for instances in _some(self._past(folder / PAST), INSTANCES):
            await _commit(store, tenant, Writes(history=instances))

    def _entities(self, folder: Path) -> Iterator[Entity]:
        exact = msgspec.json.Decoder(Entity).decode
        for name, reading in ((ENTITIES, read), (EXACT, exact)):
            for entity in _lines(folder / name, reading):
                own = not self._own.isdisjoint(entity.types)
                self._counts["left" if own else "entities"] += 1
                if not own:
                    yield entity

    def _past(self, file: Path) -> Iterator[Instance]:
        for one in _instances(file):
            if one.type not in self._own:
                self._counts["instances"] += 1
                self._told("history", self._counts["instances"], 0)
                yield one


def _present(tenant: str, entities: Sequence[Entity]) -> Writes:
    rows = [
        Row(Key(tenant, "context", e.id), e.version, msgspec.json.encode(e), place_of(e))
        for e in entities
    ]
    return Writes(put=rows, census=together(*(difference(None, e) for e in entities)))


async def _commit(store: Keeping, tenant: str, writes: Writes) -> None:
    keys = tuple(row.key for row in writes.put)
    await store.commit(Job(datetime.now(UTC), tenant, keys, lambda _: writes))


def _kept(text: bytes) -> Kept:
    return msgspec.json.decode(text, type=Kept)


def _row(tenant: str, kept: Kept) -> Row:
    """Raises Invalid."""
    if (tenant, kept.kind, kept.id) == NAMES:
        return Row(NAMES, 1, msgspec.json.decode(kept.body, type=str).encode())
    kind = next((kind for kind in OPEN_KINDS if kind == kept.kind), None)
    if kind is None:
        raise Invalid(f"{KEPT} has {kept.kind!r}; an export has {', '.join(OPEN_KINDS)}")
    return Row(Key(tenant, kind, kept.id), 1, bytes(kept.body))


def _lines(file: Path, reading: Callable[[bytes], T]) -> Iterator[T]:
    """Raises Invalid, naming file and line."""
    if not file.exists():
        return
    with file.open("rb") as lines:
        for number, text in enumerate(lines, 1):
            try:
                yield reading(text)
            except (Invalid, msgspec.MsgspecError) as error:
                raise Invalid(f"{file} line {number}: {error}") from error


def _instances(file: Path) -> Iterator[Instance]:
    """Raises Invalid, naming file and line."""
    if not file.exists():
        return
    csv.field_size_limit(sys.maxsize)  # a value may be larger than the 128 kB that it takes
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        if tuple(next(rows, ())) != COLUMNS:
            raise Invalid(f"{file} begins with other columns than {','.join(COLUMNS)}")
        for row in rows:
            try:
                yield instance(row)
            except Invalid as error:
                raise Invalid(f"{file} line {rows.line_num}: {error}") from error


def _some(found: Iterable[T], most: int) -> Iterator[list[T]]:
    for _, group in groupby(enumerate(found), lambda one: one[0] // most):
        yield [one for _, one in group]
