"""The statements of the SQLite store: how rows become columns and columns rows."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from townsquare.model.change import Changed
from townsquare.store import Find, Key, Place, Row, micros
from townsquare.store.census import Census, Counted, counted_anew
from townsquare.store.conditions import Sql, Value
from townsquare.store.sqlite_conditions import ordering

COLUMNS = "e.tenant, e.kind, e.id, e.version, e.body"
FOUND = "e.id, e.version, cast(e.body as blob)"  # no text is made of what is wanted as bytes
ROW = f"select {COLUMNS} from entity e"
ONE = f"{ROW} where e.tenant = ? and e.kind = ? and e.id = ?"

COUNT = (
    "insert into census values (?, ?, ?, ?, ?, ?) on conflict (tenant, types, marks, attribute,"
    " kind) do update set number = number + excluded.number"
)
END_TENANT = (
    "delete from tenant where name = ? and not exists"
    " (select 1 from entity e where e.tenant = name and e.kind = 'context')"
)
COUNT_ENTRIES = (
    "insert into log_count values (?, ?, ?, ?) on conflict (month, purpose, verb)"
    " do update set number = number + excluded.number"
)
UNLOG = "update log set salt = x'', record = null where row = ?"


def census(db: sqlite3.Connection, tenant: str) -> Census:
    text = (
        "select types, marks, attribute, kind, number from census where tenant = ? and number > 0"
    )
    return {Counted(*what): number for *what, number in db.execute(text, (tenant,))}


def count_anew(db: sqlite3.Connection) -> None:
    """Of a database from before there was a census."""
    found = counted_anew(db.execute("select tenant, body from entity where kind = 'context'"))
    db.executemany(COUNT, [(*what, number) for what, number in found.items()])


def one(db: sqlite3.Connection, key: Key) -> Row | None:
    found = db.execute(ONE, key).fetchone()
    return to_row(found) if found else None


def rows(tenant: str, find: Find, start: Sql | None = None, columns: str = FOUND) -> Sql:
    """What lies behind the limit is not looked at: rows come from an index that has their order.

    `start` are rows among which all are that are found. A plus keeps SQLite from an index that it
    would take for the order and read to its end.
    """
    order = "+e.row" if find.ids else "t.row" if _one_type(find, start) else "e.row"
    text, values = _found(columns, tenant, find, start)
    if find.order:
        terms = ordering(find.order)
        order, values = f"{terms.text}, {order}", (*values, *terms.parameters)
    return Sql(f"{text} order by {order} limit ? offset ?", (*values, find.limit, find.offset))


def counted(tenant: str, find: Find, start: Sql | None = None) -> Sql:
    return Sql(*_found("count(*)", tenant, find, start))


def _found(
    columns: str, tenant: str, find: Find, start: Sql | None
) -> tuple[str, tuple[Value, ...]]:
    source = "entity e"
    parts = [Sql("e.tenant = ? and e.kind = 'context'", (tenant,))]
    if find.ids:
        parts.append(Sql(f"e.id in ({marks(find.ids)})", find.ids))
    if start:
        parts.append(Sql(f"e.row in ({start.text})", start.parameters))
    if _one_type(find, start):
        source = "entity_type t join entity e on e.row = t.row"
        parts.append(Sql("t.tenant = ? and t.type = ?", (tenant, *find.types)))
    elif find.types:
        parts.append(_typed(tenant, find.types, few=bool(find.ids or start)))
    parts.append(find.where)
    text = " and ".join(f"({part.text})" for part in parts)
    return f"select {columns} from {source} where {text}", sum((p.parameters for p in parts), ())


def _one_type(find: Find, start: Sql | None) -> bool:
    return len(find.types) == 1 and not find.ids and start is None


def _typed(tenant: str, types: Sequence[str], *, few: bool) -> Sql:
    """`few`: each row is looked up; otherwise they are all gathered first."""
    text = f"from entity_type t where t.tenant = ? and t.type in ({marks(types)})"
    if few:
        return Sql(f"exists (select 1 {text} and t.row = e.row)", (tenant, *types))
    return Sql(f"e.row in (select t.row {text})", (tenant, *types))


def marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def to_row(found: tuple[Any, ...]) -> Row:
    tenant, kind, id, version, body = found
    return Row(Key(tenant, kind, id), version, body.encode())


def to_found(tenant: str, rows: Iterable[tuple[str, int, bytes]]) -> list[Row]:
    return [Row(Key(tenant, "context", id), version, body) for id, version, body in rows]


def add(db: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Rows that are not there yet, in that order."""
    if not rows:
        return
    first = db.execute("select coalesce(max(row), 0) + 1 from entity").fetchone()[0]
    numbered = list(enumerate(rows, first))
    db.executemany(
        "insert into entity (row, tenant, kind, id, version, body) values (?, ?, ?, ?, ?, ?)",
        [(number, *row.key, row.version, row.body.decode()) for number, row in numbered],
    )
    _index(db, [(number, r.key.tenant, r.place) for number, r in numbered if r.place])


def put(db: sqlite3.Connection, row: Row) -> None:
    sql = (
        "insert into entity (tenant, kind, id, version, body) values (?, ?, ?, ?, ?)"
        " on conflict (tenant, kind, id) do update set version = excluded.version,"
        " body = excluded.body returning row"
    )
    number = db.execute(sql, (*row.key, row.version, row.body.decode())).fetchone()[0]
    if row.place:
        _forget_place(db, number)
        _index(db, [(number, row.key.tenant, row.place)])


def _index(db: sqlite3.Connection, places: Sequence[tuple[int, str, Place]]) -> None:
    """Of rows by their numbers and tenants."""
    types = [(tenant, type, number) for number, tenant, p in places for type in p.types]
    db.executemany("insert into entity_type values (?, ?, ?)", types)
    scopes = [(tenant, s, number) for number, tenant, p in places for s in p.scopes or ("",)]
    db.executemany("insert into entity_scope values (?, ?, ?)", scopes)
    bounds = [(number, *p.bounds) for number, _, p in places if p.bounds]
    db.executemany("insert into place values (?, ?, ?, ?, ?)", bounds)
    ends = [(number, micros(p.ends_at)) for number, _, p in places if p.ends_at]
    db.executemany("insert into ending values (?, ?)", ends)


def delete(db: sqlite3.Connection, key: Key) -> None:
    sql = "delete from entity where tenant = ? and kind = ? and id = ? returning row"
    for (number,) in db.execute(sql, key).fetchall():
        _forget_place(db, number)
        db.execute("delete from attribute_value where row = ?", (number,))


def _forget_place(db: sqlite3.Connection, number: int) -> None:
    for table in ("entity_type", "entity_scope", "place", "ending"):
        db.execute(f"delete from {table} where row = ?", (number,))


def changed(body: str) -> Changed:
    return msgspec.json.decode(body, type=Changed)


def answered(db: sqlite3.Connection, tenant: str, once: str) -> bytes | None:
    sql = "select answer from applied where tenant = ? and key = ?"
    found = db.execute(sql, (tenant, once)).fetchone()
    return found[0].encode() if found else None


def last_seq(db: sqlite3.Connection) -> int:
    found = db.execute("select seq from sqlite_sequence where name = 'outbox'").fetchone()
    return int(found[0]) if found else 0


def mark(db: sqlite3.Connection, name: str) -> int:
    found = db.execute("select value from mark where name = ?", (name,)).fetchone()
    return int(found[0]) if found else 0


def set_mark(db: sqlite3.Connection, name: str, value: int) -> None:
    db.execute("insert or replace into mark values (?, ?)", (name, value))
