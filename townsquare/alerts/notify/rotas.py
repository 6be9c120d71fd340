"""Rotas that people keep: one entity for each, in place of the settings' rota of its name.

Always holds: what is kept fitted to contacts and chains when it was written; what fits no more,
since the settings were changed, is not applied, and the log of the server says so.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import msgspec

from townsquare.alerts.notify.settings import Turns
from townsquare.alerts.notify.staff import Staff, with_rotas
from townsquare.alerts.notify.types import ROTA
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, entity, iso, relationship, urn
from townsquare.model.errors import Conflict, Invalid

MOST_ROTAS = 50
log = logging.getLogger(__name__)


async def kept(broker: Broker) -> list[Entity]:
    return (await broker.find(Query((ROTA,), limit=MOST), ROOM, WHY)).entities


async def follow(broker: Broker, staff: Staff) -> list[Entity]:
    """The staff has the rotas that hold now; those that are kept."""
    found = await kept(broker)
    staff.hold(_fitting(staff, found))
    return found


def _fitting(staff: Staff, found: list[Entity]) -> list[Turns]:
    fit: list[Turns] = []
    for one in _holding(found):
        try:
            with_rotas(staff.declared, [*fit, one])
        except Invalid as error:
            log.warning("rota %s is kept and not applied; change it: %s", one.name, error)
        else:
            fit.append(one)
    return fit


def _holding(found: list[Entity]) -> Iterator[Turns]:
    for one in found:
        if one.value("holds"):
            yield read(one.value("definition"))


def read(given: Any) -> Turns:
    """From JSON. Raises Invalid with the place."""
    try:
        return msgspec.convert(given, Turns)
    except msgspec.ValidationError as error:
        raise Invalid(f"the rota cannot be read: {error}; such as {EXAMPLE}") from error


EXAMPLE = (
    '{"name": "desk", "people": ["duty-engineer"], "begins": "2027-01-04", "handover": "08:00",'
    ' "days": 7, "hours": "", "override": []}'
)


async def keep(
    broker: Broker, one: Turns, version: int, by: Actor, why: Why, *, holds: bool = True
) -> int:
    """The version it has then. Raises Denied, and Conflict where it was changed meanwhile."""
    if not version and len(await kept(broker)) >= MOST_ROTAS:
        raise Conflict(f"the town keeps {MOST_ROTAS} rotas; change one of them instead")
    said = entity(
        urn(ROTA, one.name),
        ROTA,
        name=Attribute(one.name),
        definition=Attribute(told(one), kind="JsonProperty"),
        holds=Attribute(holds),
        changedBy=relationship(by.id),
    )
    change = Change("replace", said, if_version=version) if version else Change("create", said)
    applied = await broker.apply([change], by, why)
    return applied.versions[said.id]


def told(one: Turns) -> dict[str, Json]:
    overrides = [
        {"person": o.person, "since": iso(o.since), "until": iso(o.until)} for o in one.override
    ]
    return {**asdict(one), "begins": one.begins.isoformat(), "override": overrides}
