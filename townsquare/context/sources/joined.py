"""One entity of the parts that several brokers have of it (clauses 4.3.6.2 and 4.5.5.3). Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from townsquare.model.entity import Attribute, Entity, Instances

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def joined(parts: Sequence[Entity], fill: Sequence[Entity] = ()) -> Entity | None:
    """`fill` adds attributes that no part has; where nothing else is known, it is all there is."""
    every = [*parts, *fill]
    if not every:
        return None
    attributes: dict[str, Instances] = {}
    for part in parts:
        for name, instances in part.attributes.items():
            attributes[name] = _newest(attributes.get(name, ()), instances)
    known = frozenset(attributes)
    for part in fill:
        for name, instances in part.attributes.items():
            if name not in known:
                attributes[name] = _newest(attributes.get(name, ()), instances)
    return msgspec.structs.replace(
        every[0],
        types=tuple(dict.fromkeys(type for part in every for type in part.types)),
        scope=tuple(dict.fromkeys(scope for part in every for scope in part.scope)),
        attributes=attributes,
        created_at=min(_known(part.created_at for part in every), default=None),
        modified_at=max(_known(part.modified_at for part in every), default=None),
        expires_at=_last([part.expires_at for part in every]),
    )


def without(entity: Entity, names: frozenset[str]) -> Entity:
    kept = {name: a for name, a in entity.attributes.items() if name not in names}
    return msgspec.structs.replace(entity, attributes=kept)


def _newest(one: Instances, other: Instances) -> Instances:
    """Of each dataset the instance that was observed last, else that was modified last."""
    found = {instance.dataset_id: instance for instance in one}
    for instance in other:
        known = found.get(instance.dataset_id)
        if known is None or _age(instance) > _age(known):
            found[instance.dataset_id] = instance
    return tuple(found.values())


def _age(instance: Attribute) -> tuple[datetime, datetime]:
    return instance.observed_at or LONG_AGO, instance.modified_at or LONG_AGO


def _known(times: Iterable[datetime | None]) -> Iterable[datetime]:
    return (time for time in times if time)


def _last(ends: Sequence[datetime | None]) -> datetime | None:
    """It ends with the last part of it, and not at all where one part does not end."""
    known = list(_known(ends))
    return max(known) if len(known) == len(ends) else None
