"""What the jobs of one SQLite commit write, put together so that a statement runs once over all.

Always holds: `rows` is how entities are after the jobs so far, so that each job is decided on
what those before it wrote; and `write` leaves the database as if each had been written by itself.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping

from msgspec import structs

from townsquare.model.change import Changed
from townsquare.store import Instance, Key, Row, Writes, tables
from townsquare.store.logged import Kind
from townsquare.store.outbox import entries
from townsquare.store.sqlite_series import Series
from townsquare.store.sqlite_values import Touched, Values

UPDATE = "update entity set version = ?, body = ? where tenant = ? and kind = ? and id = ?"
TELL = "insert into outbox (seq, tenant, id, at, live, body) values (?, ?, ?, ?, ?, ?)"
Columns = tuple[str | int | float | bytes | None, ...]


class Pending:
    def __init__(
        self,
        db: sqlite3.Connection,
        series: Series,
        values: Values,
        rows: Mapping[Key, Row | None],
    ) -> None:
        """`rows` as they are in the database, None where there is none."""
        self.rows = {key: row for key, row in rows.items() if row}
        self.gone: set[Key] = set()
        self.told: list[Changed] = []
        self._db = db
        self._series = series
        self._values = values
        self._touched: Touched = {}
        self._kept = set(self.rows)  # what the database has
        self._absent = rows.keys() - self.rows.keys()  # and what it does not have
        self._put: dict[Key, Row] = {}
        self._tenants: set[str] = set()
        self._history: defaultdict[str, list[Instance]] = defaultdict(list)
        self._census: Counter[tuple[str, ...]] = Counter()
        self._log: list[Columns] = []
        self._counted: Counter[Kind] = Counter()
        self._outbox: list[Columns] = []
        self._seq = tables.last_seq(db)

    def take(self, tenant: str, writes: Writes) -> None:
        self._tell(tenant, writes)
        if tenant and (writes.put or writes.history):
            self._tenants.add(tenant)
        if writes.delete or writes.forget or writes.erase or writes.unlog or writes.ends_tenant:
            self.write()
            self._end(tenant, writes)
        for row in writes.put:
            self._place(row)
        for news in writes.told:
            self._values.touch(self._touched, Key(tenant, "context", news.subject.id), news)
        self._history[tenant] += writes.history
        if writes.census:
            self._census.update({(tenant, *what): n for what, n in writes.census.items()})
        self._log += [(e.salt, e.record.decode(), e.commitment) for e in writes.log]
        self._counted.update(entry.kind for entry in writes.log if entry.kind)

    def write(self) -> None:
        db = self._db
        db.executemany("insert or ignore into tenant values (?)", [(t,) for t in self._tenants])
        self._write_rows(db)
        self._values.refresh(db, self._touched)
        for tenant, instances in self._history.items():
            self._series.add(db, tenant, instances)
        db.executemany(tables.COUNT, [(*what, n) for what, n in self._census.items() if n])
        db.executemany("insert into log (salt, record, commitment) values (?, ?, ?)", self._log)
        db.executemany(tables.COUNT_ENTRIES, [(*kind, n) for kind, n in self._counted.items()])
        db.executemany(TELL, self._outbox)
        self._census.clear()
        self._counted.clear()
        for written in (self._tenants, self._history, self._log, self._outbox, self._touched):
            written.clear()

    def _write_rows(self, db: sqlite3.Connection) -> None:
        stay = []
        for row in self._put.values():
            if row.key in self._kept and not row.place:
                stay.append((row.version, row.body.decode(), *row.key))
            elif row.key not in self._absent:
                tables.put(db, row)
        db.executemany(UPDATE, stay)
        tables.add(db, [row for key, row in self._put.items() if key in self._absent])
        self._kept |= self._put.keys()
        self._absent -= self._put.keys()
        self._put.clear()

    def _end(self, tenant: str, writes: Writes) -> None:
        for key in writes.delete:
            tables.delete(self._db, key)
            self.rows.pop(key, None)
            self.gone.add(key)
            self._kept.discard(key)
            self._absent.add(key)
        for key in writes.forget:
            self._series.forget(self._db, key)
        for what in writes.erase:
            self._series.erase(self._db, tenant, what)
        if writes.ends_tenant:
            self._db.execute(tables.END_TENANT, (tenant,))
        self._db.executemany(tables.UNLOG, [(index + 1,) for index in writes.unlog])

    def _place(self, row: Row) -> None:
        earlier = self._put.get(row.key)
        if earlier and not row.place:
            row = structs.replace(row, place=earlier.place)
        self._put[row.key] = self.rows[row.key] = row
        self.gone.discard(row.key)

    def _tell(self, tenant: str, writes: Writes) -> None:
        for news, entry in entries(tenant, writes, self.rows, self._seq):
            self._seq = news.seq
            self.told.append(news)
            number, tenant, id, at, live, body = entry
            self._outbox.append((number, tenant, id, at, int(live), body.decode()))
