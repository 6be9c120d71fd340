"""Where the city is kept. The store keeps and finds; what a change means is not its business.

A change reaches the store as a `Job`: the rows it wants to see, and a pure function from those
rows to what shall be written. The function runs inside the single writer, in commit order, so
no change is ever computed from an earlier read. Jobs that wait together are committed together.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from townsquare.model.change import Changed
from townsquare.model.errors import CannotStart, Invalid
from townsquare.model.geometry import Bounds
from townsquare.store import archive
from townsquare.store.census import Census
from townsquare.store.conditions import (
    NOTHING_COMPARED,
    Compared,
    Conditions,
    Near,
    PastConditions,
    Sorted,
    Sql,
)
from townsquare.store.logged import LogCount, Logged, LogSearch
from townsquare.store.logged import LogEntry as LogEntry
from townsquare.store.past import Erase, Past, Span, Stays, Tally, Window
from townsquare.store.soundness import Soundness

RowKind = Literal[
    "context", "subscription", "registration", "document", "map", "snapshot", "private"
]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXACT = 2**53  # whole numbers from here on do not fit a column of numbers


class Key(NamedTuple):
    """Only rows of kind `context` are city state: visible to queries, kept in history, told."""

    tenant: str
    kind: RowKind
    id: str


class Place(Struct, frozen=True):
    """Under what a row is found: its types, its scopes, the bounds of its location, and when
    it or the first of its attributes ends.
    """

    types: tuple[str, ...]
    scopes: tuple[str, ...]
    bounds: Bounds | None
    ends_at: datetime | None = None


class Row(Struct, frozen=True):
    """Without `place` the row is found under what it was found before."""

    key: Key
    version: int
    body: bytes
    place: Place | None = None


class Instance(Struct, frozen=True, gc=False):
    """One instance of an attribute at one time.

    `number` is its value where that is a plain number. `json` is the attribute without what
    stands in other fields here, also without the value that stands in `number` (it is null
    then); None where there is no more to say. `deleted_at`: the attribute ended then.
    """

    entity: str
    type: str
    attribute: str
    dataset_id: str | None
    instance_id: str
    observed_at: datetime | None
    created_at: datetime
    modified_at: datetime
    deleted_at: datetime | None
    number: float | None
    json: bytes | None


class Cursor(NamedTuple):
    """How far a durable reader of the outbox has come."""

    reader: str
    seq: int


class Writes(Struct, frozen=True):
    """Everything that one job commits, or none of it. `told` get their `seq` from the store.

    Entities are forgotten, then instances erased, then those in `history` added.
    """

    put: Sequence[Row] = ()
    delete: Sequence[Key] = ()
    erase: Sequence[Erase] = ()
    history: Sequence[Instance] = ()
    forget: Sequence[Key] = ()  # entities whose history goes too
    log: Sequence[LogEntry] = ()
    unlog: Sequence[int] = ()  # indexes of entries whose records are erased
    told: Sequence[Changed] = ()
    census: Census = {}  # what it adds to the count of entities
    ends_tenant: bool = False  # that of the job, unless there are entities in it
    answer: bytes = b""


class Job(Struct, frozen=True):
    """A repeated `once` is not decided again: it gets the answer of the first time."""

    at: datetime
    tenant: str
    keys: tuple[Key, ...]
    decide: Callable[[Mapping[Key, Row]], Writes]
    once: str | None = None
    upto: Cursor | None = None


class Committed(Struct, frozen=True):
    answer: bytes
    repeated: bool


class Find(Struct, frozen=True):
    """Rows of kind context that fulfil `where`, in the order in which they were created.

    Before that in the order of the terms in `order`.
    They have one of the `types` and one of the `ids`, any where none is named: apart from the
    condition, since a store begins its search there.
    `near` stands in `where` too, as exactly as the store's conditions can say it. A stranger's
    question is answered beside the others', and gets less time. `compared` stands in `where` too.
    """

    where: Sql
    limit: int = 20
    offset: int = 0
    near: Near | None = None
    stranger: bool = False
    types: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    order: tuple[Sorted, ...] = ()
    words: Conditions | None = None  # that `where` is said in, where not in the store's own
    compared: Compared = NOTHING_COMPARED


class Store(Protocol):
    """What every store does. `listener` is told each commit's changes, in commit order."""

    listener: Callable[[Sequence[Changed]], None]
    conditions: Conditions

    def past_conditions(self, window: Window | None) -> PastConditions:
        """Of what was; without a window, ever."""
        ...

    async def ready(self) -> None:
        """Raises CannotStart, saying what is wrong with the database or who else writes there."""
        ...

    async def commit(self, job: Job) -> Committed:
        """Answers when the job is durable. Raises what `job.decide` raises, or Unavailable."""
        ...

    async def get(self, key: Key) -> Row | None: ...

    async def has_tenant(self, tenant: str) -> bool:
        """Whether anything was ever kept in it."""
        ...

    async def tenants(self) -> list[str]:
        """All but the default one."""
        ...

    async def census(self, tenant: str) -> Census:
        """How many entities there are of what. Small, whatever the number of entities."""
        ...

    async def find(self, tenant: str, find: Find) -> list[Row]: ...

    async def count(self, tenant: str, find: Find) -> int: ...

    async def listed(self, kind: RowKind, tenant: str | None = None) -> list[Row]:
        """All rows of a kind that is not city state, oldest first; of all tenants if None."""
        ...

    async def ending(self, until: datetime, limit: int) -> list[Key]:
        """Rows that end, or of which something ends, up to this time."""
        ...

    async def first_end(self) -> datetime | None:
        """The earliest `ends_at` of all."""
        ...

    async def instances(self, tenant: str, past: Past) -> list[Instance]:
        """History, oldest first."""
        ...

    async def span(self, tenant: str, past: Past) -> Span | None:
        """None where there is no instance."""
        ...

    async def stays(self, tenant: str, past: Past, fits: Sql) -> Stays:
        """When entities had a scope for which `fits` holds, a condition on an instance of it, in
        the window of `past`. Raises TooComplex.
        """
        ...

    async def tallies(
        self, tenant: str, past: Past, edges: Sequence[datetime], *, distinct: bool
    ) -> list[Tally]:
        """Of instances that have the time of the window, in each period from one edge until
        before the next that has any. Ends of attributes (`deleted_at`) do not count. Without
        `distinct` nobody counts different values.
        """
        ...

    async def after(self, seq: int, limit: int) -> list[Changed]:
        """News of the outbox behind `seq`, in commit order."""
        ...

    async def changed_since(self, seq: int) -> list[tuple[str, str]] | None:
        """(tenant, id) of what changed behind `seq`; None when the outbox reaches back no more."""
        ...

    async def last_seq(self) -> int: ...

    async def cursor(self, reader: str) -> int | None:
        """How far a durable reader has come; None before its first time."""
        ...

    async def log(self, after: int, limit: int) -> list[LogEntry]:
        """Entries from index `after` on, in their order."""
        ...

    async def log_size(self) -> int:
        """Entries so far: the index of the next one."""
        ...

    async def log_found(self, search: LogSearch) -> list[Logged]:
        """Entries whose record is there and fits, newest first."""
        ...

    async def log_span(self, search: LogSearch) -> tuple[int, int] | None:
        """Indexes of the first and the last entry that fits."""
        ...

    async def log_before(self, at: datetime, kept: Collection[str], limit: int) -> list[int]:
        """Indexes of the oldest entries of before `at` whose record is there, but for those about
        subjects that are `kept`.
        """
        ...

    async def log_counts(self) -> list[LogCount]:
        """How many entries there were, also of those whose record is erased."""
        ...

    async def trim(
        self, outbox_before: datetime, live_before: datetime, once_before: datetime
    ) -> None:
        """Drop news that every reader has seen and that is older; old idempotency keys; and index
        rows that nobody asks for any more.
        """
        ...

    async def roll_up(self, until: datetime) -> None:
        """Bring sums of whole hours before `until` up to date, from which tallies are told
        faster. Tallies are right without it.
        """
        ...

    async def seal(self, before: datetime) -> None:
        """Take days that end before this out of the database, where there is a place for them,
        and bring those in order of which something was erased. What is there is read as before.
        """
        ...

    async def forget(self, types: Sequence[str], before: datetime, *, others: bool) -> int:
        """History of types (or of all `others`) whose retention has ended: observed and recorded
        before. Number of rows; what takes long goes on at the next call.
        """
        ...

    def unreadable(self) -> str:
        """What is kept and cannot be read, and what to do; "" where all is well."""
        ...

    async def soundness(self) -> Soundness:
        """Whether the database is well. Raises Unavailable."""
        ...

    async def close(self) -> None: ...


