"""What the queue says of an alarm on its entity, in the change that brings it there. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import structs

from townsquare.alerts.alert import FACTS, GONE, brought_back, changed, done, facts, moved, standing
from townsquare.alerts.flood.alarm import Place
from townsquare.alerts.lifecycle import after
from townsquare.context import merge
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, iso, relationship
from townsquare.model.errors import NotFound


def kept(before: Entity | None, change: Change, at: datetime) -> Entity:
    """The alarm after it. Raises Conflict or NotFound."""
    there = merge.changed(before, change, at)
    if there is None:
        raise NotFound(f"{change.entity.id} is gone")
    return there


def placed(change: Change, place: Place) -> Change:
    said = {
        "row": Attribute(place.row),
        "rowSince": Attribute(iso(place.since)),
        "rowBy": Attribute(place.by),
    }
    return _also(change, said)


def described(change: Change, asset: str, *, silences: bool) -> Change:
    """What the queue must know of it that the source alone tells."""
    said = {"asset": relationship(asset), "silences": Attribute(True) if silences else GONE}
    return _also(change, said)


def silenced(present: Entity | None, change: Change, cause: str, at: datetime, why: str) -> Change:
    """It is raised, and put aside by design in the same moment: nobody was called."""
    return _as_well(present, change, "suppress", _aside(cause, at, why), at)


def ended(present: Entity, change: Change, at: datetime) -> Change:
    """Its cause is over, and so there is nothing to be silent about."""
    return _as_well(present, change, "unsuppress", brought_back(None, at, "its cause is over"), at)


def _as_well(
    present: Entity | None,
    change: Change,
    event: Literal["suppress", "unsuppress"],
    said: Mapping[str, Attribute],
    at: datetime,
) -> Change:
    followed = facts(kept(present, change, at))
    then = moved(standing(present), after(followed, event), at)
    others = {n: a for n, a in change.entity.attributes.items() if n not in (*FACTS, "state")}
    bare = structs.replace(change, entity=structs.replace(change.entity, attributes=others))
    return _also(bare, {**then, **said})


def hushed(present: Entity, cause: str, at: datetime, why: str) -> Change:
    """It is in the queue, and what explains it has become known."""
    return changed(present, after(facts(present), "suppress"), _aside(cause, at, why), at)


def handed_on(present: Entity, cause: str, at: datetime, why: str) -> Change:
    """Another alarm explains it now. Raises Conflict where it is not silent any more."""
    after(facts(present), "unsuppress")
    return changed(present, facts(present), _aside(cause, at, why), at)


def released(present: Entity, at: datetime) -> Change:
    then = after(facts(present), "unsuppress")
    over = "what silenced it is over" if facts(present).active else "its cause is over"
    return changed(present, then, brought_back(None, at, over), at)


def _aside(cause: str, at: datetime, why: str) -> dict[str, Attribute]:
    gone = dict.fromkeys(("broughtBackBy", "broughtBackAt", "broughtBackWhy"), GONE)
    shelf = dict.fromkeys(("suppressedUntil", "suppressedOnce"), GONE)
    return done("suppressed", cause, at, why) | gone | shelf


def _also(change: Change, said: Mapping[str, Attribute]) -> Change:
    given = {name: (attribute,) for name, attribute in said.items()}
    attributes = {**change.entity.attributes, **given}
    return structs.replace(change, entity=structs.replace(change.entity, attributes=attributes))
