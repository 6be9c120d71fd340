"""The one thing rooms exchange: an NGSI-LD entity (ETSI GS CIM 009, clause 4.5).

Names are kept in one canonical form: a term of the core context or of the default context
is short (`location`, `peopleCount`), every other name is its full IRI. Requests are brought
to this form at the door with their @context and answers leave in the context of the asker,
so inside the house two names are equal exactly when they mean the same.

Times are aware UTC. An attribute has one or more instances, told apart by `dataset_id`; the
default instance has none.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct, field

URN = "urn:ngsi-ld:"
NULL = "urn:ngsi-ld:null"  # removes where a clause allows it (clause 4.5.0); never a value

# What JSON can hold. Values of attributes are the client's own and stay as they came.
Json = Any

Kind = Literal[
    "Property",
    "Relationship",
    "GeoProperty",
    "LanguageProperty",
    "VocabProperty",
    "JsonProperty",
    "ListProperty",
    "ListRelationship",
]


# Trees have no cycles: the garbage collector need not look for any in hundreds of thousands.
class Attribute(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """One instance of an attribute.

    `value` is what the kind's own member holds: the URI or URIs of a Relationship, the list of
    URIs of a ListRelationship, the terms of a VocabProperty in canonical names.
    """

    value: Json
    kind: Kind = field(default="Property", name="type")
    observed_at: datetime | None = None
    unit_code: str | None = None
    dataset_id: str | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None
    deleted_at: datetime | None = None  # only in the past: it ended then
    instance_id: str | None = None
    expires_at: datetime | None = None  # from then on it is gone
    value_type: str | None = None  # what the client says its value is; kept, not checked
    object_type: tuple[str, ...] = ()  # types of what a Relationship points to
    sub: Mapping[str, "Attribute"] = {}
    entity_id_sealed: str | None = None  # these two: of ngsildproof (clause 4.5.2)
    entity_type_sealed: str | None = None
    lang: str | None = None  # of a LanguageProperty that is shown in one language; never kept


Instances = tuple[Attribute, ...]


class Entity(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """State of one thing in the city now. `version` counts its changes, from 1."""

    id: str
    types: tuple[str, ...]
    attributes: Mapping[str, Instances] = {}
    scope: tuple[str, ...] = ()
    created_at: datetime | None = None
    modified_at: datetime | None = None
    expires_at: datetime | None = None  # from then on it is gone
    version: int = 0

    def get(self, name: str) -> Attribute | None:
        """The default instance of an attribute."""
        for instance in self.attributes.get(name, ()):
            if instance.dataset_id is None:
                return instance
        return None

    def value(self, name: str) -> Json:
        """Value of the default instance; None when there is none: unknown, not zero."""
        instance = self.get(name)
        return instance.value if instance else None


def entity(
    id: str, type: str, scope: tuple[str, ...] = (), **attributes: Attribute | None
) -> Entity:
    """An entity of one type with one instance an attribute; None leaves the attribute out."""
    given = {name: (a,) for name, a in attributes.items() if a is not None}
    return Entity(id=id, types=(type,), attributes=given, scope=scope)


def relationship(target: str, observed_at: datetime | None = None) -> Attribute:
    return Attribute(target, kind="Relationship", observed_at=observed_at)


def urn(type: str, name: str) -> str:
    return f"{URN}{type}:{name}"


def iso(at: datetime) -> str:
    """A time as text, where it is the value of an attribute."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
