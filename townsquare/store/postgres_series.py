"""How the single writer of the PostgreSQL store keeps what was: narrow rows, and sums of hours.

The writer gives series their numbers itself and remembers them, so that a row of history needs no
look at names. What is taken out goes before what is written, in the same transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from townsquare.store import Instance, Key, micros
from townsquare.store.past import Erase, instance_number, number_of
from townsquare.store.postgres_link import Connection
from townsquare.store.postgres_words import Part, across, numbered
from townsquare.store.series import (
    HOUR,
    ROLLED_EVERY,
    YEAR_1,
    Known,
    Numbered,
    Touched,
    hour_of,
    recorded,
    start_of,
    time_of,
)
from townsquare.store.stays import HELD

COPIED = 100  # rows of history from which on a copy costs a third of what arrays do
AT_ONCE = 50  # series in one transaction of housekeeping
SWEPT = 10_000  # rows that are dropped at a time, so that no commit waits for long

Whose = tuple[str, str]  # tenant and entity


COLUMNS = ("series", "at", "instance", "recorded", "modified", "deleted", "number", "json")


class Pending:
    """What a commit does to history, in terms that need no number yet."""

    def __init__(self) -> None:
        self.kept: defaultdict[Whose, list[Instance]] = defaultdict(list)
        self._dropped: dict[tuple[str, str, str | None, str | None], None] = {}
        self._erased: dict[tuple[str, str, str, str | None, int | None, int | None], None] = {}

    def add(self, tenant: str, instances: Iterable[Instance]) -> None:
        for instance in instances:
            self.kept[tenant, instance.entity].append(instance)

    def forget(self, key: Key) -> None:
        self._dropped[key.tenant, key.id, None, None] = None
        self.kept.pop((key.tenant, key.id), None)

    def erase(self, tenant: str, what: Erase) -> None:
        datasets = (None,) if what.datasets is None else [d or "" for d in what.datasets]
        for dataset in datasets:
            of = (tenant, what.entity, what.attribute, dataset)
            if what.instance_id:
                at = None if what.at is None else micros(what.at)
                self._erased[*of, at, instance_number(what.instance_id) or 0] = None
            elif what.observed:
                self._erased.update({(*of, micros(at), None): None for at in what.observed})
            else:
                self._dropped[of] = None
        left = [i for i in self.kept.get((tenant, what.entity), ()) if not _is_erased(i, what)]
        self.kept[tenant, what.entity] = left

    def ends(self) -> Iterator[Part]:
        if self._dropped:
            yield Part(DROP, across(self._dropped, 4))
        if self._erased:
            yield Part(ERASE, across(self._erased, 6))

    def ended(self) -> set[Whose]:
        """Entities that may have lost a series."""
        return {(tenant, entity) for tenant, entity, *_ in self._dropped}


@dataclass(slots=True)
class Rows:
    """Rows for the tables history, series and dirty."""

    kept: list[tuple[Any, ...]] = field(default_factory=list)
    begun: list[tuple[int | str, ...]] = field(default_factory=list)
    late: set[tuple[int, int]] = field(default_factory=set)

    @property
    def copied(self) -> bool:
        return len(self.kept) >= COPIED

    def parts(self) -> Iterator[Part]:
        """All but what is copied."""
        if self.kept and not self.copied:
            yield Part(KEPT, across(self.kept, 8))
        if self.begun:
            yield Part(BEGUN, across(self.begun, 6))
        if self.late:
            yield Part(LATE, across(self.late, 2))


class Series:
    """Remembers the numbers of series. Whoever could not commit calls `unlearn`."""

    def __init__(self) -> None:
        self._known = Known()
        self._touched = Touched(AT_ONCE)
        self._last = 0

    async def begin(self, db: Connection) -> None:
        self._known.clear()
        self._last = await db.fetchval("select coalesce(max(id), 0) from series")

    def unlearn(self) -> None:
        self._known.clear()

    def touch(self, series: Iterable[int]) -> None:
        self._touched.add(series)

    # --- keep

    async def rows(self, db: Connection, pending: Pending) -> Rows:
        for whose in pending.ended():
            self._known.forget(*whose)
        self._known.make_room(len(pending.kept))
        await self._learn(db, [of for of in pending.kept if self._known.of(*of) is None])
        rows = Rows()
        for whose, instances in pending.kept.items():
            self._number(whose, instances, rows)
        self._touched.add({row[0] for row in rows.kept})
        return rows

    def _number(self, whose: Whose, instances: Sequence[Instance], rows: Rows) -> None:
        of_entity = self._known.begin(*whose)
        for i in instances:
            key = (i.attribute, i.dataset_id or "", i.type)
            found = of_entity.get(key)
            if found is None:
                self._last += 1
                found = of_entity[key] = (self._last, 0)
                rows.begun.append((self._last, *whose, *key))
            _keep(i, found, rows)

    async def _learn(self, db: Connection, entities: Sequence[Whose]) -> None:
        if not entities:
            return
        for whose in entities:
            self._known.begin(*whose)
        for tenant, entity, *of, id, rolled in await _fetch(db, LEARN, across(entities, 2)):
            of_entity = self._known.begin(tenant, entity)
            of_entity[of[0], of[1], of[2]] = (id, rolled)

    # --- keep house

    async def roll_up(self, db: Connection, until: int) -> bool:
        """Hours before `until`, and those that are dirty, of some series; False if of none."""
        due = self._touched.due()
        if not due:
            return False
        ranges = [(series, hour, hour + 1) for series, hour in await _fetch(db, CLEAN, (due,))]
        behind = await _fetch(db, BEHIND, (due, until - ROLLED_EVERY))
        ranges += [(series, rolled, until) for series, rolled in behind]
        await _fetch(db, SUM, across(ranges, 3))
        for tenant, entity in await _fetch(db, ROLLED, (until, [id for id, _ in behind])):
            self._known.forget(tenant, entity)
        return True

    async def forget(
        self, db: Connection, which: tuple[tuple[str, ...], bool], before: int, after: int
    ) -> tuple[int, int]:
        """Rows of some series of types (or of all others) with numbers greater than `after`, and
        the last of these series; 0 when there are no more.
        """
        types, others = which
        text = OUTLIVED.format("<> all" if others else "= any")
        series = [id for (id,) in await _fetch(db, text, (after, list(types), AT_ONCE))]
        gone = (await _fetch(db, FORGET, (series, before, before, before, SWEPT)))[0][0]
        if gone:
            hour = hour_of(before) + 1
            await _fetch(db, UNSUM, (series, hour, series, start_of(hour)))
            for tenant, entity in await _fetch(db, EMPTIED, (series,)):
                self._known.forget(tenant, entity)
            self.touch(series)
        if gone == SWEPT:
            return gone, after or -1  # the same series once more
        return gone, series[-1] if len(series) == AT_ONCE else 0


def _keep(i: Instance, of: Numbered, rows: Rows) -> None:
    series, rolled = of
    at = time_of(i)
    after = None if i.observed_at is None else recorded(i.created_at) - at
    modified = None if i.modified_at == i.created_at else micros(i.modified_at)
    deleted = None if i.deleted_at is None else micros(i.deleted_at)
    number = number_of(i.instance_id)
    rows.kept.append((series, at, number, after, modified, deleted, i.number, i.json))
    if hour_of(at) < rolled:
        rows.late.add((series, hour_of(at)))


def _is_erased(i: Instance, what: Erase) -> bool:
    return (
        i.attribute == what.attribute
        and (what.datasets is None or i.dataset_id in what.datasets)
        and (not what.instance_id or i.instance_id == what.instance_id)
        and (not what.observed or i.observed_at in what.observed)
    )


async def _fetch(db: Connection, text: str, parameters: Sequence[Any]) -> list[Any]:
    return await db.fetch(*numbered(text, parameters))


_HOUR = f"(h.at + {YEAR_1}) / {HOUR}"
_SERIES = (
    "cross join lateral (select * from series s where s.tenant = k.tenant and s.entity = k.entity"
)
LEARN = (
    "select s.tenant, s.entity, s.attribute, s.dataset, s.type, s.id, s.rolled"
    f" from unnest(?::text[], ?::text[]) as k(tenant, entity) {_SERIES} offset 0) s"
)
KEPT = """kept as (
    insert into history
    select * from unnest(?::int8[], ?::int8[], ?::int8[], ?::int8[], ?::int8[], ?::int8[],
        ?::float8[], ?::bytea[]))"""
BEGUN = """begun as (
    insert into series
    select * from unnest(?::int8[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[]))"""
LATE = """late as (
    insert into dirty select * from unnest(?::int8[], ?::int8[]) on conflict do nothing)"""
# Without an attribute or a dataset: all of them.
DROP = f"""
with gone as materialized (
    select array(select s.id
        from unnest(?::text[], ?::text[], ?::text[], ?::text[]) as k(tenant, entity, attribute,
            dataset)
        {_SERIES} and s.attribute = coalesce(k.attribute, s.attribute)
            and s.dataset = coalesce(k.dataset, s.dataset) offset 0) s) as ids),
