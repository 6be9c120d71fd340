"""Entities as the JSON of NGSI-LD and back (ETSI GS CIM 009, clauses 4.5.1 to 4.5.9).

`read_*` is the door: what it returns is a good entity in canonical names. Input may be
normalized or concise. Messages name the member that is wrong.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Literal, get_args

import msgspec

from townsquare.context.jsonld import Terms
from townsquare.context.merge import NULL
from townsquare.model import geometry
from townsquare.model.entity import Attribute, Entity, Instances, Json, Kind
from townsquare.model.errors import Invalid

Format = Literal["normalized", "concise", "simplified"]
VALUE_MEMBER: Mapping[Kind, str] = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}
GEOMETRIES = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"}
)
SYSTEM = frozenset({"createdAt", "modifiedAt", "deletedAt", "instanceId", "@context"})
MEMBERS = frozenset({"type", "observedAt", "unitCode", "datasetId"}) | SYSTEM
NAME = re.compile(r"[^\s\"'\\()\[\]{};,|&=<>!~]{1,500}")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
USER_INFO = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*@")
DEEPEST = 8  # sub-attributes of sub-attributes


# --- reading


def read_entity(json: Json, terms: Terms, *, id: str = "", need_type: bool = True) -> Entity:
    """Raises Invalid. `id` is that of the path, which the body may leave out."""
    if not isinstance(json, dict):
        raise Invalid("an entity must be a JSON object")
    found = json.get("id", id)
    if not isinstance(found, str) or not URI.fullmatch(found):
        raise Invalid(f"id must be a URI, is {found!r}")
    if id and found != id:
        raise Invalid(f"the body is about {found}, the address about {id}")
    types = _strings(json.get("type", []), "type")
    if need_type and not types:
        raise Invalid(f"{found}: type is missing")
    names = [n for n in json if n not in ("id", "type", "scope") and n not in SYSTEM]
    for name in (*types, *names):
        read_name(name)
    return Entity(
        id=found,
        types=tuple(dict.fromkeys(map(terms.expand, types))),
        scope=tuple(_strings(json.get("scope", []), "scope")),
        attributes={terms.expand(n): read_instances(n, json[n], terms) for n in names},
    )


def read_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise Invalid(f"{name[:80]!r} is no name of a type or an attribute")
    return name


def read_format(options: Collection[str]) -> Format:
    if "keyValues" in options or "simplified" in options:
        return "simplified"
    return "concise" if "concise" in options else "normalized"


def _strings(json: Json, member: str) -> list[str]:
    values = [json] if isinstance(json, str) else json
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise Invalid(f"{member} must be a string or a list of strings, is {json!r}")
    return values


def read_instances(name: str, json: Json, terms: Terms) -> Instances:
    many = isinstance(json, list) and json and all(_is_instance(part) for part in json)
    found = tuple(read_attribute(name, part, terms) for part in (json if many else [json]))
    if len({i.dataset_id for i in found}) < len(found):
        raise Invalid(f"{name} has two instances with the same datasetId")
    return found


def _is_instance(json: Json) -> bool:
    return (
        isinstance(json, dict) and ("type" in json or "datasetId" in json) and _member(json) != ""
    )


def read_attribute(name: str, json: Json, terms: Terms, depth: int = 0) -> Attribute:
    """One instance, normalized or concise."""
    if depth > DEEPEST:
        raise Invalid(f"{name} nests deeper than {DEEPEST} sub-attributes")
    if not isinstance(json, dict) or _is_geometry(json):
        kind: Kind = "GeoProperty" if isinstance(json, dict) else "Property"
        return Attribute(_value(name, kind, json), kind=kind)
    kind, value = _kind_and_value(name, json)
    sub = {
        terms.expand(n): read_attribute(f"{name}.{n}", v, terms, depth + 1)
        for n, v in json.items()
        if read_name(n) not in MEMBERS and n != VALUE_MEMBER[kind]
    }
    return Attribute(
        _value(name, kind, value),
        kind=kind,
        observed_at=_time(name, json.get("observedAt")),
        unit_code=_text(name, "unitCode", json.get("unitCode")),
        dataset_id=_text(name, "datasetId", json.get("datasetId")),
        sub=sub,
    )


def _member(json: Mapping[str, Json]) -> str:
    return next((m for m in dict.fromkeys(VALUE_MEMBER.values()) if m in json), "")


def _is_geometry(json: Mapping[str, Json]) -> bool:
    return json.get("type") in GEOMETRIES and "coordinates" in json


def _kind_and_value(name: str, json: Mapping[str, Json]) -> tuple[Kind, Json]:
    member = _member(json)
    stated = json.get("type")
    if stated is not None and stated not in get_args(Kind):
        raise Invalid(f"{name}: type {stated!r} is none of {', '.join(get_args(Kind))}")
    kind: Kind | None = stated or _implied(member, json.get(member))
    if kind is None or VALUE_MEMBER[kind] not in json:
        wanted = VALUE_MEMBER[kind] if kind else "value, object or another member with a value"
        raise Invalid(f"{name}: {kind or 'an attribute'} needs {wanted}")
    return kind, json[VALUE_MEMBER[kind]]


def _implied(member: str, value: Json) -> Kind | None:
    """Kind of a concise attribute, by the member that has its value (clause 4.5.1)."""
    if member == "value":
        geo = isinstance(value, dict) and _is_geometry(value)
        return "GeoProperty" if geo else "Property"
    return next((kind for kind, m in VALUE_MEMBER.items() if m == member), None)


def _value(name: str, kind: Kind, value: Json) -> Json:
    if value is None:
        raise Invalid(f"{name}: null is no value; to remove use {NULL!r} in a PATCH")
    if value == NULL:
        return value
    if kind == "GeoProperty":
        geometry.geometry(value)
    if kind == "Relationship":
        _targets(name, value)
    _no_login(name, value)
    return value


def _targets(name: str, value: Json) -> None:
    targets = value if isinstance(value, list) else [value]
    if not targets or not all(isinstance(t, str) and URI.fullmatch(t) for t in targets):
        raise Invalid(f"{name}: the object of a Relationship must be a URI, is {value!r}")


def _no_login(name: str, value: Json) -> None:
    """A password in an address would be told to everyone who may see the entity."""
    if isinstance(value, str) and USER_INFO.match(value):
        raise Invalid(f"{name}: an address with user info; keep the login as secret:NAME")
    parts: Iterable[Json] = ()
    if isinstance(value, list | dict):
        parts = value.values() if isinstance(value, dict) else value
    for part in parts:
        _no_login(name, part)


def read_time(text: Json) -> datetime | None:
    """An aware UTC time, or None for what is not one."""
    try:
        found = msgspec.convert(text, datetime)
        return found.astimezone(UTC) if found.tzinfo else None
    except (msgspec.ValidationError, OverflowError):
        return None


def _time(name: str, text: Json) -> datetime | None:
    if text is None:
        return None
    found = read_time(text)
    if found is None:
        raise Invalid(f"{name}: observedAt must be a UTC time like 2026-01-31T12:00:00Z")
    return found


def _text(name: str, member: str, text: Json) -> str | None:
    if text is not None and not isinstance(text, str):
        raise Invalid(f"{name}: {member} must be a string, is {text!r}")
    return text
