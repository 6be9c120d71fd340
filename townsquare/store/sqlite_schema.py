"""Tables of the SQLite store, and how those of older programs are brought up to them."""

import re
import sqlite3
from collections.abc import Iterator
from importlib import resources
from typing import Any
from uuid import UUID

import msgspec

from townsquare.model.entity import NULL, Attribute, Entity
from townsquare.store import EXACT, Instance, at, tables
from townsquare.store.past import INSTANCE, instance_id, instance_number
from townsquare.store.series import DAY, YEAR_1
from townsquare.store.sqlite_series import Series

OLD = re.compile(re.escape(INSTANCE) + r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})")
CENSUS = "census"  # mark: entities have been counted once, and are since then as they change
SCHEMA = 4  # counts changes of schema.sql that older programs cannot live with


def version(db: sqlite3.Connection) -> int:
    """0 for a new database."""
    there = db.execute("select 1 from sqlite_schema where name = 'mark'").fetchone()
    found = there and db.execute("select value from mark where name = 'schema'").fetchone()
    return int(found[0]) if found else 0


def bring_up(db: sqlite3.Connection) -> None:
    """In a transaction of the caller."""
    before = version(db)
    if before == 1:
        db.execute("alter table history rename to wide")
        db.execute("drop index history_of")
        db.execute("drop index history_age")
    if before == 2:
        db.execute("alter table series rename to series_2")
    for statement in _statements():
        db.execute(statement)
    if before == 1:
        _narrow(db)
    if before == 2:
        db.execute("insert into series select * from series_2")
        db.execute("drop table series_2")
        db.execute(f"insert into kept_day select distinct (at + {YEAR_1}) / {DAY} from history")
    if not tables.mark(db, CENSUS):
        tables.count_anew(db)
        tables.set_mark(db, CENSUS, 1)
    db.execute("insert or replace into mark values ('schema', ?)", (SCHEMA,))


def _statements() -> Iterator[str]:
    part = ""
    for line in resources.files("townsquare.store").joinpath("schema.sql").read_text().splitlines():
        part += line + "\n"
        if sqlite3.complete_statement(part):
            yield part
            part = ""


# --- from schema 1: rows of history had the names of entity and attribute in each


def _narrow(db: sqlite3.Connection) -> None:
    series = Series()
    rows = db.execute(
        "select tenant, entity, type, attribute, dataset_id, instance_id, observed_at,"
        " modified_at, deleted_at, number, json from wide order by tenant, row"
    )
    for tenant, *row in rows:
        series.add(db, tenant, [_instance(row)])
    db.execute("drop table wide")
    _rename_instances(db)


def _instance(row: list[Any]) -> Instance:
    """What was called modified_at is when the row was recorded."""
    entity, type, attribute, dataset, id, observed, recorded, deleted, number, text = row
    kept = Attribute(None) if text is None else msgspec.json.decode(text, type=Attribute)
    if deleted is not None:
        kept, number, observed = Attribute(NULL, kind=kept.kind), None, None
    elif _is_number(kept):
        number = float(kept.value)
    said = Attribute(
        None if number is not None else kept.value,
        kind=kept.kind,
        unit_code=kept.unit_code,
        sub=kept.sub,
    )
    return Instance(
        entity,
        type,
        attribute,
        dataset,
        renamed(id),
        observed_at=None if observed is None else at(observed),
        created_at=at(recorded),
        modified_at=at(recorded),
        deleted_at=None if deleted is None else at(deleted),
        number=number,
        json=None if said == Attribute(None) else msgspec.json.encode(said),
    )


def _is_number(a: Attribute) -> bool:
    plain = isinstance(a.value, int | float) and not isinstance(a.value, bool)
    return plain and a.kind == "Property" and abs(a.value) < EXACT


def renamed(id: str) -> str:
    """Instances had names with 122 random bits; 63 of them are kept."""
    if not OLD.fullmatch(id):
        return id if instance_number(id) is not None else instance_id(0)
    return instance_id(UUID(id.removeprefix(INSTANCE)).int >> 65)


def _rename_instances(db: sqlite3.Connection) -> None:
    """In what is now, so that it has the same names there."""
    found = db.execute("select row, body from entity where kind = 'context'").fetchall()
    for row, body in found:
        entity = msgspec.json.decode(body, type=Entity)
        attributes = {n: tuple(map(_renamed, a)) for n, a in entity.attributes.items()}
        new = msgspec.structs.replace(entity, attributes=attributes)
        text = msgspec.json.encode(new).decode()
        db.execute("update entity set body = ? where row = ?", (text, row))


def _renamed(a: Attribute) -> Attribute:
    return msgspec.structs.replace(a, instance_id=a.instance_id and renamed(a.instance_id))
