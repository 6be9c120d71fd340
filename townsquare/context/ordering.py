"""The order that is asked for (ETSI GS CIM 009, clauses 4.23.3 and 5.2.43)."""

from collections.abc import Sequence
from dataclasses import dataclass

from townsquare.context.geoquery import read_geometry
from townsquare.context.jsonld import Terms
from townsquare.context.language import read_path
from townsquare.model.collation import read_collation
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid, TooComplex
from townsquare.store.conditions import Order, Path

MEMBERS = frozenset({"id", "type", "scope"})
DIRECTIONS = {"": False, "asc": False, "desc": True, "dist-asc": False, "dist-desc": True}
MOST = 10  # terms


@dataclass(frozen=True, slots=True)
class Ordering:
    """How answers are to be sorted, as it was said (clause 4.23.3)."""

    terms: Sequence[str]
    place: Json = None  # coordinates, or text that is
    geometry: str = "Point"
    collation: str = ""


def read_order(said: Ordering, terms: Terms) -> tuple[Order, ...]:
    """Raises Invalid or TooComplex."""
    if len(said.terms) > MOST:
        raise TooComplex(f"orderBy has more than {MOST} terms")
    collation = read_collation(said.collation)
    place = None if said.place is None else read_geometry(said.geometry, said.place)
    found = []
    for text in said.terms:
        name, _, direction = text.partition(";")
        if direction not in DIRECTIONS:
            raise Invalid(f"orderBy: {direction[:80]!r} is none of asc, desc, dist-asc, dist-desc")
        by_distance = direction.startswith("dist")
        if by_distance and place is None:
            raise Invalid(f"orderBy={text[:80]!r} needs orderFrom, the place to measure from")
        path = Path("", member=name) if name in MEMBERS else read_path(name, terms.expand)
        found.append(Order(path, DIRECTIONS[direction], place if by_distance else None, collation))
    return tuple(found)
