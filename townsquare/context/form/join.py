"""Entities together with those that they lead to (clause 4.5.23).

Pure: what is linked was found before. Only Relationships that are shown are followed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from townsquare.context.form.geojson import feature
from townsquare.context.form.view import Projection, View, shown, trimmed
from townsquare.context.form.write import write_entity
from townsquare.context.jsonld import Terms
from townsquare.model.entity import Attribute, Entity, Instances, Json
from townsquare.model.errors import TooComplex

MOST = 5_000  # entities that are put into others, in one answer


@dataclass(frozen=True, slots=True)
class Page:
    """How entities are written, with the `linked` ones by id; `level` links deep."""

    view: View
    terms: Terms
    linked: Mapping[str, Entity]
    level: int = 0
    contained: frozenset[str] = frozenset()  # the asker has them already
    geojson: bool = False


def targets(a: Attribute) -> list[str]:
    """Ids of the entities that a Relationship leads to."""
    if a.kind == "Relationship":
        return [a.value] if isinstance(a.value, str) else list(a.value)
    return list(a.value) if a.kind == "ListRelationship" else []


def led_to(entity: Entity, view: View, projection: Projection) -> Iterator[tuple[str, Projection]]:
    """Every entity that one leads to, as far as this is shown, and what is meant of it."""
    for name, instances in shown(entity, view, projection).attributes.items():
        for instance in instances:
            for target in targets(instance):
                yield target, projection.below(name)


def inline(page: Page, entities: Iterable[Entity]) -> list[Json]:
    """The entities with the linked ones in them."""
    writer = _Writer(page)
    return [
        writer.told(entity, page.view.projection, page.contained, page.level) for entity in entities
    ]


def flat(page: Page, entities: Sequence[Entity]) -> list[Json]:
    """The entities, then each linked one, once."""
    known = {entity.id for entity in entities} | page.contained
    level = [(entity, page.view.projection) for entity in entities]
    found = list(level)
    for _ in range(page.level):
        following = []
        for entity, projection in level:
            for target, below in led_to(entity, page.view, projection):
                if target in page.linked and target not in known:
                    known.add(target)
                    following.append((page.linked[target], below))
        level = following
        found += level
    writer = _Writer(page)
    return [writer.told(entity, projection, frozenset(), 0) for entity, projection in found]


@dataclass(slots=True)
class _Writer:
    page: Page
    written: int = 0

    def told(
        self, entity: Entity, projection: Projection, known: frozenset[str], level: int
    ) -> dict[str, Json]:
        json = self.entity(entity, projection, known, level)
        return feature(json, entity, self.page.view) if self.page.geojson else json

    def entity(
        self, entity: Entity, projection: Projection, known: frozenset[str], level: int
    ) -> dict[str, Json]:
        """`known` are those that it is reached through, which do not come again."""
        self.written += 1
        if self.written > MOST:
            raise TooComplex(f"more than {MOST} linked entities; use join=flat or ask for less")
        view, terms = self.page.view, self.page.terms
        seen = shown(entity, view, projection)
        json: dict[str, Json] = write_entity(seen, terms, view.format, sys=view.sys)
        if level:
            for name, instances in seen.attributes.items():
                inner = _Inner(self, projection.below(name), known | {entity.id}, level - 1)
                if parts := inner.parts(instances):
                    json[terms.compact(name)] = inner.put(json[terms.compact(name)], parts)
        return trimmed(json, projection)


@dataclass(frozen=True, slots=True)
class _Inner:
    """What one attribute leads to."""

    writer: _Writer
    projection: Projection
    known: frozenset[str]
    level: int

    def parts(self, instances: Instances) -> dict[str, tuple[Attribute, list[Json]]]:
        """By datasetId the entities, or the ids of those that are not there."""
        found = {}
        for instance in instances:
            linked = [self.one(target) for target in targets(instance)]
            if any(isinstance(part, dict) for part in linked):
                found[instance.dataset_id or "@none"] = (instance, linked)
        return found

    def one(self, target: str) -> Json:
        entity = self.writer.page.linked.get(target)
        if entity is None or target in self.known:
            return target
        return self.writer.entity(entity, self.projection, self.known, self.level)

    def put(self, json: Json, parts: Mapping[str, tuple[Attribute, list[Json]]]) -> Json:
        if self.writer.page.view.format == "simplified":
            if isinstance(json, dict):  # several instances
                told = {id: _in_place(*part) for id, part in parts.items()}
                return {"dataset": {**json["dataset"], **told}}
            return _in_place(*next(iter(parts.values())))
        for instance in json if isinstance(json, list) else [json]:
            if part := parts.get(instance.get("datasetId", "@none")):
                instance |= _beside(*part)
        return json


def _in_place(a: Attribute, linked: list[Json]) -> Json:
    return linked[0] if isinstance(a.value, str) else linked


def _beside(a: Attribute, linked: list[Json]) -> dict[str, Json]:
    entities = [part for part in linked if isinstance(part, dict)]
    if a.kind == "ListRelationship":
        return {"entityList": entities}
    return {"entity": entities[0] if isinstance(a.value, str) else entities}
