"""What a copy of a database says of itself, and a whole database, read once from end to end."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

from msgspec import Struct

from townsquare.store import Instance, LogEntry, Row

SQLITE, POSTGRESQL = "sqlite", "postgresql"
Told = Callable[[int, int], None]  # how much is copied, of how much


class State(Struct, frozen=True):
    """`checkpoint` is the last of the log that the database knows as signed; "" before there is
    one. `names` are the database in the folder, and the files of sealed history beside it.
    """

    store: str
    schema: int
    rows: Mapping[str, int]
    entries: int
    checkpoint: str
    names: tuple[str, ...] = ()


class Whole(Protocol):
    """All of it as it was at one moment; writers go on."""

    def rows(self) -> AsyncIterator[Row]:
        """Of every kind and tenant, in the order in which they were created, without places."""
        ...

    def instances(self) -> AsyncIterator[tuple[str, Instance]]:
        """History, each with its tenant; those of one series and one day follow each other."""
        ...

    def log(self) -> AsyncIterator[LogEntry]:
        """In their order."""
        ...
