"""Entities from the JSON of NGSI-LD (ETSI GS CIM 009, clause 4.5.1).

`read_*` is the door: what it returns is a good entity in canonical names. Messages name the
member that is wrong.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import re2

from townsquare.context.choices import read_choices
from townsquare.context.form.attribute import (
    NOT_REIFIED,
    VALUE_MEMBER,
    WHOLE,
    Rules,
    read_instances,
    read_name,
)
from townsquare.context.jsonld import Terms
from townsquare.context.values import is_uri, read_time
from townsquare.model.entity import NULL, Entity, Json
from townsquare.model.errors import Invalid

__all__ = ["VALUE_MEMBER", "Format", "read_entity", "read_format", "read_name", "read_time"]

Format = Literal["normalized", "concise", "simplified"]
FORMATS: Mapping[str, Format] = {
    "normalized": "normalized",
    "concise": "concise",
    "simplified": "simplified",
    "keyValues": "simplified",
}
ENTITY_MEMBERS = frozenset(
    {
        "id",
        "@id",
        "type",
        "@type",
        "scope",
        "expiresAt",
        "@context",
        "createdAt",
        "modifiedAt",
        "deletedAt",
    }
)
NO_ATTRIBUTE = NOT_REIFIED.keys() | {"instanceId"}
# A level begins with a letter (clause 4.18).
SCOPE = re2.compile(r"/?\pL[\pL\pN_]*(/\pL[\pL\pN_]*)*")
MOST_ATTRIBUTES = 1_000
MOST_SCOPES = 100


def read_entity(
    json: Json, terms: Terms, *, id: str = "", need_type: bool = True, rules: Rules = WHOLE
) -> Entity:
    """Raises Invalid. `id` is that of the path, which the body may leave out."""
    if not isinstance(json, dict):
        raise Invalid("an entity must be a JSON object")
    found = _id(json, id)
    names = [name for name in json if name not in ENTITY_MEMBERS]
    if len(names) > MOST_ATTRIBUTES:
        raise Invalid(f"{found} has more than {MOST_ATTRIBUTES} attributes")
    return Entity(
        id=found,
        types=_types(found, json, terms, need=need_type),
        scope=() if rules.null and json.get("scope") == NULL else _scope(found, json),
        expires_at=_expires_at(found, json, rules),
        attributes={
            terms.expand(_attribute_name(n)): read_instances(n, json[n], terms, rules)
            for n in names
        },
    )


def read_removed(json: Mapping[str, Json]) -> frozenset[str]:
    """Members of the entity itself that a patch removes."""
    return frozenset(name for name in ("scope", "expiresAt") if json.get(name) == NULL)


def read_id(text: Json) -> str:
    """Raises Invalid."""
    if text == NULL or not is_uri(text):
        raise Invalid(f"the id of an entity must be a URI, is {str(text)[:200]!r}")
    return str(text)


def read_types(text: str, terms: Terms) -> tuple[frozenset[str], ...]:
    """Alternatives of types, as `A|(B;C)` says them (clause 4.17). Raises Invalid, TooComplex."""
    return tuple(
        frozenset(terms.expand(read_name(name)) for name in choice) for choice in read_choices(text)
    )


def read_format(options: Sequence[str]) -> Format:
    """The first that is one: `format` comes before `options` (table 6.3.7-1)."""
    return next((FORMATS[option] for option in options if option in FORMATS), "normalized")


def _id(json: Mapping[str, Json], id: str) -> str:
    given = json.get("id", json.get("@id", id))
    if given == NULL or not is_uri(given):
        raise Invalid(f"id must be a URI, is {str(given)[:200]!r}")
    if id and given != id:
        raise Invalid(f"the body is about {given}, the address about {id}")
    return str(given)


def _types(id: str, json: Mapping[str, Json], terms: Terms, *, need: bool) -> tuple[str, ...]:
    given = json.get("type", json.get("@type", []))
    if isinstance(given, str) and given:
        return (terms.expand(read_name(given)),)
    names = _strings(given, "type")
    if need and not names:
        raise Invalid(f"{id}: type is missing")
    return tuple(dict.fromkeys(terms.expand(read_name(name)) for name in names))


def _scope(id: str, json: Mapping[str, Json]) -> tuple[str, ...]:
    if "scope" not in json:
        return ()
    scopes = _strings(json["scope"], "scope")
    if len(scopes) > MOST_SCOPES:
        raise Invalid(f"{id} has more than {MOST_SCOPES} scopes")
    for scope in scopes:
        if not SCOPE.fullmatch(scope):
            raise Invalid(f"{id}: {scope[:80]!r} is no scope; write it like /Madrid/Gardens")
    return tuple(dict.fromkeys(scopes))


def _expires_at(id: str, json: Mapping[str, Json], rules: Rules) -> datetime | None:
    if "expiresAt" not in json or (rules.null and json["expiresAt"] == NULL):
        return None
    found = read_time(json["expiresAt"])
    if found is None:
        raise Invalid(f"{id}: expiresAt must be a UTC time like 2026-01-31T12:00:00Z")
    return found


def _attribute_name(name: str) -> str:
    if name in NO_ATTRIBUTE:
        raise Invalid(f"{name} has a meaning of its own and cannot be an attribute")
    return read_name(name)


def _strings(json: Json, member: str) -> list[str]:
    values = [json] if isinstance(json, str) else json
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise Invalid(f"{member} must be a string or a list of strings, is {str(json)[:200]!r}")
    return values
