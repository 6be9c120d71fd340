"""What is handed out whole through DATA/control.sock: the log of a time, for an auditor; and that
all of the town is exported.

Always holds: that it was handed out, to whom and why, is an entry. Everybody else is told that
there is nothing here; the data-protection officer hands out what was found at /who-looked.
"""

import asyncio
from base64 import b64encode
from datetime import datetime

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.context.broker import Broker
from townsquare.context.ledger import LogSearch, Said
from townsquare.model.actor import Actor, Why
from townsquare.trust import proven
from townsquare.trust.log import Log
from townsquare.web.accounts.ceremony import wished
from townsquare.web.accounts.commands import ADMINISTRATOR
from townsquare.web.extract import extract

# The owner of the machine could read the database unseen; here it is seen.
OWNER = Actor("machine:administrator", "machine", roles=frozenset({"data-protection"}))
WHY = Why("operations")
TOWN, WHOLE = "urn:ngsi-ld:Town:export", "all that the town has, in an export"


class Wish(msgspec.Struct):
    reason: str
    recipient: str
    since: datetime | None = None
    until: datetime | None = None


def routes(broker: Broker, log: Log) -> list[Route]:
    async def export(request: Request) -> Response:
        if request.state.actor != ADMINISTRATOR:
            raise HTTPException(404)
        wish = await wished(request, Wish)
        top = proven.top(log)
        search = LogSearch(since=wish.since, until=wish.until)
        to = [wish.recipient] if wish.recipient else []
        found = await broker.ledger.disclose_all(search, OWNER, WHY, wish.reason, to)
        last = min(found[-1].index, top.size - 1)
        asked = {"recipients": wish.recipient, "first": found[0].index, "last": last}
        archive = await asyncio.to_thread(extract, log, found, asked)
        return JSONResponse({"archive": b64encode(archive).decode(), "entries": len(found)})

    async def leaving(request: Request) -> Response:
        if request.state.actor != ADMINISTRATOR:
            raise HTTPException(404)
        wish = await wished(request, Wish)
        to = (wish.recipient,) if wish.recipient else ()
        await broker.ledger.note(TOWN, "disclosure", OWNER, WHY, Said(WHOLE, wish.reason, to))
        return JSONResponse({})

    return [
        Route("/log/export", export, methods=["POST"]),
        Route("/log/leaving", leaving, methods=["POST"]),
    ]
