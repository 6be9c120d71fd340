"""The past of entities as several brokers have it, put together by instance (clause 4.5.5). Pure.

An answer may be a part: then all is known up to its `edge` alone, and what lies behind is left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import msgspec

from townsquare.context.form.temporal import TIME, read_evolution
from townsquare.context.sources.joined import LONG_AGO, joined
from townsquare.context.sources.received import MOST, Reader
from townsquare.context.temporal import Evolution, TemporalQuery
from townsquare.context.values import read_time
from townsquare.model.entity import Attribute, Entity, Instances, Json
from townsquare.model.errors import Invalid
from townsquare.store.past import SCOPE, Span, TimeProperty

_RANGE = re.compile(r"date-time (\S{10}T[^-/]+)-(\S{10}T[^-/]+)/")


def edge(content_range: str) -> datetime:
    """Up to where an answer tells all (clause 6.3.10). Raises Invalid."""
    found = _RANGE.match(content_range)
    at = read_time(found[2].strip()) if found else None
    if at is None:
        raise Invalid(f"Content-Range {content_range[:80]!r} does not say where the part ends")
    return at


def evolutions(json: Json, reader: Reader) -> list[Entity]:
    """What a source answers. Raises Invalid for what is no past of entities."""
    listed = json if isinstance(json, list) else [json]
    found = [_evolution(part, reader) for part in listed[:MOST]]
    return [entity for entity in found if entity]


def _evolution(json: Json, reader: Reader) -> Entity | None:
    entity = read_evolution(json, reader.words)
    if reader.is_foreign(entity):
        return None
    taken = {
        name: _dated(instances, reader.said(json, name))
        for name, instances in entity.attributes.items()
        if name == SCOPE or reader.takes(entity, name)
    }
    return msgspec.structs.replace(entity, attributes=taken)


def _dated(instances: Instances, json: Json) -> Instances:
    """With the times that a client may not say, and a source may."""
    parts = json if isinstance(json, list) else [json]
    return tuple(
        _with_times(instance, part) if isinstance(part, dict) else instance
        for instance, part in zip(instances, parts, strict=True)
    )


def _with_times(instance: Attribute, json: Mapping[str, Json]) -> Attribute:
    id = json.get("instanceId")
    return msgspec.structs.replace(
        instance,
        created_at=read_time(json.get("createdAt")),
        modified_at=read_time(json.get("modifiedAt")),
        deleted_at=read_time(json.get("deletedAt")),
        instance_id=id if isinstance(id, str) else None,
    )


def time_of(instance: Attribute, of: TimeProperty) -> datetime:
    found: datetime | None = getattr(instance, TIME[of])
    return found or instance.deleted_at or instance.created_at or LONG_AGO


def cut_off(found: Evolution, ask: TemporalQuery, cut: datetime) -> Evolution:
    """Without what lies behind the edge of a part; attributes that have nothing else are empty."""
    of, backwards = time_property(ask), ask.last is not None
    if found.part and _known(found.part.first if backwards else found.part.last, cut, backwards):
        return found
    entities = [
        msgspec.structs.replace(
            entity,
            attributes={
                name: tuple(i for i in instances if _known(time_of(i, of), cut, backwards))
                for name, instances in entity.attributes.items()
            },
        )
        for entity in found.entities
    ]
    times = [
        time_of(instance, of)
        for entity in entities
        for instances in entity.attributes.values()
        for instance in instances
    ]
    ends = (cut, max(times, default=cut)) if backwards else (min(times, default=cut), cut)
    return replace(found, entities=entities, part=Span(*ends))


def time_property(ask: TemporalQuery) -> TimeProperty:
    return ask.window.of if ask.window else "observedAt"


def _known(at: datetime, cut: datetime, backwards: bool) -> bool:
    return at >= cut if backwards else at <= cut


def together(parts: Sequence[Entity], of: TimeProperty) -> Entity:
    """One entity; of two instances of the same dataset and time the one that is newer.

    No part is of an auxiliary source: those offer nothing of the past (clause 5.9.2.4).
    """
    frame = joined(parts)
    assert frame is not None  # noqa: S101 - there is at least one part
    every: dict[str, dict[tuple[object, ...], Attribute]] = {}
    for part in parts:
        for name, instances in part.attributes.items():
            there = every.setdefault(name, {})
            for instance in instances:
                known = there.get(_name(instance, of))
                if known is None or _age(instance) > _age(known):
                    there[_name(instance, of)] = instance
    attributes = {name: tuple(found.values()) for name, found in every.items()}
    return msgspec.structs.replace(frame, attributes=attributes)


def _name(instance: Attribute, of: TimeProperty) -> tuple[object, ...]:
    at = instance.observed_at if of == "observedAt" else getattr(instance, TIME[of])
    return instance.dataset_id, at or instance.instance_id or instance.created_at


def _age(instance: Attribute) -> datetime:
    return instance.modified_at or LONG_AGO
