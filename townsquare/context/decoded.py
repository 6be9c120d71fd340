"""Entities of rows, each decoded once while it is asked for.

Always holds: what is answered is what the row's JSON says, because that JSON is compared and not
a version number, which begins anew when an entity is made again. Nobody may change what is inside
an entity.
"""

import msgspec

from townsquare.model.entity import Entity
from townsquare.store import Key, Row
from townsquare.store.memory import Memory
from townsquare.trust.policy import Grant, visible

MOST = 8 * 2**20  # bytes of JSON; decoded it takes some five times as much
MOST_SHOWN = 2**14  # entities that something is hidden of; they share what is shown

DECODER = msgspec.json.Decoder(Entity)


class Decoded:
    def __init__(self) -> None:
        self._entities: Memory[Key, tuple[bytes, Entity]] = Memory(MOST)
        self._shown: Memory[tuple[int, Grant], tuple[Entity, Entity | None]] = Memory(MOST_SHOWN)

    def of(self, row: Row) -> Entity:
        known = self._entities.get(row.key)
        if known and known[0] == row.body:
            return known[1]
        entity = DECODER.decode(row.body)
        self.know(row, entity)
        return entity

    def know(self, row: Row, entity: Entity) -> None:
        """`row` says the same as `entity`."""
        self._entities.put(row.key, (row.body, entity), len(row.body))

    def shown(self, entity: Entity, grant: Grant) -> Entity | None:
        """What the grant shows of it."""
        if not grant.hides:
            return visible(entity, grant)
        key = (id(entity), grant)
        known = self._shown.get(key)
        # An entity is held with what is shown of it, so no other one can have its id meanwhile.
        if known is None or known[0] is not entity:
            known = self._shown.put(key, (entity, visible(entity, grant)))
        return known[1]
