"""Entities of rows, each decoded once while it is asked for.

Always holds: what is answered is what the row's JSON says, because that JSON is compared and not
a version number, which begins anew when an entity is made again. Nobody may change what is inside
an entity. Safe for the writer and readers at once: a lost race costs one more decoding.
"""

import msgspec

from townsquare.model.entity import Entity
from townsquare.store import Key, Row

MOST = 4096  # entities of each of two generations, some 4 kB each with their JSON
BIGGEST = 8192  # bytes; larger ones would push out too many others

_DECODER = msgspec.json.Decoder(Entity)


class Decoded:
    def __init__(self) -> None:
        # The older generation goes as a whole: no list of who was last is kept on every look.
        self._young: dict[Key, tuple[bytes, Entity]] = {}
        self._old: dict[Key, tuple[bytes, Entity]] = {}

    def of(self, row: Row) -> Entity:
        known = self._young.get(row.key)
        if known and known[0] == row.body:
            return known[1]
        known = self._old.get(row.key)
        current = known and known[0] == row.body
        entity = known[1] if known and current else _DECODER.decode(row.body)
        self.know(row, entity)
        return entity

    def know(self, row: Row, entity: Entity) -> None:
        """`row` says the same as `entity`."""
        if len(row.body) > BIGGEST:
            return
        self._young[row.key] = (row.body, entity)
        if len(self._young) > MOST:
            self._old, self._young = self._young, {}
