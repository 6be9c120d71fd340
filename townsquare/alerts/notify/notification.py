"""A call to somebody as an entity: what is written of it, and how it is read again. Pure.

Always holds: its id follows from whom it calls, how, and which steps it makes, so the same call is
never written twice; and it says nothing that an alarm does not say, but a contact's name.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from townsquare.alerts.notify.escalation import Due
from townsquare.alerts.notify.types import NOTIFICATION
from townsquare.alerts.notify.ways import Kind
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, entity, iso, relationship, urn

State = Literal["queued", "sent", "failed", "givenUp"]
UNDER_WAY: tuple[State, ...] = ("queued", "failed")  # what failed is tried again


@dataclass(frozen=True, slots=True)
class Calling:
    """`calls` are keys of the steps that it makes, one for each of `alarms`; a test makes none."""

    contact: str
    channel: Kind | Literal[""]
    alarms: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    step: int = 0
    rota: str = ""
    tries: int = 0
    state: State = "queued"
    queued_at: datetime | None = None
    test: bool = False
    id: str = ""


def calling(contact: str, channel: Kind | Literal[""], dues: Sequence[Due]) -> Calling:
    """What is due to one person, on one way. An alarm that is due twice is told once."""
    keys = tuple(sorted(due.key for due in dues))
    alarms = tuple(sorted({due.alert for due in dues}))
    latest = max(dues, key=lambda due: due.step)
    rota = latest.rotation.partition("+")[0]
    id = named(contact, channel, *keys)
    return Calling(contact, channel, alarms, keys, latest.step, rota, id=id)


def named(*parts: str) -> str:
    return urn(NOTIFICATION, hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32])


def queued(one: Calling, at: datetime, asked_by: str = "") -> Change:
    """Written before anything is sent, so that nothing is forgotten."""
    return _written(one, at, "queued", asked_by=asked_by)


def vain(one: Calling, at: datetime, why: str) -> Change:
    """Nobody can be told; that it was tried is kept all the same."""
    return _written(one, at, "givenUp", why)


def _written(
    one: Calling, at: datetime, state: State, answer: str = "", asked_by: str = ""
) -> Change:
    told = entity(
        one.id,
        NOTIFICATION,
        contact=Attribute(one.contact),
        channel=Attribute(one.channel) if one.channel else None,
        alarm=Attribute(list(one.alarms), kind="Relationship") if one.alarms else None,
        calls=Attribute(list(one.calls)) if one.calls else None,
        step=Attribute(one.step) if one.calls else None,
        rota=Attribute(one.rota) if one.rota else None,
        state=Attribute(state),
        tries=Attribute(0),
        answer=Attribute(answer) if answer else None,
        endedAt=Attribute(iso(at)) if state == "givenUp" else None,
        queuedAt=Attribute(iso(at)),
        test=Attribute(True) if one.test else None,
        askedBy=relationship(asked_by) if asked_by else None,
    )
    return Change("create", told)


def became(one: Calling, state: State, answer: str, at: datetime) -> Change:
    told = entity(
        one.id,
        NOTIFICATION,
        state=Attribute(state, observed_at=at),
        tries=Attribute(one.tries),
        answer=Attribute(answer),
        endedAt=None if state in UNDER_WAY else Attribute(iso(at)),
    )
    return Change("merge", told)


def read(told: Entity) -> Calling:
    at = told.value("queuedAt")
    return Calling(
        str(told.value("contact") or ""),
        cast("Kind", told.value("channel") or ""),
        _texts(told.value("alarm")),
        _texts(told.value("calls")),
        int(told.value("step") or 0),
        str(told.value("rota") or ""),
        int(told.value("tries") or 0),
        cast("State", told.value("state")),
        datetime.fromisoformat(at) if at else None,
        bool(told.value("test")),
        told.id,
    )


def _texts(value: object) -> tuple[str, ...]:
    """A Relationship or list of one is kept as a single value."""
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list | tuple) else (str(value),)
