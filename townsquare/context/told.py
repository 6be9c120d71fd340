"""The JSON of entities as it was told, so that what is read often is not written anew each time.

Always holds: what is told is what the row's JSON says, because that JSON is compared and not a
version number, which begins anew when an entity is made again; and it was told under the same
grants. Everything else that has a say in how it is written is in the shape.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from townsquare.context import glance
from townsquare.context.form.join import Page, inline
from townsquare.context.form.view import View
from townsquare.context.glance import Glance
from townsquare.context.grants import Rights
from townsquare.context.jsonld import Terms
from townsquare.model.entity import Entity, Json
from townsquare.store import Key, Row
from townsquare.store.memory import Memory
from townsquare.trust.policy import Act, Grant

MOST = 12 * 2**20  # bytes of JSON: of rows, and as it was told
MOST_GRANTS = 4  # under which one entity is remembered in one shape
MOST_SHAPES = 2**20  # terms, and characters of what is asked for
SHAPE = 500  # of these that a shape takes besides
How = tuple[str | None, ...]  # as it was asked for, in the terms of the asker
Grants = tuple[Grant, ...]


Seen = Entity | Glance
Write = Callable[[Seen], Json]


class Shape(Struct, frozen=True):
    """A way to write entities into which no others are put. No number is given twice.

    What is `plain` shows them as they are, and can be written of a glance.
    """

    number: int
    written: Write
    plain: bool


class Wording(Shape, frozen=True):
    """One in the terms of an asker, held so that no other ones can have their id meanwhile."""

    terms: Terms


class Known(NamedTuple):
    """Of an entity with these types, in one shape; what was told last is first."""

    row: bytes
    types: tuple[str, ...]
    told: tuple[tuple[Grants, Raw], ...]


class Told:
    def __init__(self) -> None:
        self._known: Memory[tuple[Key, int], Known] = Memory(MOST)
        self._shapes: Memory[tuple[int, How], Wording] = Memory(MOST_SHAPES)
        self._count = 0

    def shape(self, terms: Terms, view: View, how: How) -> Wording:
        """`how` tells views apart."""
        key = (id(terms), how)
        known = self._shapes.get(key)
        if known is None:
            self._count += 1
            plain = view.format != "concise" and view == View(view.format, place=view.place)
            size = SHAPE + len(terms.iris) + sum(len(text) for text in how if text)
            shape = Wording(self._count, partial(_written, terms, view), plain, terms)
            known = self._shapes.put(key, shape, size)
        return known

    def own(self, write: Write) -> Shape:
        """One that whoever tells holds for as long as they live."""
        self._count += 1
        return Shape(self._count, write, plain=True)

    def of(self, row: Row, shape: Shape, rights: Rights, act: Act) -> Raw | None:
        known = self._known.get((row.key, shape.number))
        if known is None or known.row != row.body:
            return None
        mine = rights.grants(act, known.types)
        for grants, json in known.told:
            if grants == mine:
                return json
        return None

    def keep(self, row: Row, shape: Shape, rights: Rights, act: Act, seen: Seen) -> Raw:
        """`seen` is what the rights show of the row."""
        json = Raw(msgspec.json.encode(shape.written(seen)))
        key = (row.key, shape.number)
        before = self._known.get(key)
        others = before.told[: MOST_GRANTS - 1] if before and before.row == row.body else ()
        told = ((rights.grants(act, seen.types), json), *others)
        size = len(row.body) + sum(len(body) for _, body in told)
        self._known.put(key, Known(row.body, seen.types, told), size)
        return json


def _written(terms: Terms, view: View, seen: Seen) -> Json:
    if isinstance(seen, Glance):
        return glance.told(seen, terms, view.format)
    return inline(Page(view, terms, {}), [seen])[0]
