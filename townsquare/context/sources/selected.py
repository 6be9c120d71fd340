"""Which of the entities that a query is about one source is asked for (clause 4.3.6.1). Pure.

A source is asked for no more than it is registered with.
"""

from dataclasses import dataclass

import re2
from msgspec import structs

from townsquare.context.jsonld import Terms
from townsquare.context.query import QUIET, Query, leaves
from townsquare.context.sources.matching import Wanted, every_type, has, parts
from townsquare.context.sources.registration import Group, Registration
from townsquare.context.sources.shares import EVERYTHING, registered
from townsquare.model.entity import Json


def wanted_by(query: Query) -> Wanted:
    attributes = set(query.attributes)
    if query.q:
        attributes |= {leaf.path.attribute for leaf in leaves(query.q)} - {""}
    return Wanted(every_type(query.types), query.ids, query.pattern, frozenset(attributes))


def attributes(one: Registration, wanted: Wanted, words: Terms) -> dict[str, str]:
    """`attrs`, where the source is not asked for all that it may have."""
    has = registered(one, structs.replace(wanted, attributes=EVERYTHING))
    names = has & wanted.attributes if has and wanted.attributes else has or wanted.attributes
    return {"attrs": ",".join(sorted(map(words.compact, names)))} if names else {}


@dataclass(frozen=True, slots=True)
class Selected:
    """Entities that one request to a source is about."""

    types: tuple[str, ...]
    ids: tuple[str, ...] = ()
    pattern: str = ""

    def parameters(self, words: Terms) -> dict[str, str]:
        said = {
            "type": ",".join(map(words.compact, self.types)),
            "id": ",".join(self.ids),
            "idPattern": self.pattern,
        }
        return {name: text for name, text in said.items() if text}

    def bodies(self, words: Terms) -> list[Json]:
        type = ",".join(map(words.compact, self.types))
        if self.ids:
            return [{"id": id, "type": type} for id in self.ids]
        return [{"type": type, "idPattern": self.pattern} if self.pattern else {"type": type}]


def groups(one: Registration, wanted: Wanted) -> list[Selected]:
    """What the source is registered with of what is wanted, in as few requests as it takes."""
    about = structs.replace(wanted, attributes=EVERYTHING)
    groups = [g for part in parts(one, about) for g in part.entities or (None,)]
    if None in groups:
        return [Selected(tuple(sorted(wanted.types)), wanted.ids, wanted.pattern)]
    fitting = [group for group in groups if group and has(group, about)]
    named = [group for group in fitting if group.id is not None]
    found = dict.fromkeys(_selection(group, wanted) for group in fitting if group.id is None)
    if named:
        types = tuple(sorted({type for group in named for type in group.types}))
        found[Selected(types, tuple(sorted({g.id for g in named if g.id})))] = None
    return list(found)


def _selection(group: Group, wanted: Wanted) -> Selected:
    """Of a group without an id; where both sides have a pattern the asker's is told."""
    ids = wanted.ids
    if group.id_pattern and ids:
        ids = tuple(id for id in ids if re2.search(group.id_pattern, id, QUIET))
    pattern = "" if ids else wanted.pattern or group.id_pattern or ""
    types = tuple(sorted(wanted.types.intersection(group.types) or group.types))
    return Selected(types, ids, pattern)
