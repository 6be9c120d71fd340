"""The parts of a type that a policy can treat apart, and what follows from the answers. Pure.

A grant is one block: these attributes, of entities in these scopes. Where statements permit more
than one block, such as one attribute here and another there, the grant is what all of its scopes
have in common. Always holds: a grant shows nothing that a statement does not permit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from townsquare.model.declaration import LIVE, PUBLISHED, EntityType
from townsquare.trust.cedar import named, reference
from townsquare.trust.grant import Grant

Group = Literal["published", "secret", "other"]
ScopeKind = Literal["ordinary", "published", "live"]
SCOPES: tuple[ScopeKind, ...] = ("ordinary", "published", "live")
MARKS: Mapping[ScopeKind, str] = {"published": PUBLISHED, "live": LIVE}
NO_ROOMS = EntityType("", "", frozenset())  # all types that no room declares


@dataclass(frozen=True, slots=True)
class Slot:
    """Attributes that stand alike; one that a statement names stands alone."""

    group: Group
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    slot: Slot
    scope: ScopeKind
    inside: bool

    @property
    def id(self) -> str:
        where = "inside" if self.inside else "outside"
        return f"{self.slot.group}/{self.slot.attribute} {self.scope} {where}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Of one type, under one policy. `named` are attributes that its statements name."""

    type: EntityType
    named: frozenset[str]

    def slots(self) -> tuple[Slot, ...]:
        alone = [Slot(self._group(name), name) for name in sorted(self.named)]
        together = (slot for slot in GROUPS if slot.group == "other" or self.names(slot))
        return (*together, *alone)

    def names(self, slot: Slot) -> frozenset[str]:
        """Of the slot `other`, which has all that are nowhere else, none."""
        if slot.attribute:
            return frozenset({slot.attribute})
        if slot.group == "other":
            return frozenset()
        groups = {"secret": self.type.secret, "published": self.type.published - self.type.secret}
        return groups[slot.group] - self.named

    def _group(self, name: str) -> Group:
        if name in self.type.secret:
            return "secret"
        return "published" if name in self.type.published else "other"

    def seen(self, *, bounded: bool) -> list[Part]:
        """What may or may not be seen."""
        places = (False, True) if bounded else (False,)
        return [Part(slot, s, inside) for inside in places for s in SCOPES for slot in self.slots()]

    def written(self, *, bounded: bool) -> list[Part]:
        """Writing is decided for whole entities."""
        places = (False, True) if bounded else (False,)
        return [Part(WHOLE, scope, inside) for inside in places for scope in SCOPES]

    def entities(self, roles: Iterable[str]) -> list[Mapping[str, Any]]:
        """In Cedar's JSON, with those of these roles that the type names."""
        known = frozenset(roles)
        parts = {*self.seen(bounded=True), *self.written(bounded=True)}
        return [self._type(known), *(self._part(part) for part in parts)]

    def _type(self, roles: frozenset[str]) -> Mapping[str, Any]:
        type = self.type
        attributes = {
            "declared": bool(type.name),
            "owner": type.owner,
            "readers": [reference("Role", name) for name in sorted(type.readers & roles)],
            "commanders": [reference("Role", name) for name in sorted(type.commanders & roles)],
            "accountable": type.accountable,
            "hasPublished": bool(type.published),
            "publishedEverywhere": type.published_everywhere,
        }
        return {"uid": named("Type", type.name), "attrs": attributes, "parents": []}

    def _part(self, part: Part) -> Mapping[str, Any]:
        attributes = {
            "type": reference("Type", self.type.name),
            "group": reference("Group", part.slot.group),
            "attribute": reference("Attribute", part.slot.attribute),
            "scope": reference("Scope", part.scope),
            "inside": part.inside,
        }
        return {"uid": named("Part", part.id), "attrs": attributes, "parents": []}

    def grant(self, answers: Mapping[Part, bool], areas: frozenset[str]) -> Grant | None:
        """None where nothing is allowed. Who is not kept to an area has the same everywhere."""
        outside = self._block(answers, inside=False)
        if not areas:
            return outside
        inside = self._block(answers, inside=True)
        return inside if inside is None or inside == outside else replace(inside, areas=areas)

    def _block(self, answers: Mapping[Part, bool], *, inside: bool) -> Grant | None:
        here = [part for part, allowed in answers.items() if allowed and part.inside == inside]
        rows = {s: frozenset(part.slot for part in here if part.scope == s) for s in SCOPES}
        shown = next(filter(None, rows.values()), None)  # of the first of SCOPES that is open
        if shown is None:
            return None
        scopes = [scope for scope in SCOPES if rows[scope] >= shown]
        return self._shown(shown, {part.slot for part in answers} - shown, scopes)

    def _shown(
        self, bright: Iterable[Slot], dark: Iterable[Slot], scopes: Sequence[ScopeKind]
    ) -> Grant:
        open_ = frozenset(mark for scope, mark in MARKS.items() if scope in scopes)
        ordinary = "ordinary" in scopes
        only = None if ordinary else open_
        without = frozenset(MARKS.values()) - open_ if ordinary else frozenset[str]()
        if REST in bright:
            hidden = self._names(dark)
            return Grant(True, hidden=hidden, scopes=only, not_scopes=without)
        return Grant(True, attributes=self._names(bright), scopes=only, not_scopes=without)

    def _names(self, slots: Iterable[Slot]) -> frozenset[str]:
        return frozenset(name for slot in slots for name in self.names(slot))


REST = Slot("other")
GROUPS = (Slot("published"), Slot("secret"), REST)
WHOLE = REST  # a write has no part of its own: it is not decided by attribute
