"""What operators can do with an alarm over HTTP.

Always holds: a command is done to the alarm as it was read, or refused with who was first.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, structs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.alerts import alert, commands
from townsquare.alerts.commands import LONGEST_REASON, Deed, Shelf
from townsquare.context.bodies import sent
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.entity import Entity
from townsquare.model.errors import Conflict, NotFound


class Said(Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] = ""


class Acknowledge(Said, frozen=True):
    """`occurrence` is the `count` of the alarm that was looked at."""

    occurrence: int | None = None

    def change(self, alert: Entity, deed: Deed) -> Change:
        return commands.acknowledged(alert, deed, self.occurrence)


class Reset(Said, frozen=True):
    def change(self, alert: Entity, deed: Deed) -> Change:
        return commands.reset(alert, deed)


class Shelve(Said, frozen=True):
    """Without `until` for a shift; `once` ends it with the alarm's cause, if that is sooner."""

    until: Annotated[datetime, Meta(tz=True)] | None = None
    once: bool = False

    def change(self, alert: Entity, deed: Deed) -> Change:
        return commands.shelved(alert, deed, Shelf(self.until, self.once))


class Unshelve(Said, frozen=True):
    def change(self, alert: Entity, deed: Deed) -> Change:
        return commands.unshelved(alert, deed)


class TakeOut(Said, frozen=True):
    def change(self, alert: Entity, deed: Deed) -> Change:
        return commands.taken_out(alert, deed)


class Return(Said, frozen=True):
    def change(self, alert: Entity, deed: Deed) -> Change:
        return commands.returned(alert, deed)


Command = Acknowledge | Reset | Shelve | Unshelve | TakeOut | Return
COMMANDS: Mapping[str, type[Command]] = {
    "acknowledge": Acknowledge,
    "reset": Reset,
    "shelve": Shelve,
    "unshelve": Unshelve,
    "take-out-of-service": TakeOut,
    "return-to-service": Return,
}
# What somebody did before, as a refusal tells it.
WORDS: Mapping[str, str] = {
    "suppressed": "put aside",
    "acknowledged": "acknowledged",
    "reset": "reset",
    "broughtBack": "brought back",
}
BEFORE: Mapping[type[Command], str] = {Acknowledge: "acknowledged", Reset: "reset"}


def routes(broker: Broker) -> list[Route]:
    def door(name: str, kind: type[Command]) -> Route:
        async def asked(request: Request) -> Response:
            command = await sent(request, kind)
            by = request.state.actor.through("alerts")
            state = await commanded(
                broker, request.path_params["id"], command, by, request.state.why
            )
            return JSONResponse({"state": state})

        return Route(f"/alerts/{{id:path}}/{name}", asked, methods=["POST"])

    return [door(name, kind) for name, kind in COMMANDS.items()]


async def commanded(broker: Broker, id: str, command: Command, by: Actor, why: Why) -> str:
    """The alarm's state then. Raises Invalid, NotFound, Denied, or Conflict with who was first."""
    while True:
        present = await broker.read(id, by, why)
        if alert.ALERT not in present.types:
            raise NotFound(f"{id} is not an alarm")
        if isinstance(command, Acknowledge) and command.occurrence is None:
            command = structs.replace(command, occurrence=int(present.value("count") or 0))
        try:
            change = command.change(present, Deed(by, broker.clock(), command.reason))
        except Conflict as refused:
            raise Conflict(f"{_title(present)}: {refused}{_first(present, command)}") from refused
        try:
            await broker.apply([change], by, why)
        except Conflict:
            continue  # its cause ended, or another operator was faster: look again
        return str(change.entity.value("state") or present.value("state"))


def _title(present: Entity) -> str:
    return f"Alarm {present.value('name') or present.id}"


def _first(present: Entity, command: Command) -> str:
    aside = alert.facts(present).suppression != "none"
    deed = "suppressed" if aside else BEFORE.get(type(command), "broughtBack")
    by, at = present.value(f"{deed}By"), present.value(f"{deed}At")
    return f" ({WORDS[deed]} by {by} at {at})" if by else ""
