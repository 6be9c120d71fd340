"""Entities as JSON (clauses 4.5.1 to 4.5.16)."""

from collections.abc import Collection

import msgspec

from townsquare.context.form.read import VALUE_MEMBER, Format
from townsquare.context.jsonld import Terms
from townsquare.model.entity import Attribute, Entity, Instances, Json


def only(entity: Entity, attributes: Collection[str]) -> Entity:
    """The entity with these attributes; with all when none is named."""
    if not attributes:
        return entity
    kept = {name: a for name, a in entity.attributes.items() if name in attributes}
    return msgspec.structs.replace(entity, attributes=kept)


def write_entity(entity: Entity, terms: Terms, format: Format, *, sys: bool = False) -> Json:
    types = [terms.compact(t) for t in entity.types]
    json: dict[str, Json] = {"id": entity.id, "type": types[0] if len(types) == 1 else types}
    if entity.scope:
        json["scope"] = entity.scope[0] if len(entity.scope) == 1 else list(entity.scope)
    if sys:
        json |= {"createdAt": entity.created_at, "modifiedAt": entity.modified_at}
    write = simplified if format == "simplified" else full
    for name, instances in entity.attributes.items():
        parts = [write(i, terms, format, sys) for i in instances]
        json[terms.compact(name)] = (
            parts[0] if len(parts) == 1 else _several(instances, parts, format)
        )
    return json


def _several(instances: Instances, parts: list[Json], format: Format) -> Json:
    if format != "simplified":
        return parts
    return {"dataset": {i.dataset_id or "@none": p for i, p in zip(instances, parts, strict=True)}}


def simplified(a: Attribute, terms: Terms, format: Format, sys: bool) -> Json:
    if a.kind in ("LanguageProperty", "VocabProperty", "JsonProperty"):
        return {VALUE_MEMBER[a.kind]: a.value}
    return a.value


def full(a: Attribute, terms: Terms, format: Format, sys: bool) -> Json:
    plain = format == "concise" and not (
        a.observed_at or a.unit_code or a.dataset_id or a.sub or sys
    )
    if plain and a.kind in ("Property", "GeoProperty") and not isinstance(a.value, dict | list):
        return a.value
    json: dict[str, Json] = {} if format == "concise" else {"type": a.kind}
    json[VALUE_MEMBER[a.kind]] = a.value
    optional = {"unitCode": a.unit_code, "observedAt": a.observed_at, "datasetId": a.dataset_id}
    if sys:
        optional |= {"createdAt": a.created_at, "modifiedAt": a.modified_at}
    json |= {name: value for name, value in optional.items() if value is not None}
    json |= {terms.compact(n): full(s, terms, format, sys) for n, s in a.sub.items()}
    return json


def write_feature(entity: Entity, terms: Terms, format: Format, place: str = "location") -> Json:
    """GeoJSON (clause 4.5.16)."""
    properties = write_entity(entity, terms, format)
    properties.pop("id")
    found = entity.get(place)
    geo = found.value if found and found.kind == "GeoProperty" else None
    return {"type": "Feature", "id": entity.id, "geometry": geo, "properties": properties}
