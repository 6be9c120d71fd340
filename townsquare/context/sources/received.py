"""What a source answers, as entities (clauses 4.3.6.7, 4.5.5.2 and 6.3.17). Pure.

A source may be wrong or hostile: only what it was asked for and is registered with is taken, and
nothing of a type that a room of the house declares.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from townsquare.context.form.read import read_entity
from townsquare.context.jsonld import Terms
from townsquare.context.sources.matching import Wanted
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.shares import registered
from townsquare.context.values import read_time
from townsquare.model.entity import Attribute, Entity, Instances, Json
from townsquare.model.errors import Invalid

MOST = 1000  # entities of one answer


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the answers of one source to one request."""

    source: Registration
    words: Terms
    wanted: Wanted
    house: Collection[str]  # types that are never a source's
    now: datetime

    def entities(self, json: Json) -> list[Entity]:
        """Raises Invalid for what is no entity."""
        listed = json if isinstance(json, list) else [json]
        found = [self._entity(part) for part in listed[:MOST]]
        return [entity for entity in found if entity]

    def _entity(self, json: Json) -> Entity | None:
        if not isinstance(json, dict):
            raise Invalid("an entity must be a JSON object")
        entity = read_entity(json, self.words)
        if self.is_foreign(entity):
            return None
        attributes = {
            name: kept
            for name, instances in entity.attributes.items()
            if self.takes(entity, name)
            if (kept := self._current(entity, _timed(instances, self.said(json, name))))
        }
        return msgspec.structs.replace(
            entity,
            attributes=attributes,
            created_at=read_time(json.get("createdAt")),
            modified_at=read_time(json.get("modifiedAt")),
        )

    def takes(self, entity: Entity, attribute: str) -> bool:
        """Whether the source is registered with this attribute of it."""
        has = registered(self.source, Wanted(frozenset(entity.types), (entity.id,)))
        return not has or attribute in has

    def is_foreign(self, entity: Entity) -> bool:
        """What was not asked for, is gone already, or is ours."""
        gone = entity.expires_at is not None and entity.expires_at <= self.now
        other = bool(self.wanted.ids) and entity.id not in self.wanted.ids
        return gone or other or not frozenset(entity.types).isdisjoint(self.house)

    def said(self, json: Mapping[str, Json], name: str) -> Json:
        term = self.words.compact(name)
        return json.get(term, json.get(name))

    def _current(self, entity: Entity, instances: Instances) -> Instances:
        """An attribute lasts no longer than its entity (clause 4.5.5.2)."""
        ends = [_ending(entity, instance) for instance in instances]
        return tuple(i for i in ends if not (i.expires_at and i.expires_at <= self.now))


def _ending(entity: Entity, instance: Attribute) -> Attribute:
    end = entity.expires_at
    if end is None or (instance.expires_at and instance.expires_at <= end):
        return instance
    return msgspec.structs.replace(instance, expires_at=end)


def _timed(instances: Instances, json: Json) -> Instances:
    parts = json if isinstance(json, list) else [json]
    if len(parts) != len(instances):
        return instances
    return tuple(
        msgspec.structs.replace(
            instance,
            created_at=read_time(part.get("createdAt")),
            modified_at=read_time(part.get("modifiedAt")),
        )
        if isinstance(part, dict)
        else instance
        for instance, part in zip(instances, parts, strict=True)
    )
