"""Whether the database is well, as a store tells it."""

from msgspec import Struct


class Soundness(Struct, frozen=True):
    """`size` and `wal` in bytes. `trouble` is empty where nothing is wrong; `whole` is whether all
    of it was read for that.
    """

    kind: str
    size: int = 0
    wal: int = 0
    trouble: str = ""
    whole: bool = True
