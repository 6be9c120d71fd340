"""What is only there for a time (clause 4.22): when it ends, and what is left then. Pure."""

import operator
from collections.abc import Iterator
from datetime import datetime

import msgspec

from townsquare.model.entity import Attribute, Entity, Instances


def ends_at(entity: Entity) -> datetime | None:
    """When the entity, or the first of its attributes, ends."""
    ends = [entity.expires_at] if entity.expires_at else []
    for instances in entity.attributes.values():
        for instance in instances:
            if instance.expires_at or instance.sub:
                ends += _ends(instance)
    return min(ends, default=None)


def _ends(attribute: Attribute) -> Iterator[datetime]:
    if attribute.expires_at:
        yield attribute.expires_at
    for sub in attribute.sub.values():
        yield from _ends(sub)


def left(entity: Entity, now: datetime) -> Entity | None:
    """The entity without what has ended; the same object where nothing has."""
    if entity.expires_at and entity.expires_at <= now:
        return None
    first = ends_at(entity)
    if first is None or first > now:
        return entity
    kept = {name: _left(instances, now) for name, instances in entity.attributes.items()}
    return msgspec.structs.replace(
        entity,
        attributes={name: instances for name, instances in kept.items() if instances},
        modified_at=now,
        version=entity.version + 1,
    )


def _left(instances: Instances, now: datetime) -> Instances:
    lasting = tuple(i for i in instances if i.expires_at is None or i.expires_at > now)
    found = tuple(_without_ended(i, now) for i in lasting)
    same = len(found) == len(instances) and all(map(operator.is_, found, instances))
    return instances if same else found


def _without_ended(attribute: Attribute, now: datetime) -> Attribute:
    if not any(end <= now for end in _ends(attribute)):
        return attribute
    kept = {
        name: _without_ended(sub, now)
        for name, sub in attribute.sub.items()
        if sub.expires_at is None or sub.expires_at > now
    }
    return msgspec.structs.replace(attribute, sub=kept)
