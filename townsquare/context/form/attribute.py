"""Attributes from the JSON of NGSI-LD, normalized, concise or simplified (clause 4.5).

The door: what leaves here is good and has canonical names. How much of an attribute must be
there, and where a null may remove something, depends on the operation: its `Rules`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, get_args

import re2
from msgspec import UNSET, structs

from townsquare.context.jsonld import Terms
from townsquare.context.values import fitted, is_null, is_uri, read_time
from townsquare.model.change import Fragment
from townsquare.model.entity import NULL, Attribute, Instances, Json, Kind
from townsquare.model.errors import Invalid
from townsquare.model.geometry import is_geometry

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
KINDS: frozenset[Kind] = frozenset(get_args(Kind))
# The kind that a concise attribute has by the member that holds its value.
IMPLIED: Mapping[str, Kind] = {m: k for k, m in VALUE_MEMBER.items() if k != "GeoProperty"}
OF_VALUE: frozenset[Kind] = frozenset({"Property", "GeoProperty"})
# A JsonProperty and a VocabProperty have their member in the simplified form too.
PLAIN: frozenset[Kind] = KINDS - {"JsonProperty", "VocabProperty"}
SIMPLE_MEMBERS = frozenset({"languageMap", "vocab", "json"})
GEOGRAPHIC = frozenset({"location", "observationSpace", "operationSpace"})
RELATED: frozenset[Kind] = frozenset({"Relationship", "ListRelationship"})
# Which kinds do not have a member (clauses 4.5.2 to 4.5.24).
WITHOUT: Mapping[str, frozenset[Kind]] = {
    "unitCode": KINDS - {"Property", "GeoProperty", "ListProperty"},
    "valueType": RELATED,
    "objectType": KINDS - RELATED,
}
# What the broker adds; a client may send back what it got.
SKIPPED = frozenset({"type", "createdAt", "modifiedAt", "deletedAt", "instanceId"})
# Beside these there are the members that `_fields` and `_subs` read.
OWN_MEMBERS: Mapping[Kind, frozenset[str]] = {k: SKIPPED | {m} for k, m in VALUE_MEMBER.items()}
OUTPUT_ONLY = frozenset(
    {
        "entity",
        "entityList",
        "previousValue",
        "previousObject",
        "previousLanguageMap",
        "previousVocab",
        "previousJson",
        "previousValueList",
        "previousObjectList",
    }
)
FOREIGN = OUTPUT_ONLY | IMPLIED.keys() | {"@context"}
PROOF = "ngsildproof"  # of who sealed an entity, and which one (clause 4.5.2.2)
OF_PROOF = "." + PROOF  # that of an attribute
SEALED = frozenset({"entityIdSealed", "entityTypeSealed"})
# Letters, numbers and _; a prefix may stand before (clause 4.6.2).
NAME = re2.compile(r"(\pL[\pL\pN_]*:)?\pL[\pL\pN_]*")
LONGEST_NAME = 500
DEEPEST = 8  # sub-attributes of sub-attributes


@dataclass(frozen=True, slots=True)
class Rules:
    """Where null removes, and whether a part of an attribute is enough (clause 5.5.4)."""

    null: bool = False  # an attribute or a sub-attribute
    partial: bool = False  # a member of an attribute; and what is not given stays
    inside: bool = False  # a member of an object that is a value
    simplified: bool = False


WHOLE = Rules()
UPDATE = Rules(null=True)
PATCH = Rules(null=True, partial=True)
MERGE = Rules(null=True, partial=True, inside=True)
SIMPLIFIED_MERGE = Rules(null=True, partial=True, inside=True, simplified=True)


def read_instances(name: str, json: Json, terms: Terms, rules: Rules = WHOLE) -> Instances:
    """One attribute, one or more instances of it (clause 4.5.5). Raises Invalid."""
    if rules.simplified:
        found = _simplified(name, json, terms, rules)
    elif isinstance(json, list):
        found = _several(name, json, terms, rules)
    else:
        found = (read_attribute(name, json, terms, rules),)
    if len(found) > 1 and len({i.dataset_id for i in found}) < len(found):
        raise Invalid(f"{name} has two instances with the same datasetId")
    if name in GEOGRAPHIC and any(_not_geographic(i) for i in found):
        raise Invalid(f"{name} must be a GeoProperty")
    return found


def _several(name: str, json: list[Json], terms: Terms, rules: Rules) -> Instances:
    if json and all(map(_is_instance, json)):
        return tuple(read_attribute(name, part, terms, rules) for part in json)
    return (read_attribute(name, json, terms, rules),)


def _simplified(name: str, json: Json, terms: Terms, rules: Rules) -> Instances:
    """As clause 4.5.4 writes it."""
    if isinstance(json, dict) and json.keys() == {"dataset"} and isinstance(json["dataset"], dict):
        return tuple(
            _of_dataset(_simple(name, part, terms, rules), dataset)
            for dataset, part in json["dataset"].items()
        )
    return (_simple(name, json, terms, rules),)


def _simple(name: str, json: Json, terms: Terms, rules: Rules) -> Attribute:
    if not (isinstance(json, dict) and len(json) == 1 and json.keys() <= SIMPLE_MEMBERS):
        return _bare(name, json, rules)
    found = _reified(name, json, terms, rules)
    if found.value == NULL:
        return found
    return structs.replace(found, kinds=frozenset({found.kind}))  # the type stays what it is


def _of_dataset(attribute: Attribute, dataset: str) -> Attribute:
    return structs.replace(attribute, dataset_id=_dataset_id("dataset", dataset))


def _not_geographic(instance: Attribute) -> bool:
    open_ = isinstance(instance, Fragment) and "GeoProperty" in instance.kinds
    return instance.kind != "GeoProperty" and instance.value != NULL and not open_


def _is_instance(json: Json) -> bool:
    """One of several instances, rather than one of several objects in a value."""
    if not isinstance(json, dict):
        return False
    if "type" in json:
        return isinstance(json["type"], str) and json["type"] in KINDS
    return "datasetId" in json or not IMPLIED.keys().isdisjoint(json)


def read_attribute(
    name: str, json: Json, terms: Terms, rules: Rules = WHOLE, depth: int = 0
) -> Attribute:
    """One instance, normalized or concise. Raises Invalid."""
    if not isinstance(json, dict) or is_geometry(json):
        return _bare(name, json, rules)
    if "type" not in json and REIFYING.isdisjoint(json):
        return _bare(name, json, rules)  # any other object is a value, put concisely
    return _reified(name, json, terms, rules, depth)


def read_patch(name: str, json: Json, terms: Terms) -> Attribute:
    """The fragment of a partial update (clause 5.6.4). Raises Invalid."""
    if not isinstance(json, dict) or is_geometry(json):
        return _bare(name, json, PATCH)
    return _reified(name, json, terms, PATCH)


def _bare(name: str, value: Json, rules: Rules) -> Attribute:
    """A value alone."""
    if value == NULL:
        return Attribute(_null(name, rules))
    kind: Kind = "GeoProperty" if is_geometry(value) else "Property"
    value = fitted(name, kind, value, merging=rules.inside)
    return Fragment(value, kind, kinds=PLAIN) if rules.partial else Attribute(value, kind)


def _reified(
    name: str, json: Mapping[str, Json], terms: Terms, rules: Rules, depth: int = 0
) -> Attribute:
    if depth > DEEPEST:
        raise Invalid(f"{name} nests deeper than {DEEPEST} sub-attributes")
    kind, stated = _kind(name, json, rules)
    value = _value(name, kind, json, terms, rules)
    if not rules.partial and json.keys() <= OWN_MEMBERS[kind]:
        return Attribute(value, kind)
    member = VALUE_MEMBER[kind]
    others = {key: part for key, part in json.items() if key not in OWN_MEMBERS[kind]}
    fields, removed = _fields(name, kind, others, terms, rules)
    sub = _subs(name, others, terms, rules, depth) if len(others) > len(fields) else {}
    if not rules.partial:
        return Attribute(value, kind, sub=sub, **fields)
    kinds = frozenset[Kind]() if stated else OF_VALUE if member in json else KINDS
    return Fragment(value, kind, sub=sub, removed=removed, kinds=kinds, **fields)


def _kind(name: str, json: Mapping[str, Json], rules: Rules) -> tuple[Kind, bool]:
    """The kind of an attribute, and whether the client said it."""
    stated = json.get("type")
    if stated is not None:
        if not isinstance(stated, str) or stated not in KINDS:
            raise Invalid(f"{name}: type {stated!r} is none of {', '.join(VALUE_MEMBER)}")
        return stated, True
    member = next((m for m in IMPLIED if m in json), None)
    if member is None and not rules.partial:
        raise Invalid(f"{name}: an attribute needs value, object or another member with a value")
    if member in (None, "value"):
        return "GeoProperty" if is_geometry(json.get("value")) else "Property", False
    return IMPLIED[member], True


def _value(name: str, kind: Kind, json: Mapping[str, Json], terms: Terms, rules: Rules) -> Json:
    member = VALUE_MEMBER[kind]
    if member not in json:
        if rules.partial:
            return UNSET
        raise Invalid(f"{name}: {kind} needs {member}")
    value = json[member]
    if is_null(kind, value):
        return _null(name, rules)
    value = fitted(name, kind, value, merging=rules.inside)
    if _is_proof(name) and not isinstance(value, dict):
        raise Invalid(f"{name}: the value must be an object, the proof (clause 4.5.2)")
    if kind != "VocabProperty":
        return value
    return [terms.expand(v) for v in value] if isinstance(value, list) else terms.expand(value)


def _is_proof(name: str) -> bool:
    return name == PROOF or name.endswith(OF_PROOF)


def _null(name: str, rules: Rules) -> str:
    if not rules.null:
        raise Invalid(f"{name}: {NULL!r} is no value; it removes, and in a patch only")
    return NULL


def _fields(
    name: str, kind: Kind, json: Mapping[str, Json], terms: Terms, rules: Rules
) -> tuple[dict[str, Any], frozenset[str]]:
    """The members that are no attributes, and the names of those that go."""
    fields: dict[str, Any] = {}
    removed: set[str] = set()
    for member, part in json.items():
        if member not in NOT_REIFIED:
            continue
        if kind in WITHOUT.get(member, ()) or (member in SEALED and not _is_proof(name)):
            raise Invalid(f"{name}: a {kind} has no {member}")
        if part == NULL and rules.partial and member != "datasetId":
            removed.add(member)
        else:
            field, read = NOT_REIFIED[member]
            fields[field] = read(f"{name}: {member}", part, terms)
    if kind == "LanguageProperty" and fields.get("value_type", "langString") != "langString":
        raise Invalid(f"{name}: the valueType of a LanguageProperty is langString")
    return fields, frozenset(removed)


def _subs(
    name: str, json: Mapping[str, Json], terms: Terms, rules: Rules, depth: int
) -> Mapping[str, Attribute]:
    inner = UPDATE if rules is PATCH else rules
    subs: dict[str, Attribute] = {}
    for key, part in json.items():
        if key in NOT_REIFIED:
            continue
        if key in FOREIGN:
            raise Invalid(f"{name}: the member {key} is not for this attribute")
        sub = read_attribute(f"{name}.{read_name(key)}", part, terms, inner, depth + 1)
        if sub.value != NULL or rules.partial:
            subs[terms.expand(key)] = sub
    return subs


@lru_cache(maxsize=10_000)
def read_name(name: str) -> str:
    """Of a type or an attribute: a term, a compact or a whole IRI (clause 4.6.2)."""
    if name in ("id", "type"):
        raise Invalid(f"{name!r} is no name of a type or an attribute: JSON-LD has it for itself")
    if len(name) > LONGEST_NAME or not (NAME.fullmatch(name) or is_uri(name)):
        raise Invalid(f"{name[:80]!r} is no name of a type or an attribute")
    return name


def _time(what: str, json: Json, terms: Terms) -> datetime:
    found = read_time(json)
    if found is None:
        raise Invalid(f"{what} must be a UTC time like 2026-01-31T12:00:00Z, is {str(json)[:80]!r}")
    return found


def _text(what: str, json: Json, terms: Terms) -> str:
    if not isinstance(json, str) or json in ("", NULL):
        raise Invalid(f"{what} must be a string, is {str(json)[:80]!r}")
    return json


def read_dataset(text: str) -> str | None:
    """Raises Invalid."""
    return _dataset_id("datasetId", text)


def _dataset_id(what: str, json: Json, terms: Terms | None = None) -> str | None:
    if json == "@none":
        return None  # the default instance, said aloud (clause 4.5.5)
    if json == NULL or not is_uri(json):
        raise Invalid(f"{what} must be a URI, is {str(json)[:80]!r}")
    return str(json)


def _type(what: str, json: Json, terms: Terms) -> str:
    return terms.expand(read_name(_text(what, json, terms)))


def _types(what: str, json: Json, terms: Terms) -> tuple[str, ...]:
    names = json if isinstance(json, list) else [json]
    if not names or not all(isinstance(n, str) for n in names):
        raise Invalid(f"{what} must be a type or a list of types, is {str(json)[:80]!r}")
    return tuple(terms.expand(read_name(n)) for n in names)


Read = Callable[[str, Json, Terms], Any]
# Members with a meaning of their own, the field that each is kept in, and how it is read.
NOT_REIFIED: Mapping[str, tuple[str, Read]] = {
    "observedAt": ("observed_at", _time),
    "expiresAt": ("expires_at", _time),
    "unitCode": ("unit_code", _text),
    "valueType": ("value_type", _text),
    "datasetId": ("dataset_id", _dataset_id),
    "objectType": ("object_type", _types),
    "entityIdSealed": ("entity_id_sealed", _text),
    "entityTypeSealed": ("entity_type_sealed", _type),
}
REIFYING = frozenset(
    IMPLIED.keys() | NOT_REIFIED.keys()
)  # an object with one of them is no bare value
