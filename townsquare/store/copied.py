"""What a copy of a database says of itself."""

from collections.abc import Callable, Mapping

from msgspec import Struct

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
