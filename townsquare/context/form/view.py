"""What of an entity is shown: members, datasets, one language (clauses 4.5.5, 4.15 and 4.21).

Pure: an entity becomes the entity that is to be written. Where nothing is asked for it stays
the same object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from townsquare.context.form.read import Format
from townsquare.model.entity import NULL, Attribute, Entity, Instances, Json

CORE = ("id", "type", "scope", "createdAt", "modifiedAt", "expiresAt")


@dataclass(frozen=True, slots=True)
class Members:
    """Canonical names of members, each with what is meant of the entities that it leads to."""

    names: Mapping[str, "Members | None"] = field(default_factory=dict)

    def depth(self) -> int:
        return max((1 + inner.depth() for inner in self.names.values() if inner), default=0)


@dataclass(frozen=True, slots=True)
class Projection:
    """`pick` and `omit`; neither means everything."""

    pick: Members | None = None
    omit: Members | None = None

    def shows(self, name: str) -> bool:
        if self.pick is not None and name not in self.pick.names:
            return False
        # With braces it is the entities behind it that lose something.
        return self.omit is None or name not in self.omit.names or bool(self.omit.names[name])

    def below(self, name: str) -> "Projection":
        pick = self.pick.names.get(name) if self.pick else None
        omit = self.omit.names.get(name) if self.omit else None
        return Projection(pick, omit) if pick or omit else EVERYTHING

    def needs(self) -> tuple[str, ...]:
        """Attributes of which an entity has one, or nothing of it is shown."""
        names = self.pick.names.keys() if self.pick else ()
        return () if any(name in CORE for name in names) else tuple(names)

    def shows_some(self, entity: Entity) -> bool:
        core = ("id", "type", "scope") if entity.scope else ("id", "type")
        return any(map(self.shows, (*core, *entity.attributes)))

    def depth(self) -> int:
        """How many Relationships away something is meant."""
        return max(m.depth() if m else 0 for m in (self.pick, self.omit))


EVERYTHING = Projection()


@dataclass(frozen=True, slots=True)
class View:
    format: Format = "normalized"
    sys: bool = False
    projection: Projection = EVERYTHING
    datasets: frozenset[str] = frozenset()  # "@none" for the default instance; empty means all
    languages: Sequence[str] = ()  # the preferred one first; empty means as they are
    place: str = "location"  # the GeoProperty that is the geometry of a GeoJSON feature


def shown(entity: Entity, view: View, projection: Projection = EVERYTHING) -> Entity:
    """The attributes that the view shows, and how."""
    if projection is EVERYTHING and not view.datasets and not view.languages:
        return entity
    attributes = {
        name: kept
        for name, instances in entity.attributes.items()
        if projection.shows(name) and (kept := _instances(instances, view))
    }
    return msgspec.structs.replace(entity, attributes=attributes)


def trimmed(json: dict[str, Json], projection: Projection) -> dict[str, Json]:
    """Without the members that an entity always has and the projection does not want."""
    if projection is EVERYTHING:
        return json
    return {n: v for n, v in json.items() if n not in CORE or projection.shows(n)}


def of_datasets(instances: Instances, datasets: frozenset[str]) -> Instances:
    """The default instance is first, as in the entity."""
    if not datasets:
        return instances
    return tuple(i for i in instances if (i.dataset_id or "@none") in datasets)


def _instances(instances: Instances, view: View) -> Instances:
    instances = of_datasets(instances, view.datasets)
    return tuple(spoken(i, view.languages) for i in instances) if view.languages else instances


def spoken(a: Attribute, languages: Sequence[str]) -> Attribute:
    """A LanguageProperty as a Property in the best of the languages, sub-attributes too."""
    sub = {name: spoken(part, languages) for name, part in a.sub.items()}
    if a.kind != "LanguageProperty" or a.value == NULL:
        return msgspec.structs.replace(a, sub=sub) if sub else a
    tag = _best(a.value, languages)
    return msgspec.structs.replace(a, kind="Property", value=a.value[tag], lang=tag, sub=sub)


def _best(texts: Mapping[str, Json], languages: Sequence[str]) -> str:
    """By lookup (RFC 4647, 3.4), then any longer tag; the default, or any, where none fits."""
    tags = {tag.lower(): tag for tag in texts}
    for wanted in languages:
        if wanted == "*":
            break
        prefix = wanted.lower()
        while prefix:
            if prefix in tags:
                return tags[prefix]
            prefix = prefix.rpartition("-")[0]
        longer = [tag for low, tag in tags.items() if low.startswith(f"{wanted.lower()}-")]
        if longer:
            return longer[0]
    return "@none" if "@none" in texts else next(iter(texts))
