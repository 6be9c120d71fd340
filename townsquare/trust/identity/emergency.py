"""Emergency access ("break-glass"): two people of two organisations let one of them in. Pure.

For the night in which the identity provider is down, or nobody agrees to the policy that the town
was started with. Always holds: it is short, it is loud, and nobody opens it alone.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from msgspec import Struct

from townsquare.model.actor import Actor
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, iso, urn
from townsquare.model.rule import Rule
from townsquare.trust.identity.account import Account
from townsquare.trust.identity.organisation import folded

EMERGENCY = "EmergencyAccess"
ROLE = "break-glass"
WAITS = timedelta(minutes=10)  # for the second person
RUNS = timedelta(hours=1)

ALARM = Rule(
    name="emergency-access",
    title="Emergency access is open",
    type=EMERGENCY,
    attribute="active",
    above=1,
    clear_below=0,
    severity="critical",
    consequence="Two people came in past the usual sign-in, with the rights of operators.",
    response="Ask both what for. Disable their accounts if they cannot say.",
    scope="",
)


class Waiting(Struct, frozen=True):
    """The first of the two."""

    id: str
    organisation: str
    until: datetime


def waiting(first: Account, now: datetime) -> Waiting:
    return Waiting(first.id, first.organisation, now + WAITS)


def joins(second: Account, first: Waiting | None, now: datetime) -> bool:
    """Whether these are two people who may open it together."""
    if first is None or now >= first.until:
        return False
    return first.id != second.id and folded(first.organisation) != folded(second.organisation)


def actor(second: Account, now: datetime, ends: Iterable[datetime | None]) -> Actor:
    """`ends` are those of the tasks of both."""
    until = min([now + RUNS, *filter(None, ends)])
    return Actor(second.id, "person", second.organisation, frozenset({ROLE}), until=until)


def opened(first: Waiting, second: Account, now: datetime) -> Change:
    attributes = {
        "active": (Attribute(1, observed_at=now),),
        "openedBy": (Attribute([first.id, second.id], kind="Relationship"),),
        "organisations": (Attribute([first.organisation, second.organisation]),),
        "openedAt": (Attribute(iso(now)),),
        "validUntil": (Attribute(iso(now + RUNS)),),
    }
    return Change("create", Entity(urn(EMERGENCY, uuid4().hex), (EMERGENCY,), attributes))


def closed(id: str, now: datetime) -> Change:
    attributes = {
        "active": (Attribute(0, observed_at=now),),
        "closedAt": (Attribute(iso(now)),),
    }
    return Change("merge", Entity(id, (EMERGENCY,), attributes))
