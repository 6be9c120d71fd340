"""Procedures as engineers write them: a whole one at a time, each version kept."""

import re

import msgspec
from msgspec import Struct

from townsquare.alerts.incidents.desk import Visitor
from townsquare.alerts.incidents.procedure import Step, checked
from townsquare.alerts.incidents.text import required
from townsquare.alerts.incidents.types import PROCEDURE
from townsquare.context.broker import Broker
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, entity, urn
from townsquare.model.errors import Invalid


class Written(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is the one that was seen; 0 of one that is new."""

    name: str
    steps: tuple[Step, ...]
    version: int | None = None


async def write(broker: Broker, name: str, text: Written, who: Visitor) -> str:
    """Its id. Raises Conflict where somebody else wrote meanwhile, Denied, Invalid."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,80}", name):
        raise Invalid(f"procedure {name[:80]!r}: use up to 80 letters, digits, . _ -")
    steps = msgspec.to_builtins(checked(text.steps))
    made = entity(
        urn(PROCEDURE, name),
        PROCEDURE,
        name=Attribute(required(text.name, "the name of the procedure", 200)),
        steps=Attribute(steps, kind="JsonProperty"),
    )
    change = Change("update", made, if_version=text.version, upsert=True)
    await broker.apply([change], who.by, who.why)
    return made.id