def micros(at: datetime) -> int:
    since = at - EPOCH  # spelt out: to divide it by a microsecond takes four times as long
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def at(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def open_store(
    url: str, folder: Path, password: str = "", queried: Collection[str] | None = ()
) -> Store:
    """`memory:` forgets; `sqlite:FILE` keeps its file below `folder`; `postgresql://…` is a server,
    which is reached when `ready` is awaited. `queried` are attributes that are often asked for;
    with None no index rows are made of any, as where rows are put without news of them.
    Raises CannotStart or Invalid.
    """
    from townsquare.store.sqlite import SqliteStore

    scheme, _, name = url.partition(":")
    if scheme == "memory" and not name:
        return SqliteStore(None, queried)
    if scheme == "sqlite" and name:
        return SqliteStore(folder / name, queried)
    if scheme == "postgresql" and name:
        with driver():
            from townsquare.store.postgres import PostgresStore
        return PostgresStore(url, password, queried or ())
    raise Invalid(
        f"[store] url {url!r} is not known; use memory:, sqlite:FILE or postgresql://HOST/NAME"
    )


def seals(url: str) -> bool:
    """Whether such a store would take old days out of the database, as far as is installed."""
    return url.startswith("sqlite:") and archive.able()


async def reach(url: str, password: str) -> None:
    """Raises CannotStart or Invalid where a database server does not let us in."""
    if url.startswith("postgresql:"):
        with driver():
            from townsquare.store.postgres_link import address
        await address(url, password).reach()


@contextmanager
def driver() -> Iterator[None]:
    """Raises CannotStart where there is none for PostgreSQL."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise CannotStart(
            "the store postgresql: needs a package more: pip install 'townsquare[postgres]'"
        ) from error
