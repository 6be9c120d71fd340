"""Whom a change concerns (clause 5.8.6). Pure.

A subscription is compiled once. The index finds by an entity's id, types and changed attributes
those that can be concerned at all, so that a change costs no look at every subscription.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import re2

from townsquare.context.choices import Choices
from townsquare.context.query import QUIET, Condition
from townsquare.context.subscriptions.kept import Kept
from townsquare.context.subscriptions.naming import read_types
from townsquare.context.subscriptions.query import condition
from townsquare.context.subscriptions.view import Style, near, style
from townsquare.context.subscriptions.wire import Selector, Subscription, Trigger
from townsquare.model.change import Changed
from townsquare.model.entity import Attribute, Entity, Instances
from townsquare.store import Key
from townsquare.store.conditions import Near

ATTRIBUTE_TRIGGERS: frozenset[Trigger] = frozenset(
    {"attributeCreated", "attributeUpdated", "attributeDeleted"}
)


@dataclass(frozen=True, slots=True)
class Chosen:
    ids: frozenset[str]
    pattern: str
    types: Choices

    def admits(self, id: str, types: frozenset[str]) -> bool:
        """Ids go before the pattern (clause 5.2.33)."""
        if not any(choice <= types for choice in self.types):
            return False
        if self.ids:
            return id in self.ids
        return not self.pattern or bool(re2.search(self.pattern, id, QUIET))


@dataclass(frozen=True, slots=True)
class Compiled:
    kept: Kept
    chosen: tuple[Chosen, ...]
    watched: frozenset[str]
    triggers: frozenset[Trigger]
    q: Condition | None
    near: Near | None
    style: Style

    @property
    def subscription(self) -> Subscription:
        return self.kept.subscription

    @property
    def key(self) -> Key:
        return self.kept.key

    @property
    def filters(self) -> bool:
        """Whether only the store can say if an entity matches."""
        return bool(self.q or self.near or self.subscription.scope_q)

    def tells_gone(self, attribute: str) -> bool:
        """Whether the end of an entity tells of this attribute (clause 5.8.6)."""
        if self.style.changes:
            return True
        watched = not self.watched or attribute in self.watched
        return watched and "attributeDeleted" in self.triggers

    def admits(self, id: str, types: frozenset[str]) -> bool:
        return not self.chosen or any(c.admits(id, types) for c in self.chosen)


def compiled(kept: Kept) -> Compiled:
    given = kept.subscription
    triggers = frozenset(given.triggers)
    if "entityUpdated" in triggers:
        triggers |= ATTRIBUTE_TRIGGERS  # clause 5.2.12
    return Compiled(
        kept,
        tuple(map(_chosen, given.entities or ())),
        frozenset(given.watched_attributes or ()),
        triggers,
        condition(given, kept.names),
        near(given.geo_q) if given.geo_q else None,
        style(given),
    )


def _chosen(selector: Selector) -> Chosen:
    pattern = "" if selector.ids else selector.id_pattern or ""
    return Chosen(frozenset(selector.ids), pattern, read_types(selector.type))


# --- what has changed


@dataclass(frozen=True, slots=True)
class Difference:
    """Names of attributes of which an instance was created, updated or deleted.

    `triggers` are all that fire for somebody who watches every attribute.
    """

    created: frozenset[str]
    updated: frozenset[str]
    deleted: frozenset[str]
    triggers: frozenset[Trigger]


def difference(news: Changed) -> Difference:
    created, updated, deleted = set(), set(), set()
    for name in news.attributes:
        old = {i.dataset_id: i for i in _instances(news.before, name)}
        new = {i.dataset_id: i for i in _instances(news.after, name)}
        if new.keys() - old.keys():
            created.add(name)
        if old.keys() - new.keys():
            deleted.add(name)
        if any(not alike(old[id], new[id]) for id in old.keys() & new.keys()):
            updated.add(name)
    names = (frozenset(created), frozenset(updated), frozenset(deleted))
    happened: dict[Trigger, object] = {
        "entityCreated": news.before is None,
        "entityDeleted": news.after is None,
        "attributeCreated": created,
        "attributeUpdated": updated,
        "attributeDeleted": deleted,
    }
    return Difference(*names, frozenset(t for t, there in happened.items() if there))


def _instances(entity: Entity | None, name: str) -> Instances:
    return entity.attributes.get(name, ()) if entity else ()


def alike(one: Attribute, other: Attribute) -> bool:
    """Whether they say the same, whenever they were written."""
    return one is other or _said(one) == _said(other)


def _said(a: Attribute) -> tuple[object, ...]:
    sub = {name: _said(part) for name, part in a.sub.items()}
    kind = (a.kind, a.unit_code, a.value_type, a.object_type)
    return (a.value, kind, a.observed_at, a.expires_at, sub)


def concerns(one: Compiled, news: Changed, what: Difference) -> bool:
    """Of news as the subscriber may see it."""
    fired = what.triggers & one.triggers
    if one.watched:
        fired = frozenset(t for t in fired if not one.watched.isdisjoint(_touched(t, what)))
    return bool(fired) and one.admits(news.subject.id, frozenset(news.subject.types))


def _touched(trigger: Trigger, what: Difference) -> frozenset[str]:
    """The attributes that it is about; for an entity those that came or went with it."""
    if trigger == "attributeUpdated":
        return what.updated
    return what.created if trigger.endswith("Created") else what.deleted


# --- who may be concerned


Word = tuple[str, str, str]


class Index:
    """Compiled subscriptions by what can wake them: an id or a type, with a watched attribute."""

    def __init__(self) -> None:
        self._woken_by: defaultdict[tuple[str, Word], dict[Key, Compiled]] = defaultdict(dict)

    def put(self, one: Compiled) -> None:
        for word in _words(one):
            self._woken_by[one.kept.tenant, word][one.key] = one

    def drop(self, one: Compiled) -> None:
        for word in set(_words(one)):
            there = self._woken_by[one.kept.tenant, word]
            there.pop(one.key, None)
            if not there:
                del self._woken_by[one.kept.tenant, word]

    def candidates(self, news: Changed) -> Iterable[Compiled]:
        if not self._woken_by:
            return ()
        places = (self._woken_by.get((news.tenant, word)) for word in _said_by(news))
        found = [place for place in places if place]
        if len(found) == 1:
            return found[0].values()
        return {key: one for place in found for key, one in place.items()}.values()


def _words(one: Compiled) -> Iterator[Word]:
    """A subscription is found by the narrowest that its entities share."""
    names = one.watched or {""}
    subjects = {subject for chosen in one.chosen for subject in _subjects(chosen)}
    for kind, subject in subjects or {("any", "")}:
        yield from ((kind, subject, name) for name in names)


def _subjects(chosen: Chosen) -> Iterator[tuple[str, str]]:
    if chosen.ids:
        yield from (("id", id) for id in chosen.ids)
    else:
        yield from (("type", min(choice)) if choice else ("any", "") for choice in chosen.types)


def _said_by(news: Changed) -> Iterator[Word]:
    entity = news.subject
    types = {*entity.types, *(news.before.types if news.before else ())}
    subjects = [("any", ""), ("id", entity.id), *(("type", type) for type in types)]
    for name in ("", *news.attributes):
        yield from ((kind, subject, name) for kind, subject in subjects)
