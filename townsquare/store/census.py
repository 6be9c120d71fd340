"""How many entities there are of what: kept by the writer, so that discovery reads no entity.

One row counts what a combination of types and an attribute of one kind have in common; the row
without an attribute counts the entities. Always holds: the rows of a tenant are what counting
its entities would give, since each commit writes the difference that it makes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from townsquare.model.declaration import LIVE, PUBLISHED
from townsquare.model.entity import Entity, Instances

CENSUS = "census"  # mark: entities have been counted once, and are since then as they change
MARKS = frozenset({LIVE, PUBLISHED})  # scopes that decide who may see an entity


class Counted(NamedTuple):
    """Types and marks are told with spaces between; names have none."""

    types: str
    marks: str
    attribute: str = ""
    kind: str = ""


Census = Mapping[Counted, int]


def difference(before: Entity | None, after: Entity | None) -> Census:
    """What a change of an entity adds; empty for nearly every one."""
    if before and after and _alike(before, after):
        return {}
    found: defaultdict[Counted, int] = defaultdict(int)
    for entity, each in ((after, 1), (before, -1)):
        for what in _counted(entity) if entity else ():
            found[what] += each
    return {what: number for what, number in found.items() if number}


def counted_anew(bodies: Iterable[tuple[str, str | bytes]]) -> Counter[tuple[str, ...]]:
    """From tenant and JSON of each entity, by tenant and what is `Counted`."""
    found: Counter[tuple[str, ...]] = Counter()
    for tenant, body in bodies:
        entity = msgspec.json.decode(body, type=Entity)
        found.update({(tenant, *what): n for what, n in difference(None, entity).items()})
    return found


def together(*differences: Census) -> Census:
    found: defaultdict[Counted, int] = defaultdict(int)
    for difference in differences:
        for what, number in difference.items():
            found[what] += number
    return found


def _alike(before: Entity, after: Entity) -> bool:
    if before.types != after.types or len(before.attributes) != len(after.attributes):
        return False
    if before.scope is not after.scope and _marks(before) != _marks(after):
        return False
    # A loop rather than `all`: this is asked for every change.
    for name, new in after.attributes.items():
        old = before.attributes.get(name, ())
        if new is not old and not _of_same_kinds(new, old):
            return False
    return True


def _of_same_kinds(new: Instances, old: Instances) -> bool:
    if len(new) == len(old) == 1:  # as nearly always
        return new[0].kind == old[0].kind
    return [i.kind for i in new] == [i.kind for i in old]


def _marks(entity: Entity) -> str:
    return " ".join(sorted(MARKS.intersection(entity.scope)))


def _counted(entity: Entity) -> Iterator[Counted]:
    types, marks = " ".join(sorted(entity.types)), _marks(entity)
    yield Counted(types, marks)
    for name, instances in entity.attributes.items():
        for instance in instances:
            yield Counted(types, marks, name, instance.kind)
