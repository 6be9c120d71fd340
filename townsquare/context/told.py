"""The JSON of entities as it was told, so that what is read often is not written anew each time.

Always holds: it is kept under the entity itself, which a change or another grant makes another
object, and under everything that has a say in how it is written.
"""

from typing import NamedTuple

import msgspec

from townsquare.context.glance import Glance
from townsquare.context.jsonld import Terms
from townsquare.model.entity import Entity, Json
from townsquare.store.memory import Memory

MOST = 4 * 2**20  # bytes of JSON
MOST_SHAPES = 2**20  # terms, and characters of what is asked for
SHAPE = 500  # of these that a shape takes besides
How = tuple[str | None, ...]  # as it was asked for, in the terms of the asker


class Shape(NamedTuple):
    """A way to write entities. No number is given twice."""

    number: int
    terms: Terms  # held, so that no other ones can have their id meanwhile


class Told:
    def __init__(self) -> None:
        self._kept: Memory[tuple[int, int], tuple[Entity | Glance, msgspec.Raw]] = Memory(MOST)
        self._shapes: Memory[tuple[int, How], Shape] = Memory(MOST_SHAPES)
        self._count = 0

    def shape(self, terms: Terms, how: How) -> Shape:
        key = (id(terms), how)
        known = self._shapes.get(key)
        if known is None:
            self._count += 1
            size = SHAPE + len(terms.iris) + sum(len(text) for text in how if text)
            known = self._shapes.put(key, Shape(self._count, terms), size)
        return known

    def of(self, entity: Entity | Glance, shape: Shape) -> msgspec.Raw | None:
        known = self._kept.get((id(entity), shape.number))
        return known[1] if known and known[0] is entity else None

    def keep(self, entity: Entity | Glance, shape: Shape, json: Json) -> msgspec.Raw:
        body = msgspec.json.encode(json)
        kept = (entity, msgspec.Raw(body))
        return self._kept.put((id(entity), shape.number), kept, len(body))[1]
