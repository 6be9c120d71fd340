"""What a question finds, without reading rows again that are remembered.

Always holds: rows are what the database has. What is remembered is that while nothing is being
committed, and nothing can be while the loop's own thread reads.
"""

import sqlite3

from townsquare.store import Find, Key, Row, tables
from townsquare.store.conditions import Sql
from townsquare.store.sqlite_writer import Writer

PAUSE = 100  # questions, after one that found little of what it wanted remembered


class Recall:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._paused = 0

    def worth(self, find: Find) -> bool:
        """Whether to try it now, and at once. In a large city that is asked for everything it
        would be one more look for each row.
        """
        if self._paused:
            self._paused -= 1
            return False
        return self._writer.settled and find.words is None and not find.stranger

    def rows(self, db: sqlite3.Connection, tenant: str, ids: Sql) -> list[Row]:
        present, found, missed = self._writer.present, [], 0
        for (id,) in db.execute(ids.text, ids.parameters).fetchall():
            key = Key(tenant, "context", id)
            row = present.get(key)
            if row is None:
                missed += 1
                row = _read(db, key)
                present.put(key, row, len(row.body))
            found.append(row)
        if 2 * missed > len(found):
            self._paused = PAUSE
        return found


def _read(db: sqlite3.Connection, key: Key) -> Row:
    """It is there: it was just found."""
    return tables.to_row(db.execute(tables.ONE, key).fetchone())
