"""A policy as it is in force: its texts, read and parsed once, and the types that they are about.

Reads no file, no clock. Always holds: what cannot be understood is no policy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import cache

import cedarpy

from townsquare.model.actor import Actor, Why
from townsquare.model.declaration import EntityType
from townsquare.model.errors import Invalid
from townsquare.trust import purposes as listed
from townsquare.trust import roles as played
from townsquare.trust.cedar import Rules, named
from townsquare.trust.parts import NO_ROOMS, Layout
from townsquare.trust.purposes import Purposes
from townsquare.trust.roles import Role
from townsquare.trust.texts import Texts, builtin, digest

MINUTE = timedelta(minutes=1)
TIMES = frozenset({"now", "minute", "weekday"})  # facts that pass by themselves


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A type as Cedar knows it under a policy."""

    layout: Layout
    known: cedarpy.Entities


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """`closed` says why nobody but rooms and emergency access is let in."""

    types: Mapping[str, EntityType]
    texts: Texts
    hash: str
    purposes: Purposes
    roles: Mapping[str, Role]
    rules: Rules
    pursued: Mapping[str, frozenset[str]]  # purposes by role
    asked: Mapping[str, Asked]  # by type; "" for types of no room
    zone: tzinfo | None = None
    closed: str = ""

    def shut(self, why: str) -> "Policy":
        return replace(self, closed=why)

    def heard(self, actor: Actor, why: Why) -> Why:
        """As much of it as makes a difference. Strangers have no cases and no approvals: else they
        could make us decide anew with every request.
        """
        facts = self.rules.facts if actor.kind != "anyone" else frozenset[str]()
        case = why.case if "case" in facts else ""
        approved_by = why.approved_by if "approvedBy" in facts else frozenset[str]()
        if (case, approved_by) == (why.case, why.approved_by):
            return why
        return Why(why.purpose, case, approved_by)

    @property
    def timed(self) -> bool:
        """Whether it asks what time it is."""
        return not self.rules.facts.isdisjoint(TIMES)

    def lasts(self, actor: Actor, at: datetime) -> datetime | None:
        """Until when its answers of this moment hold; None without end."""
        ends = [actor.until] if actor.until and actor.until > at else []
        if self.timed:
            ends.append(at.replace(second=0, microsecond=0) + MINUTE)
        return min(ends, default=None)


def policy(
    types: Sequence[EntityType], texts: Texts | None = None, zone: tzinfo | None = None
) -> Policy:
    """Raises Invalid where the texts are wrong; they are those of the package if not given."""
    texts = builtin() if texts is None else texts
    read = _read(tuple(sorted(texts.items())))
    by_name = {type.name: type for type in types}
    if strange := read.rules.types.difference(by_name, {""}):
        raise Invalid(f"the policy names the type {min(strange)!r}, which no room declares")
    asked = {type.name: _asked(type, read) for type in (*types, NO_ROOMS)}
    return replace(read, types=by_name, asked=asked, zone=zone)


@cache
def _read(texts: tuple[tuple[str, str], ...]) -> Policy:
    """Without types yet."""
    by_name = dict(texts)
    purposes = listed.purposes(_text(by_name, listed.FILE))
    roles = {role.name: role for role in played.roles(_text(by_name, played.FILE)).role}
    words = {"Role": roles, "Purpose": purposes.names}
    rules = Rules((text for name, text in texts if name.endswith(".cedar")), words)
    pursued = {role: _pursued(rules, role, purposes.names) for role in roles}
    return Policy({}, by_name, digest(by_name), purposes, roles, rules, pursued, {})


def _text(texts: Texts, name: str) -> str:
    if name not in texts:
        raise Invalid(f"the policy lacks the file {name}")
    return texts[name]


def _pursued(rules: Rules, role: str, purposes: Sequence[str]) -> frozenset[str]:
    who, pursue = named("Role", role), named("Action", "pursue")
    asked = [
        {"principal": who, "action": pursue, "resource": named("Purpose", name)}
        for name in purposes
    ]
    answers = zip(purposes, rules.answers(asked, rules.known([])), strict=True)
    return frozenset(name for name, answer in answers if answer.allowed)


def _asked(type: EntityType, read: Policy) -> Asked:
    layout = Layout(type, read.rules.attributes)
    return Asked(layout, read.rules.known(layout.entities(read.roles)))
