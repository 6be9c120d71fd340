"""What an entity becomes by a change (ETSI GS CIM 009 V1.9.1, clauses 5.5.8, 5.5.12 and 5.6).

Pure: the broker calls it inside the store's writer with the entity as it is at that moment.
`urn:ngsi-ld:null` removes where the clause allows it; types are added, never taken away. An
entity that a change leaves as it is comes back as the same object.
"""

from collections.abc import Mapping, Set
from datetime import datetime

import msgspec

from townsquare.context import instances, past
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Instances
from townsquare.model.errors import AlreadyExists, Conflict, NotFound

Attributes = Mapping[str, Instances]


def changed(before: Entity | None, change: Change, now: datetime) -> Entity | None:
    """The entity after the change, None when it is deleted. Raises Conflict, NotFound, Invalid."""
    _require(before, change)
    if change.operation == "delete":
        return None
    if change.operation == "record":
        after = past.recorded(before, change.entity, now)
    elif change.operation == "rewrite" and before is not None:
        after = past.rewritten(before, change)
    elif before is None or change.operation == "replace":
        after = _stamped(change, now)
    else:
        after = _altered(before, change, now)
        if after is before:
            return before
    return msgspec.structs.replace(
        after,
        created_at=before.created_at if before else now,
        modified_at=now,
        version=(before.version if before else 0) + 1,
    )


def undone(before: Entity | None, change: Change) -> tuple[str, ...]:
    """Names of what the change gives and leaves as it was (clauses 5.6.2 and 5.6.3)."""
    if before is None:
        return ()
    if change.operation == "append" and not change.overwrite:
        return tuple(name for name in change.entity.attributes if _left(before, change, name))
    ignored = change.operation == "update" and change.entity.scope and not before.scope
    return ("scope",) if ignored else ()


def _left(before: Entity, change: Change, name: str) -> bool:
    present = {i.dataset_id for i in before.attributes.get(name, ())}
    return any(i.dataset_id in present for i in change.entity.attributes[name])


def _require(before: Entity | None, change: Change) -> None:
    id = change.entity.id
    if change.operation == "create" and before is not None:
        raise AlreadyExists(f"{id} exists already; use PATCH to change it")
    if before is None and change.operation != "create" and not change.upsert:
        raise NotFound(f"{id} does not exist")
    if (
        before
        and change.types
        and not any(wanted.issubset(before.types) for wanted in change.types)
    ):
        raise NotFound(f"{id} does not exist as an entity of this type")
    version = before.version if before else 0
    if change.if_version is not None and change.if_version != version:
        raise Conflict(
            f"{id} was changed meanwhile (version {version}, not {change.if_version}); look again"
        )


def _stamped(change: Change, now: datetime) -> Entity:
    """The entity as it is given, with the times of its attributes; nulls have nothing to remove."""
    attributes: dict[str, Instances] = {}
    for name, given in change.entity.attributes.items():
        left: Instances = ()
        for instance in given:
            left = instances.merged(name, left, instance, now, change.defaults)
        if left:
            attributes[name] = left
    return msgspec.structs.replace(change.entity, attributes=attributes)


def _altered(before: Entity, change: Change, now: datetime) -> Entity:
    given = change.entity
    attributes = _attributes(before, change, now)
    types = before.types + tuple(t for t in given.types if t not in before.types)
    scope = _scope(before, change)
    expires_at = None if "expiresAt" in change.removed else given.expires_at or before.expires_at
    if attributes is before.attributes and (types, scope, expires_at) == (
        before.types,
        before.scope,
        before.expires_at,
    ):
        return before
    return msgspec.structs.replace(
        before, types=types, attributes=attributes, scope=scope, expires_at=expires_at
    )


def _attributes(before: Entity, change: Change, now: datetime) -> Attributes:
    given = change.entity.attributes
    if change.operation == "keep":
        return _without(before.attributes, before.attributes.keys() - given.keys())
    if change.operation == "drop":
        return _without(before.attributes, before.attributes.keys() & given.keys())
    attributes, altered = dict(before.attributes), False
    for name in given:
        present = attributes.pop(name, ())
        left = _instances(present, change, name, now)
        altered = altered or left is not present
        if left:
            attributes[name] = left
    return attributes if altered else before.attributes


def _instances(present: Instances, change: Change, name: str, now: datetime) -> Instances:
    given = change.entity.attributes[name]
    if change.operation == "remove" and (not given or not present):
        return _none(present, change, name)
    for instance in given:
        present = _step(present, change, name, instance, now)
    return present


def _step(
    present: Instances, change: Change, name: str, given: Attribute, now: datetime
) -> Instances:
    match change.operation:
        case "merge":
            return instances.merged(name, present, given, now, change.defaults)
        case "patch":
            return instances.patched(name, present, given, now)
        case "put":
            return instances.put(name, present, given, now)
        case "remove":
            return instances.removed(name, present, given.dataset_id)
    if change.overwrite or instances.of(present, given.dataset_id) is None:
        return instances.overwritten(present, given, now)
    return present


def _none(present: Instances, change: Change, name: str) -> Instances:
    if not present:
        raise NotFound(f"{change.entity.id} has no attribute {name}")
    return ()


def _without(attributes: Attributes, names: Set[str]) -> Attributes:
    return {n: a for n, a in attributes.items() if n not in names} if names else attributes


def _scope(before: Entity, change: Change) -> tuple[str, ...]:
    """As clauses 5.6.2, 5.6.3 and 5.6.17 each want it."""
    given = change.entity.scope
    if "scope" in change.removed:
        if change.operation == "remove" and not before.scope:
            raise NotFound(f"{before.id} has no scope")
        return ()
    if not given or (change.operation == "update" and not before.scope):
        return before.scope
    if change.operation == "append" and not change.overwrite:
        return before.scope + tuple(s for s in given if s not in before.scope)
    return given


def differing(before: Entity | None, after: Entity | None) -> frozenset[str]:
    """Names of attributes that are not the same object in both."""
    old: Attributes = before.attributes if before else {}
    new: Attributes = after.attributes if after else {}
    names = [name for name, instances in new.items() if old.get(name) is not instances]
    return frozenset(names).union(old.keys() - new.keys())
