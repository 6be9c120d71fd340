"""How the single writer of the SQLite store keeps what was: narrow rows, and sums of hours.

A row has a number for its series (store/series.py) and one for the instance. Of hours from `rolled`
on all rows are in the table: a day goes into a file (sqlite_sealing.py) together with its sums.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

from townsquare.store import Instance, Key, micros
from townsquare.store.past import Erase, instance_number, number_of
from townsquare.store.series import (
    HOUR,
    ROLLED_EVERY,
    YEAR_1,
    Known,
    Numbered,
    Of,
    Touched,
    day_of,
    hour_of,
    recorded,
    start_of,
    time_of,
)
from townsquare.store.stays import HELD

BEGIN = (
    "insert into series (id, tenant, entity, attribute, dataset, type) values (?, ?, ?, ?, ?, ?)"
)
# The sqlite3 module takes as long to bind one None as a whole row without any.
KEEP = (
    "insert or replace into history"
    " values (?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, ''), nullif(?, ''))"
)
AT_ONCE = 200  # series in one transaction of housekeeping


class Series:
    """Remembers the numbers of series. Whoever rolls a transaction back calls `unlearn`.

    `sealed` are days that have, or had, rows in files. Those are erased by a note, and the note is
    heeded until the file is written anew. `stirred` tells who copies the rows of a day into a file
    whether anything was written to that day meanwhile.
    """

    def __init__(self) -> None:
        self._known = Known()
        self._touched = Touched(AT_ONCE)
        self._days: set[int] = set()  # that are noted as having rows
        self._last = 0  # number of a series; 0: not known
        self.sealed: frozenset[int] = frozenset()
        self.stirred: Counter[int] = Counter()

    def unlearn(self) -> None:
        self._known.clear()
        self._days.clear()
        self._last = 0

    # --- keep

    def add(self, db: sqlite3.Connection, tenant: str, instances: Sequence[Instance]) -> None:
        series = self._numbered(db, tenant, instances)
        times = [time_of(i) for i in instances]
        rows = map(_row, series, times, instances)
        hours = [hour_of(at) for at in times]
        self._note_days(db, [hour // 24 for hour in hours])
        db.executemany(KEEP, rows)
        late = [(id, h) for (id, rolled), h in zip(series, hours, strict=True) if h < rolled]
        _soil(db, late)
        self._touched.add({number for number, _ in series})

    def _note_days(self, db: sqlite3.Connection, days: Sequence[int]) -> None:
        self.stirred.update(days)
        begun = set(days) - self._days
        self._days |= begun
        db.executemany("insert or ignore into kept_day values (?)", [(day,) for day in begun])

    def _numbered(
        self, db: sqlite3.Connection, tenant: str, instances: Sequence[Instance]
    ) -> list[Numbered]:
        """The series of each instance; those that are not there yet are begun."""
        begun: list[tuple[int | str, ...]] = []
        found = []
        self._known.make_room(len(instances))  # before any of them begins
        entity, of_entity = "", dict[Of, Numbered]()
        for i in instances:
            if i.entity != entity:
                entity, of_entity = i.entity, self._of(db, tenant, i.entity)
            key = (i.attribute, i.dataset_id or "", i.type)
            if key not in of_entity:
                self._last = (self._last or _last(db)) + 1
                begun.append((self._last, tenant, entity, *key))
                of_entity[key] = self._last, 0
            found.append(of_entity[key])
        db.executemany(BEGIN, begun)
        return found

    def _of(self, db: sqlite3.Connection, tenant: str, entity: str) -> dict[Of, Numbered]:
        known = self._known.of(tenant, entity)
        if known is None:
            known = self._known.begin(tenant, entity)
            known.update(_there(db, tenant, entity))
        return known

    # --- take out

    def erase(self, db: sqlite3.Connection, tenant: str, what: Erase) -> None:
        whole = not (what.instance_id or what.observed)
        text = "select id, rolled, dataset from series where tenant = ? and entity = ?"
        of = (tenant, what.entity, what.attribute)
        for series, rolled, dataset in db.execute(f"{text} and attribute = ?", of).fetchall():
            if what.datasets is not None and (dataset or None) not in what.datasets:
                continue
            if whole:
                self._drop(db, [(series,)])
                self._known.forget(tenant, what.entity)
            else:
                self._erase_some(db, series, rolled, what)

    def forget(self, db: sqlite3.Connection, key: Key) -> None:
        self._known.forget(key.tenant, key.id)
        text = "select id from series where tenant = ? and entity = ?"
        self._drop(db, db.execute(text, (key.tenant, key.id)).fetchall())

    def _erase_some(self, db: sqlite3.Connection, series: int, rolled: int, what: Erase) -> None:
        times = [micros(t) for t in what.observed or (what.at,) if t]
        number = instance_number(what.instance_id) if what.instance_id else 0
        if times:
            only = "instance = ?" if number else "observed + ? > 0"
            text = f"delete from history where series = ? and at = ? and {only}"
            db.executemany(text, [(series, at, number) for at in times])
        else:
            text = "delete from history where series = ? and instance = ? returning at"
            times = [at for (at,) in db.execute(text, (series, number)).fetchall()]
        self.stirred.update({day_of(at) for at in times})
        _soil(db, [(series, hour_of(at)) for at in times if hour_of(at) < rolled])
        in_file = "select 1 from sealed where day = ?4 and ?1 between first and last"
        note = f"insert or ignore into erased select ?1, ?2, ?3 where exists ({in_file})"
        notes = [(series, at, number, day) for at in times if (day := day_of(at)) in self.sealed]
        db.executemany(note, notes)

    def _drop(self, db: sqlite3.Connection, series: Sequence[tuple[int]]) -> None:
        if self.sealed:
            db.executemany("insert or ignore into dropped values (?)", series)
        for table in ("history", "rollup", "dirty"):
            db.executemany(f"delete from {table} where series = ?", series)
        db.executemany("delete from series where id = ?", series)

    # --- roll up

    def touch(self, series: Iterable[int]) -> None:
        self._touched.add(series)

    def due(self) -> list[int]:
        """Some of the series that were written to."""
        return self._touched.due()

    def roll_up(self, db: sqlite3.Connection, series: Iterable[int], until: int) -> None:
        """Hours before `until`, and those that are dirty."""
        for number in series:
            found = db.execute("select rolled from series where id = ?", (number,)).fetchone()
            if found is None:
                continue
            _clean(db, number)
            if found[0] <= until - ROLLED_EVERY:
                advance(db, [number], until)
                self.unlearn()


def advance(db: sqlite3.Connection, series: Iterable[int], until: int) -> None:
    """Sum up the hours before `until` that never were. Whoever remembers `rolled` unlearns it."""
    for number in series:
        found = db.execute("select rolled from series where id = ?", (number,)).fetchone()
        if found and found[0] < until:
            _sum(db, number, found[0], until)
            db.execute("update series set rolled = ? where id = ?", (until, number))


def _row(series: Numbered, at: int, i: Instance) -> tuple[int | float | str, ...]:
    return (
        series[0],
        at,
        number_of(i.instance_id),
        0 if i.observed_at is None else 1,
        0 if i.observed_at is None else recorded(i.created_at) - at,
        "" if i.modified_at == i.created_at else micros(i.modified_at),
        "" if i.deleted_at is None else micros(i.deleted_at),
        "" if i.number is None else i.number,
        "" if i.json is None else i.json.decode(),
    )


def _there(db: sqlite3.Connection, tenant: str, entity: str) -> dict[Of, Numbered]:
    text = "select attribute, dataset, type, id, rolled from series where tenant = ? and entity = ?"
    found = db.execute(text, (tenant, entity))
    return {
        (attribute, dataset, type): (id, rolled) for attribute, dataset, type, id, rolled in found
    }


def _last(db: sqlite3.Connection) -> int:
    """The greatest number that a series ever had."""
    found = db.execute("select seq from sqlite_sequence where name = 'series'").fetchone()
    return int(found[0]) if found else 0


def _soil(db: sqlite3.Connection, hours: Sequence[tuple[int, int]]) -> None:
    if hours:
        db.executemany("insert or ignore into dirty values (?, ?)", hours)


def _clean(db: sqlite3.Connection, series: int) -> None:
    """But for hours of which there are rows in files: those are summed when these are made."""
    text = (
        "delete from dirty where series = ?1 and not exists (select 1 from sealed"
        " where day = hour / 24 and ?1 between first and last) returning hour"
    )
    _sum_anew(db, series, db.execute(text, (series,)).fetchall())


def _sum_anew(db: sqlite3.Connection, series: int, hours: Iterable[tuple[int]]) -> None:
    for (hour,) in hours:
        db.execute("delete from rollup where series = ? and hour = ?", (series, hour))
        _sum(db, series, hour, hour + 1)


def _sum(db: sqlite3.Connection, series: int, since: int, until: int) -> None:
    """Sums of hours that have none yet."""
    hour = f"(at + {YEAR_1}) / {HOUR}"
    db.execute(
        f"insert into rollup select series, {hour}, count(*), count(number), total(number),"
        " total(number * number), min(number), max(number) from history"
        " where series = ? and at >= ? and at < ? and observed and deleted is null"
        f" group by {hour}",
        (series, start_of(since), start_of(until)),
    )


# --- retention


def outlived(db: sqlite3.Connection, types: Sequence[str], others: bool, after: int) -> list[int]:
    """Some series of types (or of all others) whose numbers are greater than `after`."""
    among = f"type {'not ' if others else ''}in ({', '.join('?' * len(types))})"
    text = f"select id from series where id > ? and {among} order by id limit ?"
    return [id for (id,) in db.execute(text, (after, *types, AT_ONCE))]


def forget_before(db: sqlite3.Connection, series: int, before: int) -> int:
    """Rows that were observed and recorded before, but the scope that still held; their number."""
    text = "delete from history as h where series = ? and at < ? and at + recorded < ?"
    gone = db.execute(f"{text} and not ({HELD})", (series, before, before, before)).rowcount
    if gone:
        until = hour_of(before) + 1
        left = "select 1 from history where series = ?1 and at >= ?3 and at < ?4"
        left += " union all select 1 from sealed where day = ?2 / 24 and ?1 between first and last"
        text = "delete from rollup where series = ? and hour < ? returning hour"
        lost = [hour for (hour,) in db.execute(text, (series, until)).fetchall()]
        db.executemany(
            f"insert or ignore into dirty select ?1, ?2 where exists ({left})",
            [(series, hour, start_of(hour), start_of(hour + 1)) for hour in lost],
        )
        left = (
            "select 1 from history h where h.series = series.id"
            " union all select 1 from sealed where series.id between first and last"
        )
        db.execute(f"delete from series where id = ? and not exists ({left})", (series,))
    return gone
