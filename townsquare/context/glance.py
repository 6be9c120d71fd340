"""An entity as the JSON of its row, for answers that show it as it is.

Most answers show whole attributes, and what these hold stands in the row as it is told: so it is
not taken apart here, only cut out, in a quarter of the time. Always holds: what is told is what
`form.write` tells of the entity. What is seldom in an entity is left to that.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec import Raw, Struct, field

from townsquare.context.form.attribute import VALUE_MEMBER
from townsquare.context.form.read import Format
from townsquare.context.form.write import one_or_all
from townsquare.context.jsonld import Terms
from townsquare.trust.policy import Grant

NOTHING = Raw()
# Of these the value is told as it is kept, and of BARE it is the simplified form.
Usual = Literal[
    "Property",
    "Relationship",
    "GeoProperty",
    "LanguageProperty",
    "JsonProperty",
    "ListProperty",
]
BARE = frozenset[Usual]({"Property", "Relationship", "GeoProperty", "ListProperty"})
Seldom = Literal["never"]  # a value that nothing has: what is there cannot be read as a glance


class Part(Struct, frozen=True, rename="camel", gc=False):
    """What is told of an attribute that has one instance, in its order."""

    value: Raw
    kind: Usual = field(default="Property", name="type")
    unit_code: Raw = NOTHING
    observed_at: Raw = NOTHING
    dataset_id: Raw = NOTHING
    sub: Mapping[str, "Part"] = {}
    value_type: Seldom = "never"
    object_type: Seldom = "never"
    entity_id_sealed: Seldom = "never"
    entity_type_sealed: Seldom = "never"


class Glance(Struct, frozen=True, rename="camel", gc=False):
    id: Raw
    types: tuple[str, ...]
    attributes: Mapping[str, tuple[Part]] = {}
    scope: tuple[str, ...] = ()
    modified_at: Raw = NOTHING


DECODER = msgspec.json.Decoder(Glance)


def glanced(body: bytes) -> Glance | None:
    """None of an entity that has something that is seldom."""
    try:
        return DECODER.decode(body)
    except msgspec.ValidationError:
        return None


def visible(glance: Glance | None, grant: Grant) -> Glance | None:
    """As `trust.policy.visible` says it of an entity."""
    if glance is None or not grant.allowed or not grant.admits(glance.scope):
        return None
    if not grant.hides:
        return glance
    shown = {name: parts for name, parts in glance.attributes.items() if grant.shows(name)}
    return Glance(glance.id, glance.types, shown, glance.scope, glance.modified_at)


def told(glance: Glance, terms: Terms, format: Format) -> Raw:
    """Normalized or simplified JSON."""
    compact = terms.compact
    types = msgspec.json.encode(one_or_all(glance.types, compact))
    out: list[bytes] = [b'{"id":', glance.id, b',"type":', types]
    if glance.scope:
        out += (b',"scope":', msgspec.json.encode(one_or_all(glance.scope)))
    write = _simplified if format == "simplified" else _full
    for name, (part,) in glance.attributes.items():
        write(out, compact(name), part, terms)
    out.append(b"}")
    return Raw(b"".join(out))


def _simplified(out: list[bytes], name: str, part: Part, terms: Terms) -> None:
    out += (_opened(name, part.kind, simplified=True), part.value)
    if part.kind not in BARE:
        out.append(b"}")


def _full(out: list[bytes], name: str, part: Part, terms: Terms) -> None:
    out += (_opened(name, part.kind), part.value)
    if part.unit_code:
        out += (b',"unitCode":', part.unit_code)
    if part.observed_at:
        out += (b',"observedAt":', part.observed_at)
    if part.dataset_id:
        out += (b',"datasetId":', part.dataset_id)
    for inner, sub in part.sub.items():
        _full(out, terms.compact(inner), sub, terms)
    out.append(b"}")


@lru_cache(maxsize=4096)
def _opened(name: str, kind: Usual, *, simplified: bool = False) -> bytes:
    """Up to the value."""
    before = f",{msgspec.json.encode(name).decode()}:"
    member = f'"{VALUE_MEMBER[kind]}":'
    if simplified:
        return (before if kind in BARE else f"{before}{{{member}").encode()
    return f'{before}{{"type":"{kind}",{member}'.encode()
