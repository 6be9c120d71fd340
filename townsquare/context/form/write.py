"""Entities as the JSON of NGSI-LD (clauses 4.5.1 to 4.5.4 and 4.5.18 to 4.5.24).

What they shall show is decided before (`view`); here they are put into words, in the terms of
who asked. On the way of every answer, so it does as little as it can.
"""

from collections.abc import Callable, Collection, Mapping

import msgspec

from townsquare.context.form.attribute import REIFYING, VALUE_MEMBER
from townsquare.context.form.read import Format
from townsquare.context.jsonld import Terms
from townsquare.model.entity import Attribute, Entity, Instances, Json, Kind


def only(entity: Entity, attributes: Collection[str]) -> Entity:
    """The entity with these attributes; with all when none is named."""
    if not attributes:
        return entity
    kept = {name: a for name, a in entity.attributes.items() if name in attributes}
    return msgspec.structs.replace(entity, attributes=kept)


def write_entity(entity: Entity, terms: Terms, format: Format, *, sys: bool = False) -> Json:
    json: dict[str, Json] = {"id": entity.id, "type": one_or_all(entity.types, terms.compact)}
    if entity.scope:
        json["scope"] = one_or_all(entity.scope)
    if sys:
        times = (entity.created_at, entity.modified_at, entity.expires_at)
        json |= {n: t for n, t in zip(TIMES, times, strict=True) if t is not None}
    write = simplified if format == "simplified" else full
    for name, instances in entity.attributes.items():
        if len(instances) == 1:
            json[terms.compact(name)] = write(instances[0], terms, format, sys)
        else:
            parts = [write(i, terms, format, sys) for i in instances]
            json[terms.compact(name)] = several(instances, parts, format)
    return json


TIMES = ("createdAt", "modifiedAt", "expiresAt")


def one_or_all(names: Collection[str], compact: Callable[[str], str] = str) -> Json:
    """A list, but one alone stands by itself."""
    written = [compact(name) for name in names]
    return written[0] if len(written) == 1 else written


def several(instances: Instances, parts: list[Json], format: Format) -> Json:
    if format == "concise":
        # A list of bare values would be one value.
        return [p if _is_reified(p) else {"value": p} for p in parts]
    if format != "simplified":
        return parts
    return {"dataset": {i.dataset_id or "@none": p for i, p in zip(instances, parts, strict=True)}}


def _is_reified(part: Json) -> bool:
    return isinstance(part, dict) and not REIFYING.isdisjoint(part)


def simplified(a: Attribute, terms: Terms, format: Format, sys: bool) -> Json:
    if a.kind in PLAIN:
        return a.value
    value = vocabulary(a.value, terms) if a.kind == "VocabProperty" else a.value
    return {VALUE_MEMBER[a.kind]: value}


PLAIN = frozenset[Kind](
    {"Property", "Relationship", "GeoProperty", "ListProperty", "ListRelationship"}
)


def full(a: Attribute, terms: Terms, format: Format, sys: bool) -> Json:
    """Normalized, or concise."""
    concise = format == "concise"
    if concise and is_bare(a, sys):
        return a.value
    json: dict[str, Json] = {} if concise else {"type": a.kind}
    written = VALUES.get(a.kind)
    json[VALUE_MEMBER[a.kind]] = written(a.value, terms, concise) if written else a.value
    if a.unit_code is not None:
        json["unitCode"] = a.unit_code
    if a.observed_at is not None:
        json["observedAt"] = a.observed_at
    if a.dataset_id is not None:
        json["datasetId"] = a.dataset_id
    json |= rare(a, terms)
    if sys:
        times = (a.created_at, a.modified_at, a.expires_at)
        json |= {n: t for n, t in zip(TIMES, times, strict=True) if t is not None}
    for name, sub in a.sub.items():
        json[terms.compact(name)] = full(sub, terms, format, sys)
    return json


NO_RARE = (None, (), None, None, None)


def rare(a: Attribute, terms: Terms) -> Mapping[str, Json]:
    if (a.value_type, a.object_type, a.lang, a.entity_id_sealed, a.entity_type_sealed) == NO_RARE:
        return {}
    sealed = a.entity_type_sealed
    found = {
        "valueType": a.value_type,
        "objectType": one_or_all(a.object_type, terms.compact) if a.object_type else None,
        "lang": a.lang,
        "entityIdSealed": a.entity_id_sealed,
        "entityTypeSealed": terms.compact(sealed) if sealed else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def is_bare(a: Attribute, sys: bool) -> bool:
    """Whether the value alone says everything and cannot be taken for an attribute."""
    if sys or a.sub or a.kind not in ("Property", "GeoProperty"):
        return False
    if a.observed_at or a.unit_code or a.dataset_id or a.value_type or a.lang:
        return False
    if isinstance(a.value, dict):
        return a.kind == "GeoProperty" or ("type" not in a.value and REIFYING.isdisjoint(a.value))
    return not isinstance(a.value, list) or not any(isinstance(part, dict) for part in a.value)


def vocabulary(value: Json, terms: Terms, concise: bool = False) -> Json:
    return [terms.compact(v) for v in value] if isinstance(value, list) else terms.compact(value)


def objects(value: Json, terms: Terms, concise: bool) -> Json:
    return value if concise else [{"object": target} for target in value]


VALUES: Mapping[Kind, Callable[[Json, Terms, bool], Json]] = {
    "VocabProperty": vocabulary,
    "ListRelationship": objects,
}
