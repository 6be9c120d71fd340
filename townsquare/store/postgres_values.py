"""Index rows in PostgreSQL: kept with the entity, made behind the writes, and begun with.

What a row says is in `values`, which paths have rows in `queried`.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol, TypeVar

from townsquare.store import Find, Key
from townsquare.store.conditions import Atom, Path
from townsquare.store.postgres_link import Connection
from townsquare.store.postgres_words import Part, across, numbered
from townsquare.store.queried import LEFT, Queried
from townsquare.store.values import Rows, columns, said_in, told, untold

PIECE = 500  # entities whose rows are made at once
SWEPT = 2000  # rows that are taken out at once
FEW = 5000  # rows with which a search begins rather than with all of a type
REMEMBERED_S = 10.0  # where a search begins, though the rows may be others by then
MOST_REMEMBERED = 1000

TOUCHED = """touched as (
    select put.row, put.tenant, n.path, n.number
    from unnest(?::text[], ?::text[], ?::text[], ?::int8[]) with ordinality
        as n(tenant, kind, id, path, number) join put using (tenant, kind, id)),
said as (
    select t.path, t.tenant, n.kind, n.value, n.text, t.row, n.alone
    from unnest(?::int8[], ?::int8[], ?::float8[], ?::text[], ?::bool[])
        as n(number, kind, value, text, alone) join touched t using (number)),
unsaid as (
    delete from attribute_value x using touched t where x.row = t.row and x.path = t.path
    and not exists (select 1 from said s where s.row = x.row and s.path = x.path
        and s.kind = x.kind and s.value = x.number and s.text = x.text)),
resaid as (
    insert into attribute_value (path, tenant, kind, number, text, row, alone) select * from said
    on conflict (path, tenant, kind, number, text, row) do update
        set alone = excluded.alone where attribute_value.alone <> excluded.alone)"""
EARLIER = (
    "select row, tenant, body from entity where row > $1 and kind = 'context' order by row limit $2"
)
# A row may be there: an entity that changed while they were made has its rows already.
ADD_EARLIER = (
    "insert into attribute_value (path, tenant, kind, number, text, row, alone)"
    " select * from unnest(?::int8[], ?::text[], ?::int8[], ?::float8[], ?::text[], ?::int8[],"
    " ?::bool[]) on conflict do nothing"
)
BEGIN = (
    "insert into queried (path, upto) values ($1, 0)"
    " on conflict (path) do update set path = excluded.path returning id"
)

LEAVE = "update queried set path = 'left ' || id, upto = $2 where id = $1"
SWEEP = (
    "delete from attribute_value where ctid = any(array("
    "select ctid from attribute_value where path = $1 limit $2)) returning 1"
)

OF_TYPES = "select row from entity_type where tenant = ? and type = any(?::text[])"

T = TypeVar("T")
Touched = Mapping[tuple[Key, int], Rows]  # of an entity and the number of a path
Asked = tuple[str, tuple[str, ...], tuple[Atom, ...]]


class Runs(Protocol):
    """Runs something in a transaction between two commits."""

    def __call__(self, work: Callable[[Connection], Awaitable[T]], /) -> Awaitable[T]: ...


class Counts(Protocol):
    """How many rows of a table there are of those selected, up to a number."""

    def __call__(self, rows: Part, most: int, *, stranger: bool) -> Awaitable[int]: ...


async def learn(db: Connection, queried: Queried) -> None:
    """What has rows: another program may have been here meanwhile."""
    for number, path, upto in await db.fetch("select id, path, upto from queried"):
        if upto == LEFT:
            queried.know_left(number)
        else:
            queried.know(untold(path), number, ready=upto is None)


def parts(touched: Touched) -> Iterator[Part]:
    """Of the statement of a commit."""
    if touched:
        rows = [
            (number, *row)
            for number, said in enumerate(touched.values(), 1)
            for row in columns(said.items())
        ]
        keys = across([(*key, path) for key, path in touched], 4)
        yield Part(TOUCHED, (*keys, *across(rows, 5)))


class Making:
    """`queried.Keeping`"""

    def __init__(self, run: Runs) -> None:
        self._run = run

    async def begin(self, path: Path) -> int:
        async def work(db: Connection) -> int:
            return int(await db.fetchval(BEGIN, told(path)))

        return await self._run(work)

    async def piece(self, number: int, path: Path) -> bool:
        async def work(db: Connection) -> bool:
            upto = await db.fetchval("select upto from queried where id = $1", number)
            entities = await db.fetch(EARLIER, upto, PIECE)
            rows = [row for entity in entities for row in _earlier(number, path, *entity)]
            await db.execute(*numbered(ADD_EARLIER, across(rows, 7)))
            last = entities[-1]["row"] if len(entities) == PIECE else None
            await db.execute("update queried set upto = $1 where id = $2", last, number)
            return last is not None

        return await self._run(work)

    async def leave(self, number: int) -> None:
        async def work(db: Connection) -> None:
            await db.execute(LEAVE, number, LEFT)

        await self._run(work)

    async def sweep(self, number: int, first: Callable[[], None]) -> bool:
        async def work(db: Connection) -> bool:
            first()
            more = len(await db.fetch(SWEEP, number, SWEPT)) == SWEPT
            if not more:
                await db.execute("delete from queried where id = $1", number)
            return more

        return await self._run(work)


def _earlier(number: int, path: Path, row: int, tenant: str, body: bytes) -> list[Sequence[Any]]:
    said = columns(said_in(body, path).items())
    return [(number, tenant, kind, value, text, row, alone) for kind, value, text, alone in said]


class Starts:
    """Where searches begin."""

    def __init__(self, queried: Queried, counted: Counts) -> None:
        self._queried = queried
        self._counted = counted
        self._known: dict[Asked, tuple[float, Part | None]] = {}

    async def of(self, tenant: str, find: Find) -> Part | None:
        """The rows with which it begins best; None where its types or all do."""
        if find.ids or not any(a.path in self._queried.ready for a in find.compared.certain):
            return None
        asked = (tenant, find.types, find.compared.certain)
        known = self._known.get(asked)
        if known is None or known[0] < monotonic():
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            known = monotonic() + REMEMBERED_S, await self._best(tenant, find)
            self._known[asked] = known
        return known[1]

    async def _best(self, tenant: str, find: Find) -> Part | None:
        starts = self._queried.starts(tenant, find.compared.certain)
        counted = [
            (await self._counted(rows, FEW, stranger=find.stranger), rows)
            for rows in (Part(s.text, s.parameters) for s in starts)
        ]
        if not counted:
            return None
        number, rows = min(counted, key=lambda one: one[0])
        if number == FEW or not find.types:
            return rows if number < FEW else None
        of_types = Part(OF_TYPES, (tenant, list(find.types)))
        typed = await self._counted(of_types, number + 1, stranger=find.stranger)
        return rows if typed > number else None
