"""What an entity is by its past (clauses 5.6.11 to 5.6.15). Pure.

Present and past are one entity: what is recorded last of an attribute and dataset is its state,
and every state was recorded.
"""

from datetime import datetime
from itertools import count
from time import time_ns

import msgspec

from townsquare.model.change import Change
from townsquare.model.entity import NULL, Attribute, Entity, Instances, Json
from townsquare.store.past import SCOPE, instance_id

BY_PAST = ("record", "rewrite")


def recording(entity: Entity, *, upsert: bool = False) -> Change:
    """Instances get their ids here, so that state and history know them by the same."""
    named = {
        name: tuple(msgspec.structs.replace(i, instance_id=new_instance()) for i in instances)
        for name, instances in entity.attributes.items()
    }
    return Change("record", msgspec.structs.replace(entity, attributes=named), upsert=upsert)


def new_instance() -> str:
    return instance_id(next(_NUMBERS))


# From one start to the next, fewer than 4,096 instances are made in a microsecond.
_NUMBERS = count(time_ns() // 1000 << 12)


def recorded(before: Entity | None, given: Entity, now: datetime) -> Entity:
    """The entity as it is once instances in time were added: the newest are its state."""
    old = before or Entity(id=given.id, types=())
    attributes = dict(old.attributes)
    for name, instances in given.attributes.items():
        if name == SCOPE:
            continue
        left = attributes.get(name, ())
        for instance in sorted(instances, key=lambda i: _time(i, now)):
            left = _newest(left, instance, now)
        attributes[name] = left
    return msgspec.structs.replace(
        old,
        types=old.types + tuple(t for t in given.types if t not in old.types),
        attributes={name: instances for name, instances in attributes.items() if instances},
        scope=_last_scope(given, now) or given.scope or old.scope,
        expires_at=given.expires_at or old.expires_at,
    )


def _newest(present: Instances, given: Attribute, now: datetime) -> Instances:
    """`present`, unless what is given for its dataset is as new or newer."""
    old = next((i for i in present if i.dataset_id == given.dataset_id), None)
    if old is not None and _time(given, now) < _time(old, now):
        return present
    others = tuple(i for i in present if i is not old)
    if is_end(given):
        return others
    created = old.created_at if old else now
    new = msgspec.structs.replace(given, created_at=created, modified_at=now)
    return (new, *others) if new.dataset_id is None else (*others, new)


def _time(instance: Attribute, now: datetime) -> datetime:
    return instance.observed_at or instance.modified_at or now


def _last_scope(given: Entity, now: datetime) -> tuple[str, ...]:
    instances = given.attributes.get(SCOPE, ())
    newest = max(instances, key=lambda i: _time(i, now), default=None)
    return scopes(newest.value) if newest else ()


def scopes(value: Json) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def is_end(instance: Attribute) -> bool:
    return bool(instance.value == NULL)


def rewritten(before: Entity, change: Change) -> Entity:
    assert change.rewrite is not None  # noqa: S101 - every rewrite says what it is
    name = change.rewrite.attribute
    if name == SCOPE:
        state = change.entity.attributes[SCOPE]
        return msgspec.structs.replace(before, scope=scopes(state[0].value) if state else ())
    attributes = dict(before.attributes)
    attributes.pop(name, None)
    if after := change.entity.attributes.get(name, ()):
        attributes[name] = after
    return msgspec.structs.replace(before, attributes=attributes)
