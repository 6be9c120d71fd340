"""Entries of the log, and how they are searched: newest first, a page at a time.

Always holds: an entry has its index for ever and its commitment for ever. A record can be
erased, and its salt goes with it, since who has the salt could try records until one fits.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct

from townsquare.store.conditions import Sql, Value

MOST_FOUND = 1000  # entries a page


class Kind(NamedTuple):
    """What entries are counted by; `month` is like 2026-11."""

    month: str
    purpose: str
    verb: str


class LogCount(NamedTuple):
    kind: Kind
    number: int


class LogEntry(Struct, frozen=True):
    """`commitment` is SHA-256 of salt and record. Both are empty once the record is erased."""

    salt: bytes
    record: bytes
    commitment: bytes
    kind: Kind | None = None  # of a new one


class Logged(Struct, frozen=True):
    """`index` counts from 0, as proofs do."""

    index: int
    entry: LogEntry


class LogSearch(Struct, frozen=True):
    """Of records with `since` <= at < `until`, both in whole seconds; empty fields ask for any.

    `below` is how the next page is asked for: with the index of the last entry of this one.
    """

    since: datetime | None = None
    until: datetime | None = None
    by: str = ""
    subject: str = ""
    verb: str = ""
    purpose: str = ""
    room: str = ""
    case: str = ""
    below: int | None = None
    limit: int = 50


EQUAL = ("by", "subject", "verb", "purpose", "room", "case")


def second(at: datetime) -> str:
    """As the first 19 characters of a time in a record."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def found(search: LogSearch, field: Callable[[str], str]) -> Sql:
    """The statement; `field` says how a member of the record is named in it.

    What is asked for by time alone is in the order of the index of times, which is that of rows
    unless the clock was set: else all rows that came later would be read for a page of long ago.
    """
    timed = bool(search.since or search.until) and not any(getattr(search, n) for n in EQUAL)
    parts = list(_conditions(search, field))
    if search.below is not None:
        parts.append(_behind(search.below, field("at")) if timed else _below(search.below))
    where = " and ".join(part.text for part in parts) or "record is not null"
    order = f"{field('at')} desc, row desc" if timed else "row desc"
    text = f"select row, salt, record, commitment from log where {where} order by {order} limit ?"
    limit = max(0, min(search.limit, MOST_FOUND))
    return Sql(text, (*(value for part in parts for value in part.parameters), limit))


def span(search: LogSearch, field: Callable[[str], str]) -> Sql:
    """The statement for the first and last row; both null where none fits."""
    parts = list(_conditions(search, field))
    where = " and ".join(part.text for part in parts) or "record is not null"
    values = tuple(value for part in parts for value in part.parameters)
    return Sql(f"select min(row), max(row) from log where {where}", values)


def before(at: datetime, kept: Collection[str], limit: int, field: Callable[[str], str]) -> Sql:
    """The statement for rows, oldest first: by the index of times, however long the log is."""
    spared = f" and {field('subject')} not in ({', '.join('?' * len(kept))})" if kept else ""
    text = f"select row from log where {field('at')} < ?{spared} order by {field('at')} limit ?"
    return Sql(text, (second(at), *kept, min(limit, MOST_FOUND)))


def _conditions(search: LogSearch, field: Callable[[str], str]) -> Iterator[Sql]:
    for name in EQUAL:
        if value := getattr(search, name):
            yield Sql(f"{field(name)} = ?", (value,))
    times: tuple[tuple[str, datetime | None], ...] = ((">=", search.since), ("<", search.until))
    for compared, at in times:
        if at:
            yield Sql(f"{field('at')} {compared} ?", (second(at),))


def _below(index: int) -> Sql:
    return Sql("record is not null and row < ?", (index + 1,))


def _behind(index: int, at: str) -> Sql:
    """In the order of times. If that record was erased meanwhile its time is not known any more."""
    its = f"(select {at} from log where row = ?)"
    row: Value = index + 1
    return Sql(f"{at} <= coalesce({its}, '~') and ({at} < {its} or row < ?)", (row, row, row))


def to_logged(row: tuple[int, bytes, str | bytes, bytes]) -> Logged:
    number, salt, record, commitment = row
    text = record.encode() if isinstance(record, str) else record
    return Logged(number - 1, LogEntry(salt, text, commitment))
