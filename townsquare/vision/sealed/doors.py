"""Holds and terms of recording over HTTP."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.model.actor import Actor
from townsquare.model.entity import Entity, Json, urn
from townsquare.model.errors import Denied, Invalid
from townsquare.vision.sealed.agreed import Agreed, may_propose
from townsquare.vision.sealed.drill_record import Step
from townsquare.vision.sealed.drills import RECOVERY, Drills
from townsquare.vision.sealed.holds import Holds, Wish
from townsquare.vision.sealed.types import HOLD

# The id of a request for approval of these terms.
AskTerms = Callable[[str, Sequence[str], Actor], Awaitable[str]]
EXAMPLE = (
    '{"camera": "square", "from": "2026-11-23T09:00:00Z", "to": "2026-11-23T09:10:00Z", "party":'
    ' "defence", "case": "12 Js 34/26", "until": "2027-05-01T00:00:00Z"}'
)
DRILL_EXAMPLE = '{"kind": "lost", "steps": [{"text": "Tell the others", "done": "yes"}]}'


class Drilled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A drill to begin, or the record of one that people walked through."""

    kind: str
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class SealedDoors:
    agreed: Agreed
    holds: Holds
    ask_terms: AskTerms
    drills: Drills

    def routes(self) -> list[Route]:
        return [
            Route("/sealed/holds", self.hold, methods=["POST"]),
            Route("/sealed/holds/{id}/end", self.end, methods=["POST"]),
            Route("/sealed/terms", self.propose, methods=["POST"]),
            Route("/sealed/drills", self.all_drills),
            Route("/sealed/drills", self.drill, methods=["POST"]),
            Route("/sealed/drills/{id}/end", self.end_drill, methods=["POST"]),
        ]

    async def hold(self, request: Request) -> Response:
        try:
            wish = msgspec.json.decode(await request.body(), type=Wish)
        except msgspec.DecodeError as error:
            raise Invalid(f"a hold needs a body such as {EXAMPLE}: {error}") from error
        id, approval = await self.holds.ask(wish, request.state.actor)
        return JSONResponse({"hold": id, "approval": approval}, 201)

    async def end(self, request: Request) -> Response:
        id = request.path_params["id"]
        await self.holds.end(id if ":" in id else urn(HOLD, id), request.state.actor)
        return Response(status_code=204)

    async def propose(self, request: Request) -> Response:
        """The terms that stand in the settings, where they wait for approval."""
        by = request.state.actor
        if not may_propose(self.agreed.broker, by, request.state.why):
            raise Denied(
                "terms of recording are proposed by administrators, data protection and security"
            )
        changes = await self.agreed.changes()
        asked = await self.ask_terms(self.agreed.proposed, changes, by)
        return JSONResponse({"terms": self.agreed.proposed, "approval": asked}, 201)

    async def all_drills(self, request: Request) -> Response:
        """Newest first, and how long footage is kept."""
        found = await self.drills.all(request.state.actor)
        terms = await self.drills.in_force()
        return JSONResponse({"drills": [*map(said, found)], "keepHours": terms.keep_hours})

    async def drill(self, request: Request) -> Response:
        try:
            told = msgspec.json.decode(await request.body(), type=Drilled)
        except msgspec.DecodeError as error:
            raise Invalid(f"a drill needs a body such as {DRILL_EXAMPLE}: {error}") from error
        by = request.state.actor
        if told.kind == RECOVERY:
            made = await self.drills.start(by)
        else:
            made = await self.drills.rehearsed(told.kind, told.steps, by)
        return JSONResponse(said(made), 201)

    async def end_drill(self, request: Request) -> Response:
        ended = await self.drills.end(request.path_params["id"], request.state.actor)
        return JSONResponse(said(ended))


def said(drill: Entity) -> dict[str, Json]:
    names = (
        "kind",
        "status",
        "result",
        "startedAt",
        "validUntil",
        "custodians",
        "pairs",
        "shelf",
        "steps",
    )
    told = {name: drill.value(name) for name in names if name in drill.attributes}
    return {"drill": drill.id.rpartition(":")[2], **told}
