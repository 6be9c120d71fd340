"""The program as the next release will be: its database has one more table.

With NEXT_RELEASE_FAILS in its environment the upgrade breaks off in the middle, as on a full disk.
"""

import os
import sqlite3
from collections.abc import Iterator

from townsquare.cli import main
from townsquare.context import outgoing
from townsquare.store import sqlite_schema

STATEMENTS = sqlite_schema._statements


def statements() -> Iterator[str]:
    yield from STATEMENTS()
    yield "create table if not exists of_the_next_release (name text)"
    if os.environ.get("NEXT_RELEASE_FAILS"):
        raise sqlite3.OperationalError("database or disk is full")


if __name__ == "__main__":
    outgoing._inside = lambda address: False
    sqlite_schema.SCHEMA += 1
    sqlite_schema._statements = statements
    main()
