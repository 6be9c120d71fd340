"""A grant: what somebody may do with entities of a type, as queries can keep to it. Pure.

Always holds: what a grant hides is absent: it cannot be read, filtered by, counted or subscribed
to.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import msgspec

from townsquare.model.entity import Entity
from townsquare.model.errors import Denied

Act = Literal["read", "temporal", "watch", "write"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What is visible. `attributes` None means all but `hidden`; the same for `scopes`.

    `areas` are scopes that an entity must be in or below; None: anywhere.
    """

    allowed: bool
    reason: str = ""
    attributes: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    not_scopes: frozenset[str] = frozenset()
    finest: timedelta | None = None  # time step of history
    areas: frozenset[str] | None = None

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
        if self.areas is not None and not _inside(scope, self.areas):
            return False
        return self.not_scopes.isdisjoint(scope)


def _inside(scope: Collection[str], areas: Collection[str]) -> bool:
    return any(f"{one}/".startswith(f"{area}/") for one in scope for area in areas)


def visible(entity: Entity, grant: Grant) -> Entity | None:
    """What the grant shows of an entity; None where it shows nothing."""
    if not grant.allowed or not grant.admits(entity.scope):
        return None
    if not grant.hides:
        return entity
    shown = {name: a for name, a in entity.attributes.items() if grant.shows(name)}
    return dated(msgspec.structs.replace(entity, attributes=shown), grant)


def dated(entity: Entity, grant: Grant) -> Entity:
    """As if it had been modified when what the grant shows of it was: else it would tell when what
    is hidden changed.
    """
    if not grant.hides or entity.modified_at is None:
        return entity
    shown = (one for name, one in entity.attributes.items() if grant.shows(name))
    times = [a.modified_at for instances in shown for a in instances if a.modified_at]
    modified = max((t for t in (*times, entity.created_at) if t), default=None)
    return msgspec.structs.replace(entity, modified_at=modified)


def require(grant: Grant) -> Grant:
    """Raises Denied with the reason."""
    if not grant.allowed:
        raise Denied(grant.reason)
    return grant
