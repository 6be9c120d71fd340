"""Decide, from data alone, what an actor may do. No I/O, default deny.

The answer is a `Grant`, given once per (actor, purpose, operation, type, policy hash) and then
compiled into queries: nothing is decided per entity. What a grant hides is absent: it cannot be
read, filtered by, counted or subscribed to.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import msgspec

from townsquare.model.actor import Actor, Why
from townsquare.model.declaration import LIVE, PUBLISHED, EntityType
from townsquare.model.entity import Entity
from townsquare.model.errors import Denied
from townsquare.trust.purposes import FILE, purposes
from townsquare.trust.texts import builtin

Act = Literal["read", "temporal", "watch", "write"]

PURPOSES: Mapping[str, str] = purposes(builtin()[FILE]).meant

CONTROL_ROOM = frozenset({"crowd safety", "traffic management", "operations"})


@dataclass(frozen=True, slots=True)
class Role:
    """`live` sees values of this moment; `writes` may write types that no room owns."""

    name: str
    title: str
    purposes: frozenset[str]
    live: bool = False
    writes: bool = False


ROLES: Mapping[str, Role] = {
    role.name: role
    for role in (
        Role("operator", "Operator", CONTROL_ROOM | {"investigation"}, live=True),
        Role("engineer", "Engineer", CONTROL_ROOM | {"integration"}, writes=True),
        Role("data-protection", "Data protection officer", frozenset({"operations"})),
        Role("security", "Security engineer", frozenset({"operations"})),
        Role("integrator", "Integrator", frozenset({"integration"}), writes=True),
        Role("citizen", "Citizen", frozenset({"public information"})),
        Role("room", "Room of the house", frozenset(PURPOSES), live=True),
        # `townsquare run --open`: loopback only, for conformance tests and benches.
        Role("open", "Anyone on this machine", frozenset(PURPOSES), live=True, writes=True),
    )
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What is visible. `attributes` None means all but `hidden`; the same for `scopes`."""

    allowed: bool
    reason: str = ""
    attributes: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    not_scopes: frozenset[str] = frozenset()
    finest: timedelta | None = None  # time step of history

    @property
    def hides(self) -> bool:
        """Whether there may be an attribute that it does not show."""
        return self.attributes is not None or bool(self.hidden)

    def shows(self, attribute: str) -> bool:
        if self.attributes is not None and attribute not in self.attributes:
            return False
        return attribute not in self.hidden

    def admits(self, scope: tuple[str, ...]) -> bool:
        if self.scopes is not None and self.scopes.isdisjoint(scope):
            return False
        return self.not_scopes.isdisjoint(scope)


NOTHING = Grant(allowed=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force. Any change of them changes `hash`."""

    types: Mapping[str, EntityType]
    hash: str = field(default="")


def policy(types: Sequence[EntityType]) -> Policy:
    text = repr(sorted(map(repr, types))) + repr(sorted(map(repr, ROLES.values())))
    return Policy({t.name: t for t in types}, hashlib.sha256(text.encode()).hexdigest())


def decide(rules: Policy, actor: Actor, why: Why, act: Act, type: str) -> Grant:
    """What `actor` may do with entities of `type` for this purpose."""
    if why.purpose not in PURPOSES:
        return Grant(False, f"{why.purpose[:60]!r} is no purpose; known: {', '.join(PURPOSES)}")
    roles = [ROLES[name] for name in actor.roles if name in ROLES]
    fit = [role for role in roles if why.purpose in role.purposes]
    if not fit:
        return Grant(False, f"{actor.id} has no role for the purpose {why.purpose!r}")
    declared = rules.types.get(type)
    if act == "write":
        return _write(declared, actor, fit, type)
    if declared is None:
        return _undeclared(actor, fit, type)
    return _read(declared, fit, act)


def _read(type: EntityType, roles: Sequence[Role], act: Act) -> Grant:
    names = {role.name for role in roles}
    if names & {"room", "open"} or names & type.readers:
        live = any(role.live for role in roles)
        return Grant(
            True, hidden=type.secret, not_scopes=frozenset() if live else frozenset({LIVE})
        )
    if act == "read" and type.published:
        scopes = None if type.published_everywhere else frozenset({PUBLISHED})
        return Grant(True, attributes=type.published, scopes=scopes)
    return Grant(False, f"{type.name} is not open to {', '.join(sorted(names))}")


def _undeclared(actor: Actor, roles: Sequence[Role], type: str) -> Grant:
    if any(role.name != "citizen" for role in roles):
        return Grant(True)
    return Grant(False, f"{actor.id} may not read {type}")


def _write(type: EntityType | None, actor: Actor, roles: Sequence[Role], name: str) -> Grant:
    names = {role.name for role in roles}
    if actor.room:
        return _write_through(type, actor, names, name)
    if type is not None:
        return Grant(
            False, f"{name} belongs to the room {type.owner}: its commands alone change it"
        )
    if any(role.writes for role in roles):
        return Grant(True, not_scopes=frozenset({LIVE, PUBLISHED}))
    return Grant(False, f"{actor.id} may not write {name}")


def _write_through(type: EntityType | None, actor: Actor, roles: set[str], name: str) -> Grant:
    """A room writes what it owns; a person through a room what the room lets them command."""
    person = actor.kind != "room"
    if type is not None and actor.room == type.owner:
        if person and not roles & type.commanders:
            may = ", ".join(ROLES[r].title for r in sorted(type.commanders))
            return Grant(False, f"this is for the role {may}; you are here in another one")
        return Grant(True, not_scopes=frozenset({PUBLISHED}))
    if type is not None and type.published and actor.room == "register" and not person:
        return Grant(True, scopes=frozenset({PUBLISHED}))
    return Grant(False, f"{actor.room} does not own {name} and may not write it")


def visible(entity: Entity, grant: Grant) -> Entity | None:
    """What the grant shows of an entity; None where it shows nothing."""
    if not grant.allowed or not grant.admits(entity.scope):
        return None
    if not grant.hides:
        return entity
    shown = {name: a for name, a in entity.attributes.items() if grant.shows(name)}
    return msgspec.structs.replace(entity, attributes=shown)


def require(grant: Grant) -> Grant:
    """Raises Denied with the reason."""
    if not grant.allowed:
        raise Denied(grant.reason)
    return grant
