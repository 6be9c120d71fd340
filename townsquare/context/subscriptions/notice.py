"""The body of a notification (clauses 5.3.1 and 5.8.6). Pure.

What was deleted since the subscriber was last told is there as `urn:ngsi-ld:null`; with
`showChanges` the previous value stands beside each that changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from msgspec import structs

from townsquare.context.form.read import VALUE_MEMBER, Format, read_format
from townsquare.context.form.write import full, simplified, write_entity
from townsquare.context.http import GEO, LD
from townsquare.context.jsonld import Terms
from townsquare.context.subscriptions.matching import Compiled, alike
from townsquare.context.subscriptions.pending import Item
from townsquare.context.subscriptions.wire import Endpoint, Params
from townsquare.model.entity import NULL, Attribute, Entity, Instances, Json

GONE = {"@none": NULL}  # the languageMap of what is gone
MEMBERS = frozenset({"id", "type", "scope"})


@dataclass(frozen=True, slots=True)
class Page:
    """What a notification is written with."""

    one: Compiled
    terms: Terms

    @property
    def params(self) -> Params:
        return self.one.subscription.notification

    @property
    def format(self) -> Format:
        return read_format((self.params.format or "normalized",))

    @property
    def sys(self) -> bool:
        return bool(self.params.sys_attrs)

    def picks(self, name: str) -> bool:
        given = self.params
        wanted = given.pick or given.attributes
        return (not wanted or name in wanted) and name not in (given.omit or ())

    def instances(self, found: Instances) -> Instances:
        ids = self.one.subscription.dataset_id
        return tuple(i for i in found if (i.dataset_id or "@none") in ids) if ids else found


def notification(page: Page, data: list[Json], now: datetime) -> dict[str, Json]:
    body: dict[str, Json] = {
        "id": f"urn:ngsi-ld:Notification:{uuid4()}",
        "type": "Notification",
        "subscriptionId": page.one.kept.id,
        "notifiedAt": now,
        "data": data,
    }
    return labelled(body, page)


def labelled(body: dict[str, Json], page: Page) -> dict[str, Json]:
    """With the @context where the media type of the endpoint wants it (clause 6.3.8)."""
    media, context = page.params.endpoint.media, page.terms.source
    if media == LD:
        data = [{**entity, "@context": context} for entity in body["data"]]
        return {**body, "data": data, "@context": context}
    if media != GEO:
        return body
    collection: dict[str, Json] = {"type": "FeatureCollection", "features": body["data"]}
    if not prefers_plain_json(page.params.endpoint):
        collection["@context"] = context
    return {**body, "data": collection}


def prefers_plain_json(endpoint: Endpoint) -> bool:
    pairs = endpoint.receiver_info or ()
    return any(p.key.lower() == "prefer" and p.value == "body=json" for p in pairs)


# --- entities


def present(page: Page, entity: Entity, item: Item | None) -> Json:
    """An entity as it is now. Without an item it is told as it is, whatever changed."""
    json = _bare(page, entity, _told(page, entity))
    if item and item.before:
        json |= _changes(page, item.before, entity, item.at)
    return _feature(page, entity, _members(page, json))


def _changes(page: Page, before: Entity, now: Entity, at: datetime) -> dict[str, Json]:
    changed: dict[str, Json] = {}
    for name in [n for n in (*now.attributes, *before.attributes) if page.picks(n)]:
        old, new = (page.instances(e.attributes.get(name, ())) for e in (before, now))
        left = {i.dataset_id for i in new}
        removed = tuple(i for i in old if i.dataset_id not in left)
        differ = any(not alike(i, o) for i in new for o in old if i.dataset_id == o.dataset_id)
        if removed or (differ and page.params.show_changes):
            changed[page.terms.compact(name)] = _attribute(page, new, old, removed, at)
    return changed


def gone(page: Page, item: Item) -> Json:
    """An entity that was deleted: with `deletedAt`, and of its attributes what was asked for."""
    entity = item.gone
    assert entity is not None  # noqa: S101 - the caller has asked
    json = {**_bare(page, entity, {}), "deletedAt": item.at}
    for name, instances in _told(page, entity).items():
        if _told_gone(page, name):
            short = page.terms.compact(name)
            json[short] = _attribute(page, (), instances, instances, item.at)
    return _feature(page, entity, _members(page, json))


def _told(page: Page, entity: Entity) -> dict[str, Instances]:
    """The attributes and instances that the subscriber asked for."""
    picked = {n: page.instances(i) for n, i in entity.attributes.items() if page.picks(n)}
    return {name: instances for name, instances in picked.items() if instances}


def _bare(page: Page, entity: Entity, attributes: dict[str, Instances]) -> dict[str, Json]:
    shown = structs.replace(entity, attributes=attributes)
    json: dict[str, Json] = write_entity(shown, page.terms, page.format, sys=page.sys)
    return json


def _told_gone(page: Page, name: str) -> bool:
    if page.params.show_changes:
        return True
    return "attributeDeleted" in page.one.triggers and (
        not page.one.watched or name in page.one.watched
    )


def _members(page: Page, json: dict[str, Json]) -> dict[str, Json]:
    """Without those of id, type and scope that are not wanted (clause 4.21)."""
    dropped = MEMBERS & set(page.params.omit or ())
    if page.params.pick:
        dropped |= MEMBERS - set(page.params.pick)
    return {name: value for name, value in json.items() if name not in dropped}


def _feature(page: Page, entity: Entity, json: dict[str, Json]) -> Json:
    """GeoJSON where that is asked for (clause 4.5.16)."""
    if page.params.endpoint.media != GEO:
        return json
    found = entity.get("location")
    place = found.value if found and found.kind == "GeoProperty" else None
    json.pop("id", None)
    return {"type": "Feature", "id": entity.id, "geometry": place, "properties": json}


# --- attributes


def _attribute(
    page: Page, new: Instances, old: Instances, removed: Instances, at: datetime
) -> Json:
    if not new and len(removed) > 1 and not page.params.show_changes:
        # All of it is gone, which the default instance says for all.
        removed = tuple(i for i in removed if i.dataset_id is None) or removed
    before = {i.dataset_id: i for i in old}
    parts = {i.dataset_id: _now(page, i, before.get(i.dataset_id)) for i in new}
    parts |= {i.dataset_id: _removed(page, i, at) for i in removed}
    if len(parts) == 1:
        return next(iter(parts.values()))
    if page.format == "simplified":
        return {"dataset": {id or "@none": part for id, part in parts.items()}}
    return list(parts.values())


def _now(page: Page, instance: Attribute, old: Attribute | None) -> Json:
    if page.format == "simplified":
        return simplified(instance, page.terms, page.format, page.sys)
    json = full(instance, page.terms, page.format, page.sys)
    if old is None or alike(old, instance) or not page.params.show_changes:
        return json
    return {**(json if isinstance(json, dict) else {"value": json}), **_previous(old)}


def _removed(page: Page, old: Attribute, at: datetime) -> Json:
    bare = page.format == "concise" and not (page.sys or page.params.show_changes or old.dataset_id)
    if page.format == "simplified" or bare:
        return NULL
    null = GONE if old.kind == "LanguageProperty" else NULL
    instance = structs.replace(old, value=null, sub={}, observed_at=None, unit_code=None)
    json = full(instance, page.terms, page.format, page.sys)
    told: dict[str, Json] = json if isinstance(json, dict) else {"value": json}
    if page.sys:
        told = {**told, "deletedAt": at}
    return {**told, **_previous(old)} if page.params.show_changes else told


def _previous(old: Attribute) -> Mapping[str, Json]:
    """`previousValue` and its kin (clause 5.2.14.1)."""
    member = VALUE_MEMBER[old.kind]
    return {f"previous{member[0].upper()}{member[1:]}": old.value}
