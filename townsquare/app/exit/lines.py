"""Entities and instances of their past as lines of text that any program reads. Pure.

An entity is NGSI-LD JSON, normalized, with the times and instanceIds that the town gave. Always
holds: what `entity` reads of what `line` wrote is the same entity, or `line` says None.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from townsquare.context.form.read import read_entity
from townsquare.context.form.write import write_entity
from townsquare.context.jsonld import Terms
from townsquare.model.entity import Attribute, Entity, Instances, Json, iso
from townsquare.model.errors import Invalid
from townsquare.store import Instance
from townsquare.store.past import instance_number

TERMS = Terms()  # the core context
COLUMNS = (
    *("entity", "type", "attribute", "datasetId", "instanceId"),
    *("observedAt", "createdAt", "modifiedAt", "deletedAt", "number", "json"),
)


def line(entity: Entity) -> bytes | None:
    """None for what NGSI-LD has no words for: a room may keep what no client could send."""
    json = write_entity(entity, TERMS, "normalized", sys=True)
    for name, instances in entity.attributes.items():
        key = TERMS.compact(name)
        parts = json[key] if len(instances) > 1 else [json[key]]
        named = [_with_ids(i, part) for i, part in zip(instances, parts, strict=True)]
        json[key] = named if len(instances) > 1 else named[0]
    text = msgspec.json.encode(json)
    try:
        same = read(text) == msgspec.structs.replace(entity, version=1)
    except Invalid:
        same = False
    return text if same else None


def _with_ids(a: Attribute, json: Json) -> Json:
    subs = {TERMS.compact(n): _with_ids(s, json[TERMS.compact(n)]) for n, s in a.sub.items()}
    return {**json, **subs, **({"instanceId": a.instance_id} if a.instance_id else {})}


def read(text: bytes) -> Entity:
    """Raises Invalid. Its changes are counted anew."""
    try:
        json = msgspec.json.decode(text)
        found = read_entity(json, TERMS)
        attributes = {n: _stamped(a, json[TERMS.compact(n)]) for n, a in found.attributes.items()}
        times = {"created_at": _time(json, "createdAt"), "modified_at": _time(json, "modifiedAt")}
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"this is no entity in NGSI-LD: {text[:80]!r} ({error})") from error
    return msgspec.structs.replace(found, attributes=attributes, version=1, **times)


def _stamped(instances: Instances, json: Json) -> Instances:
    parts = json if len(instances) > 1 else [json]
    return tuple(_with_times(i, part) for i, part in zip(instances, parts, strict=True))


def _with_times(a: Attribute, json: Mapping[str, Json]) -> Attribute:
    return msgspec.structs.replace(
        a,
        created_at=_time(json, "createdAt"),
        modified_at=_time(json, "modifiedAt"),
        instance_id=json.get("instanceId"),
        sub={n: _with_times(s, json[TERMS.compact(n)]) for n, s in a.sub.items()},
    )


def _time(json: Mapping[str, Json], name: str) -> datetime | None:
    return msgspec.convert(json[name], datetime) if name in json else None


# --- the past


def cells(i: Instance) -> tuple[str, ...]:
    """As COLUMNS say."""
    return (
        i.entity,
        i.type,
        i.attribute,
        i.dataset_id or "",
        i.instance_id,
        iso(i.observed_at) if i.observed_at else "",
        iso(i.created_at),
        iso(i.modified_at),
        iso(i.deleted_at) if i.deleted_at else "",
        "" if i.number is None else repr(i.number),
        (i.json or b"").decode(),
    )


def instance(cells: Sequence[str]) -> Instance:
    """Raises Invalid."""
    try:
        entity, type, attribute, dataset, id, observed, created, modified, deleted, *value = cells
        number, json = value
        found = Instance(
            entity,
            type,
            attribute,
            dataset or None,
            id,
            observed_at=_moment(observed) if observed else None,
            created_at=_moment(created),
            modified_at=_moment(modified),
            deleted_at=_moment(deleted) if deleted else None,
            number=float(number) if number else None,
            json=json.encode() if json else None,
        )
        if json:
            msgspec.json.decode(json, type=Attribute)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Invalid(f"{','.join(cells)[:200]!r} is no instance of the past: {error}") from error
    if not (entity and type and attribute) or instance_number(id) is None:
        raise Invalid(f"{','.join(cells)[:200]!r} names no entity, type, attribute or instanceId")
    return found


def _moment(text: str) -> datetime:
    return msgspec.convert(text, datetime)