gone_history as (delete from history where series = any((select ids from gone)::int8[])),
gone_rollup as (delete from rollup where series = any((select ids from gone)::int8[])),
gone_dirty as (delete from dirty where series = any((select ids from gone)::int8[]))
delete from series where id = any((select ids from gone)::int8[])"""
# At a time, or one instance (at any time where that is not told).
ERASE = f"""
with what as materialized (
    select s.id, s.rolled, k.at, k.instance
    from unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::int8[], ?::int8[])
        as k(tenant, entity, attribute, dataset, at, instance)
    {_SERIES} and s.attribute = k.attribute
        and s.dataset = coalesce(k.dataset, s.dataset) offset 0) s),
then_erased as (
    delete from history h using what w where h.series = w.id and h.at = w.at
    and (h.instance = w.instance or w.instance is null and h.recorded is not null)
    returning h.series, {_HOUR} as hour, w.rolled),
ever_erased as (
    delete from history h using what w
    where h.series = w.id and h.instance = w.instance and w.at is null
    returning h.series, {_HOUR} as hour, w.rolled)
insert into dirty select distinct series, hour
from (select * from then_erased union all select * from ever_erased) e where hour < rolled
on conflict do nothing"""
CLEAN = """
with bad as (delete from dirty where series = any(?::int8[]) returning series, hour),
gone as (delete from rollup r using bad where r.series = bad.series and r.hour = bad.hour)
select series, hour from bad"""
BEHIND = "select id, rolled from series where id = any(?::int8[]) and rolled <= ?"
SUM = f"""
insert into rollup
select k.series, s.* from unnest(?::int8[], ?::int8[], ?::int8[]) as k(series, since, until)
cross join lateral (
    select {_HOUR} as hour, count(*), count(number), coalesce(sum(number), 0),
        coalesce(sum(number * number), 0), min(number), max(number)
    from history h where h.series = k.series
        and h.at >= k.since * {HOUR} - {YEAR_1} and h.at < k.until * {HOUR} - {YEAR_1}
        and h.recorded is not null and h.deleted is null
    group by hour) s"""
ROLLED = "update series set rolled = ? where id = any(?::int8[]) returning tenant, entity"
OUTLIVED = "select id from series where id > ? and type {}(?::text[]) order by id limit ?"
FORGET = f"""
with gone as (
    delete from history where ctid = any(array(
        select ctid from history h where series = any(?::int8[]) and at < ?
        and at + coalesce(recorded, 0) < ? and not ({HELD}) limit ?)) returning 1)
select count(*) from gone"""
UNSUM = f"""
with lost as (delete from rollup where series = any(?::int8[]) and hour < ?)
insert into dirty
select distinct h.series, {_HOUR} from series s join history h on h.series = s.id
where s.id = any(?::int8[]) and h.at < ? and {_HOUR} < s.rolled on conflict do nothing"""
EMPTIED = """
with emptied as (
    delete from series s where id = any(?::int8[])
    and not exists (select 1 from history h where h.series = s.id) returning id, tenant, entity),
clean as (delete from dirty where series in (select id from emptied))
select tenant, entity from emptied"""
