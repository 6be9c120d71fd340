"""Entities for who understands an earlier version only (clause 4.3.6.8).

Pure. What the earlier version does not know is removed or told as what it does know.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from townsquare.model.entity import Attribute, Entity, Instances, Kind

_PREFERENCE = re.compile(
    r"(?:^|[,;\s])ngsi-ld=\"?(\d{1,2})\.(\d{1,2})\"?(?=[,;\s]|$)", re.IGNORECASE
)


class Version(NamedTuple):
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


OURS = Version(1, 9)
# Where a kind of attribute came, and what it is told as before (tables 4.3.6.8-1 to -3).
KINDS: Mapping[Kind, tuple[Version, Kind]] = {
    "LanguageProperty": (Version(1, 4), "Property"),
    "VocabProperty": (Version(1, 8), "Property"),
    "JsonProperty": (Version(1, 8), "Property"),
    "ListProperty": (Version(1, 8), "Property"),
    "ListRelationship": (Version(1, 8), "Relationship"),
}
FIELDS: Mapping[str, Version] = {
    "dataset_id": Version(1, 3),
    "observed_at": Version(1, 3),
    "unit_code": Version(1, 3),
    "object_type": Version(1, 8),
    "value_type": Version(1, 9),
    "expires_at": Version(1, 9),
}


def preferred(prefer: str) -> Version | None:
    """What a `Prefer` header asks for; ours at most."""
    found = _PREFERENCE.search(prefer)
    return min(OURS, Version(int(found[1]), int(found[2]))) if found else None


def applied(prefer: str) -> dict[str, str]:
    """The header that says which preference an answer meets."""
    version = preferred(prefer)
    return {"preference-applied": f"ngsi-ld={version}"} if version else {}


def conforming(entity: Entity, version: Version) -> Entity:
    """The same object where nothing has to change."""
    if version >= OURS:
        return entity
    several = version < Version(1, 3)
    attributes = {n: _instances(i, version) for n, i in entity.attributes.items()}
    altered = msgspec.structs.replace(
        entity,
        types=entity.types[:1] if several else entity.types,
        scope=() if version < Version(1, 4) else entity.scope,
        expires_at=None,
        attributes=attributes,
    )
    return entity if altered == entity else altered


def _instances(instances: Instances, version: Version) -> Instances:
    told = instances
    if version < Version(1, 3):
        default = next((i for i in instances if i.dataset_id is None), instances[0])
        told = (default,)
    return tuple(_attribute(i, version) for i in told)


def _attribute(a: Attribute, version: Version) -> Attribute:
    came, before = KINDS.get(a.kind, (OURS, a.kind))
    later: dict[str, object] = {
        field: () if field == "object_type" else None
        for field, since in FIELDS.items()
        if version < since
    }
    sub = {name: _attribute(part, version) for name, part in a.sub.items()}
    kind = before if version < came else a.kind
    return msgspec.structs.replace(a, kind=kind, sub=sub, **later)
