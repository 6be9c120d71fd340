"""Whom a change concerns (clause 5.8.6). Pure.

A subscription is compiled once. The index finds by an entity's id, types and changed attributes
those that can be concerned at all, so that a change costs no look at every subscription.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import re2

from townsquare.context.choices import Choices, chosen
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

    def admits(self, entity: Entity) -> bool:
        """Ids go before the pattern (clause 5.2.33)."""
        if self.ids:
            fits = entity.id in self.ids
        else:
            fits = not self.pattern or bool(re2.search(self.pattern, entity.id, QUIET))
        return fits and chosen(self.types, entity.types)


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

    def admits(self, entity: Entity) -> bool:
        return not self.chosen or any(c.admits(entity) for c in self.chosen)


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
    """Names of attributes of which an instance was created, updated or deleted."""

    created: frozenset[str]
    updated: frozenset[str]
    deleted: frozenset[str]


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
    return Difference(frozenset(created), frozenset(updated), frozenset(deleted))


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
    return one.admits(news.subject) and bool(one.triggers & set(_fired(one, news, what)))


def _fired(one: Compiled, news: Changed, what: Difference) -> Iterator[Trigger]:
    def touches(names: frozenset[str]) -> bool:
        return bool(names & one.watched if one.watched else names)

    if touches(what.created):
        yield "attributeCreated"
    if touches(what.updated):
        yield "attributeUpdated"
    if touches(what.deleted):
        yield "attributeDeleted"
    if news.before is None and (not one.watched or touches(what.created)):
        yield "entityCreated"
    if news.after is None and (not one.watched or touches(what.deleted)):
        yield "entityDeleted"


# --- who may be concerned


class Index:
    """Compiled subscriptions by what can wake them."""

    def __init__(self) -> None:
        self._woken_by: defaultdict[tuple[str, str, str], dict[Key, Compiled]] = defaultdict(dict)

    def put(self, one: Compiled) -> None:
        for word in _words(one):
            self._woken_by[one.kept.tenant, *word][one.key] = one

    def drop(self, one: Compiled) -> None:
        for word in _words(one):
            there = self._woken_by[one.kept.tenant, *word]
            there.pop(one.key, None)
            if not there:
                del self._woken_by[one.kept.tenant, *word]

    def candidates(self, news: Changed) -> Iterable[Compiled]:
        found: dict[Key, Compiled] = {}
        for word in _said_by(news):
            found |= self._woken_by.get((news.tenant, *word), {})
        return found.values()


def _words(one: Compiled) -> Iterator[tuple[str, str]]:
    """A subscription is found by the narrowest that all its entities share."""
    if not one.chosen:
        yield from _attribute_words(one)
    for selected in one.chosen:
        if selected.ids:
            yield from (("id", id) for id in selected.ids)
        elif all(selected.types):
            yield from (("type", min(choice)) for choice in selected.types)
        else:
            yield from _attribute_words(one)


def _attribute_words(one: Compiled) -> Iterator[tuple[str, str]]:
    yield from (("attribute", name) for name in one.watched)
    if not one.watched:
        yield ("any", "")


def _said_by(news: Changed) -> Iterator[tuple[str, str]]:
    entity = news.subject
    yield ("any", "")
    yield ("id", entity.id)
    for type in {*entity.types, *(news.before.types if news.before else ())}:
        yield ("type", type)
    for name in news.attributes:
        yield ("attribute", name)
