"""The body of a notification (clauses 5.3.1 and 5.8.6). Pure.

What was deleted since the subscriber was last told is there as `urn:ngsi-ld:null`; with
`showChanges` the previous value stands beside each that changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from msgspec import structs

from townsquare.context.form import join
from townsquare.context.form.attribute import VALUE_MEMBER
from townsquare.context.form.conform import conforming
from townsquare.context.form.geojson import collection, feature
from townsquare.context.form.view import shown, trimmed
from townsquare.context.form.write import full, is_bare, write_entity
from townsquare.context.http import GEO, LD
from townsquare.context.jsonld import Terms
from townsquare.context.subscriptions.matching import Compiled, alike
from townsquare.context.subscriptions.pending import Item
from townsquare.context.subscriptions.wire import Endpoint
from townsquare.model.entity import NULL, Attribute, Entity, Instances, Json

GONE = {"@none": NULL}  # the languageMap of what is gone
Parts = dict[str | None, Json]  # what is written of an attribute, by datasetId


@dataclass(frozen=True, slots=True)
class Page:
    """What a notification is written with; `linked` are the entities that are joined, by id."""

    one: Compiled
    terms: Terms
    linked: Mapping[str, Entity]

    def conforming(self, entity: Entity) -> Entity:
        return conforming(entity, self.one.style.version)

    def how(self, level: int, *, geojson: bool = False) -> join.Page:
        view = self.one.style.view
        linked = {id: self.conforming(entity) for id, entity in self.linked.items()}
        return join.Page(view, self.terms, linked, level, geojson=geojson)


def notification(page: Page, data: Sequence[Json], now: datetime) -> dict[str, Json]:
    """With the @context where the media type of the endpoint wants it (clause 6.3.8)."""
    body: dict[str, Json] = {
        "id": f"urn:ngsi-ld:Notification:{uuid4()}",
        "type": "Notification",
        "subscriptionId": page.one.kept.id,
        "notifiedAt": now,
    }
    endpoint = page.one.subscription.notification.endpoint
    context = {"@context": page.terms.source}
    if endpoint.media == LD:
        return body | {"data": [{**entity, **context} for entity in data]} | context
    if endpoint.media == GEO:
        labels = {} if prefers_plain_json(endpoint) else context
        return body | {"data": collection(data) | labels}
    return body | {"data": data}


def prefers_plain_json(endpoint: Endpoint) -> bool:
    pairs = endpoint.receiver_info or ()
    return any(p.key.lower() == "prefer" and p.value == "body=json" for p in pairs)


# --- entities


def present(page: Page, entities: Sequence[Entity], items: Mapping[str, Item]) -> list[Json]:
    """Entities as they are now, with what has changed of those that there is an item of."""
    style, told = page.one.style, [page.conforming(entity) for entity in entities]
    flat = style.join.form == "flat"
    written: list[Json] = join.inline(page.how(0 if flat else style.join.level), told)
    for entity, json in zip(told, written, strict=True):
        item = items.get(entity.id)
        if item and item.before:
            _add_changes(page, json, page.conforming(item.before), entity, item.at)
    if style.geojson:
        written = [feature(j, e, style.view) for j, e in zip(written, told, strict=True)]
    if flat:
        how = page.how(style.join.level, geojson=style.geojson)
        written += join.flat(how, told)[len(told) :]
    return written


def _add_changes(
    page: Page, json: dict[str, Json], before: Entity, now: Entity, at: datetime
) -> None:
    view = page.one.style.view
    was, is_ = (shown(e, view, view.projection).attributes for e in (before, now))
    for name in {**is_, **was}:
        old, new = was.get(name, ()), is_.get(name, ())
        removed = _removed(page, old, new, at)
        previous = _previous(page, old, new)
        if removed or previous:
            short = page.terms.compact(name)
            parts = _parts(json.get(short), new)
            for instance in new:
                id = instance.dataset_id
                parts[id] = _beside(page, parts[id], instance, previous.get(id))
            json[short] = _joined(page, parts | removed)


def gone(page: Page, item: Item) -> Json:
    """An entity that was deleted: with `deletedAt`, and of its attributes what was asked for."""
    assert item.gone is not None  # noqa: S101 - the caller has asked
    style, entity = page.one.style, page.conforming(item.gone)
    bare = structs.replace(entity, attributes={}, scope=())
    json = write_entity(bare, page.terms, style.view.format, sys=style.view.sys)
    json["deletedAt"] = item.at
    for name, old in shown(entity, style.view, style.view.projection).attributes.items():
        if page.one.tells_gone(name):
            json[page.terms.compact(name)] = _joined(page, _removed(page, old, (), item.at))
    json = trimmed(json, style.view.projection)
    return feature(json, entity, style.view) if style.geojson else json


# --- attributes


def _by_dataset(instances: Instances) -> dict[str | None, Attribute]:
    return {instance.dataset_id: instance for instance in instances}


def _parts(json: Json, instances: Instances) -> Parts:
    """What was written of these instances, taken apart."""
    ids = [instance.dataset_id for instance in instances]
    if len(ids) == 1:
        return {ids[0]: json}
    written = json["dataset"].values() if isinstance(json, dict) else json or ()
    return dict(zip(ids, written, strict=True))


def _joined(page: Page, parts: Parts) -> Json:
    if len(parts) == 1:
        return next(iter(parts.values()))
    if page.one.style.view.format == "simplified":
        return {"dataset": {id or "@none": part for id, part in parts.items()}}
    return list(parts.values())


def _previous(page: Page, old: Instances, new: Instances) -> Parts:
    """`previousValue` and its kin (clause 5.2.14.1) of what changed."""
    if not page.one.style.changes:
        return {}
    now = _by_dataset(new)
    return {
        id: _said_before(page, instance)
        for id, instance in _by_dataset(old).items()
        if id in now and not alike(instance, now[id])
    }


def _said_before(page: Page, old: Attribute) -> dict[str, Json]:
    member = VALUE_MEMBER[old.kind]
    value = full(old, page.terms, "normalized", sys=False)[member]
    return {f"previous{member[0].upper()}{member[1:]}": value}


def _beside(page: Page, written: Json, instance: Attribute, previous: Json) -> Json:
    if not previous:
        return written
    view = page.one.style.view
    bare = view.format == "concise" and is_bare(instance, view.sys)
    return {**({"value": written} if bare else written), **previous}


def _removed(page: Page, old: Instances, new: Instances, at: datetime) -> Parts:
    """What is left to say of instances that are there no more."""
    left = {instance.dataset_id for instance in new}
    removed = [i for i in old if i.dataset_id not in left]
    if not new and not page.one.style.changes:
        # All of it is gone, which the default instance says for all.
        removed = [i for i in removed if i.dataset_id is None] or removed
    return {i.dataset_id: _null(page, i, at) for i in removed}


def _null(page: Page, old: Attribute, at: datetime) -> Json:
    style, view = page.one.style, page.one.style.view
    more = view.sys or style.changes or old.dataset_id
    if view.format == "simplified" or (view.format == "concise" and not more):
        return NULL
    json: dict[str, Json] = {} if view.format == "concise" else {"type": old.kind}
    json[VALUE_MEMBER[old.kind]] = GONE if old.kind == "LanguageProperty" else NULL
    if old.dataset_id is not None:
        json["datasetId"] = old.dataset_id
    if view.sys:
        json |= {"createdAt": old.created_at, "modifiedAt": old.modified_at, "deletedAt": at}
    return json | (_said_before(page, old) if style.changes else {})
