"""What operators can do with an alarm over HTTP."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.alerts import alert
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Entity
from townsquare.model.errors import Conflict, NotFound


def routes(broker: Broker) -> list[Route]:
    async def acknowledge(request: Request) -> Response:
        by = request.state.actor.through("alerts")
        state = await acknowledged(broker, request.path_params["id"], by, request.state.why)
        return JSONResponse({"state": state})

    return [Route("/alerts/{id:path}/acknowledge", acknowledge, methods=["POST"])]


async def acknowledged(broker: Broker, id: str, by: Actor, why: Why) -> str:
    """The alarm's state then. Raises NotFound, Denied, or Conflict with who was first."""
    while True:
        present = await broker.read(id, by, why)
        if alert.ALERT not in present.types:
            raise NotFound(f"{id} is not an alarm")
        try:
            change = alert.acknowledged(present, by, broker.clock())
        except Conflict as refused:
            raise Conflict(f"{_title(present)}: {refused}{_who(present)}") from refused
        try:
            await broker.apply([change], by, why)
        except Conflict:
            continue  # its cause ended, or another operator was faster: look again
        return str(change.entity.value("state"))


def _title(present: Entity) -> str:
    return f"Alarm {present.value('name') or present.id}"


def _who(present: Entity) -> str:
    if not present.value("acknowledgedBy"):
        return ""
    by, at = present.value("acknowledgedBy"), present.value("acknowledgedAt")
    return f" (acknowledged by {by} at {at})"
