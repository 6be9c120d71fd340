"""From wide rows of history, which had the names of entity and attribute in each. Pure.

Both databases once had such rows. Instances had names with 122 random bits; 63 of them are kept,
also in what is now.
"""

import re
from typing import NamedTuple
from uuid import UUID

import msgspec

from townsquare.model.entity import NULL, Attribute, Entity
from townsquare.store import EXACT, Instance, at
from townsquare.store.past import INSTANCE, instance_id, instance_number

OLD = re.compile(re.escape(INSTANCE) + r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})")


class Wide(NamedTuple):
    """Times are microseconds since 1970."""

    entity: str
    type: str
    attribute: str
    dataset_id: str | None
    instance_id: str
    observed: int | None
    recorded: int
    modified: int
    deleted: int | None
    number: float | None
    json: str | bytes | None


def narrowed(row: Wide) -> Instance:
    kept = Attribute(None) if row.json is None else msgspec.json.decode(row.json, type=Attribute)
    number, observed = row.number, row.observed
    if row.deleted is not None:
        ended = [] if kept.value == [] else NULL  # of a scope there is none left
        kept, number, observed = Attribute(ended, kind=kept.kind), None, None
    elif number is None and _is_number(kept):
        number = float(kept.value)
    said = Attribute(
        None if number is not None else kept.value,
        kind=kept.kind,
        unit_code=kept.unit_code,
        expires_at=kept.expires_at,
        value_type=kept.value_type,
        object_type=kept.object_type,
        sub=kept.sub,
    )
    return Instance(
        row.entity,
        row.type,
        row.attribute,
        row.dataset_id,
        renamed(row.instance_id),
        observed_at=None if observed is None else at(observed),
        created_at=at(row.recorded),
        modified_at=at(row.modified),
        deleted_at=None if row.deleted is None else at(row.deleted),
        number=number,
        json=None if said == Attribute(None) else msgspec.json.encode(said),
    )


def with_renamed_instances(entity: Entity) -> Entity:
    attributes = {n: tuple(map(_renamed, a)) for n, a in entity.attributes.items()}
    return msgspec.structs.replace(entity, attributes=attributes)


def renamed(id: str) -> str:
    if not OLD.fullmatch(id):
        return id if instance_number(id) is not None else instance_id(0)
    return instance_id(UUID(id.removeprefix(INSTANCE)).int >> 65)


def _renamed(a: Attribute) -> Attribute:
    return msgspec.structs.replace(a, instance_id=a.instance_id and renamed(a.instance_id))


def _is_number(a: Attribute) -> bool:
    plain = isinstance(a.value, int | float) and not isinstance(a.value, bool)
    return plain and a.kind == "Property" and abs(a.value) < EXACT
