"""The past of an entity (ETSI GS CIM 009, clauses 4.5.7 to 4.5.9)."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from townsquare.model.entity import Attribute, Entity
from townsquare.store import Instance


def evolution(entity: Entity, past: Iterable[Instance]) -> Entity:
    """The entity with its instances in time, oldest first, in place of its present ones."""
    attributes: defaultdict[str, list[Attribute]] = defaultdict(list)
    for instance in past:
        if instance.deleted_at is None:
            attributes[instance.attribute].append(_attribute(instance))
    kept = {name: tuple(instances) for name, instances in attributes.items()}
    return msgspec.structs.replace(entity, attributes=kept)


def _attribute(instance: Instance) -> Attribute:
    if instance.json is not None:
        return msgspec.json.decode(instance.json, type=Attribute)
    number = instance.number or 0.0
    return Attribute(
        int(number) if number.is_integer() else number,
        observed_at=instance.observed_at,
        dataset_id=instance.dataset_id,
        created_at=instance.created_at,
        modified_at=instance.modified_at,
        instance_id=instance.instance_id,
    )
