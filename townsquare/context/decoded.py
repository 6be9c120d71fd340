"""Entities of rows, each decoded once while it is asked for.

Always holds: what is answered is what the row's JSON says, because that JSON is compared and not
a version number, which begins anew when an entity is made again. Nobody may change what is inside
an entity. The same row and grant give the same object, so that what is made of it can be kept too.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from townsquare.model.entity import Entity
from townsquare.store import Key, Row
from townsquare.store.memory import Memory
from townsquare.trust import policy
from townsquare.trust.policy import Grant

MOST = 4 * 2**20  # bytes of JSON; decoded it takes some five times as much
MOST_SHOWN = 4096  # entities that something is hidden of

T = TypeVar("T")


class Decoded(Generic[T]):
    """`T` is what becomes of a row's JSON, of which `visible` says what a grant shows."""

    def __init__(
        self, decode: Callable[[bytes], T], visible: Callable[[T, Grant], T | None]
    ) -> None:
        self._decode = decode
        self._visible = visible
        self._entities: Memory[Key, tuple[bytes, T]] = Memory(MOST)
        self._shown: Memory[tuple[int, Grant], tuple[T, T | None]] = Memory(MOST_SHOWN)

    def of(self, row: Row) -> T:
        known = self._entities.get(row.key)
        if known and known[0] == row.body:
            return known[1]
        entity = self._decode(row.body)
        self.know(row, entity)
        return entity

    def know(self, row: Row, entity: T) -> None:
        """`row` says the same as `entity`."""
        self._entities.put(row.key, (row.body, entity), len(row.body))

    def shown(self, entity: T, grant: Grant) -> T | None:
        """What the grant shows of it."""
        if not grant.hides:
            return self._visible(entity, grant)
        key = (id(entity), grant)
        known = self._shown.get(key)
        # An entity is held with what is shown of it, so no other one can have its id meanwhile.
        if known is None or known[0] is not entity:
            known = self._shown.put(key, (entity, self._visible(entity, grant)))
        return known[1]


def entities() -> Decoded[Entity]:
    return Decoded(msgspec.json.Decoder(Entity).decode, policy.visible)
