"""Through DATA/control.sock the owner of this machine looks at its clock and says that it is right.

Always holds: everybody else is told that there is nothing here; what is said is an entry of the
log.
"""

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.context.broker import Broker
from townsquare.model.entity import iso
from townsquare.web.accounts.ceremony import wished
from townsquare.web.accounts.commands import ADMINISTRATOR
from townsquare.web.timekeeper import Timekeeper


class Wish(msgspec.Struct):
    reason: str


def routes(broker: Broker, kept: Timekeeper) -> list[Route]:
    async def show(request: Request) -> Response:
        _require_owner(request)
        return JSONResponse(told(kept))

    async def confirm(request: Request) -> Response:
        _require_owner(request)
        await kept.confirm(broker, ADMINISTRATOR, (await wished(request, Wish)).reason)
        return JSONResponse(told(kept))

    return [
        Route("/commands/clock", show),
        Route("/commands/clock", confirm, methods=["POST"]),
    ]


def _require_owner(request: Request) -> None:
    if request.state.actor != ADMINISTRATOR:
        raise HTTPException(404)


def told(kept: Timekeeper) -> dict[str, str]:
    return {
        "now": iso(kept.now()),
        "sure": iso(kept.sure()),
        "trouble": kept.trouble or kept.doubt,
    }
