"""What an entity becomes by a change (ETSI GS CIM 009 V1.9.1, clauses 5.5.8, 5.5.12 and 5.6).

Pure: the broker calls it inside the store's writer with the entity as it is at that moment.
`urn:ngsi-ld:null` removes where the clause allows it; types are added, never taken away.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import uuid4

import msgspec

from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Instances, Json
from townsquare.model.errors import AlreadyExists, Conflict, NotFound

NULL = "urn:ngsi-ld:null"
Attributes = Mapping[str, Instances]


def changed(before: Entity | None, change: Change, now: datetime) -> Entity | None:
    """The entity after the change, None when it is deleted. Raises Conflict or NotFound."""
    _require(before, change)
    if change.operation == "delete":
        return None
    given = change.entity
    if before is None or change.operation == "replace":
        after = _stamped(given, {}, now)
    else:
        after = _altered(before, change, now)
    return msgspec.structs.replace(
        after,
        created_at=before.created_at if before else now,
        modified_at=now,
        version=(before.version if before else 0) + 1,
    )


def _require(before: Entity | None, change: Change) -> None:
    id = change.entity.id
    if change.operation == "create" and before is not None:
        raise AlreadyExists(f"{id} exists already; use PATCH to change it")
    if before is None and change.operation != "create" and not change.upsert:
        raise NotFound(f"{id} does not exist")
    version = before.version if before else 0
    if change.if_version is not None and change.if_version != version:
        raise Conflict(
            f"{id} was changed meanwhile (version {version}, not {change.if_version}); look again"
        )


def _altered(before: Entity, change: Change, now: datetime) -> Entity:
    given, attributes = change.entity, dict(before.attributes)
    for name, instances in given.attributes.items():
        present = attributes.get(name, ())
        if change.operation == "update" and not present:
            continue
        left = present
        for instance in instances:
            left = _placed(left, instance, now, deep=change.operation == "merge")
        if left:
            attributes[name] = left
        else:
            attributes.pop(name, None)
    types = before.types + tuple(t for t in given.types if t not in before.types)
    return msgspec.structs.replace(
        before, types=types, attributes=attributes, scope=given.scope or before.scope
    )


def _placed(present: Instances, given: Attribute, now: datetime, *, deep: bool) -> Instances:
    """The instances with `given` in the place of the one with its datasetId."""
    old = next((i for i in present if i.dataset_id == given.dataset_id), None)
    others = tuple(i for i in present if i is not old)
    if given.value == NULL:
        return others
    new = _merged(old, given) if deep and old else given
    stamped = _stamp(new, old, now)
    # The default instance comes first, so that the usual read finds it at once.
    return (stamped, *others) if stamped.dataset_id is None else (*others, stamped)


def _merged(old: Attribute, given: Attribute) -> Attribute:
    sub = dict(old.sub)
    for name, attribute in given.sub.items():
        if attribute.value == NULL:
            sub.pop(name, None)
        else:
            sub[name] = _merged(sub[name], attribute) if name in sub else attribute
    return msgspec.structs.replace(
        given,
        value=merged_value(old.value, given.value) if old.kind == given.kind else given.value,
        observed_at=given.observed_at or old.observed_at,
        unit_code=given.unit_code or old.unit_code,
        sub=sub,
    )


def merged_value(old: Json, new: Json) -> Json:
    """JSON merge patch (RFC 7396) in which `urn:ngsi-ld:null` removes."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    result = dict(old)
    for name, value in new.items():
        if value == NULL:
            result.pop(name, None)
        else:
            result[name] = merged_value(result.get(name), value)
    return result


def _stamped(given: Entity, present: Attributes, now: datetime) -> Entity:
    attributes: dict[str, Instances] = {}
    for name, instances in given.attributes.items():
        left: Instances = present.get(name, ())
        for instance in instances:
            left = _placed(left, instance, now, deep=False)
        if left:
            attributes[name] = left
    return msgspec.structs.replace(given, attributes=attributes)


def _stamp(new: Attribute, old: Attribute | None, now: datetime) -> Attribute:
    return msgspec.structs.replace(
        new,
        created_at=old.created_at if old else now,
        modified_at=now,
        instance_id=f"urn:ngsi-ld:Instance:{uuid4()}",
    )


def differing(before: Entity | None, after: Entity | None) -> frozenset[str]:
    """Names of attributes that are not the same object in both."""
    old: Attributes = before.attributes if before else {}
    new: Attributes = after.attributes if after else {}
    return frozenset(n for n in old.keys() | new.keys() if old.get(n) is not new.get(n))
