"""The rules of alarms over HTTP: what holds, each version of it, what it would have raised, and
how engineers change it.

Always holds: what the settings or a room declare is shown beside it, and not changed here; a rule
that would raise too many alarms is kept only when somebody says how many that are.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, structs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from townsquare.alerts import kept_rules
from townsquare.alerts.dryrun.figures import MOST_A_DAY, Figures
from townsquare.alerts.dryrun.run import DryRuns
from townsquare.context.bodies import sent
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.entity import iso, urn
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound
from townsquare.model.rule import Rule
from townsquare.trust.policy import require

LINES = "application/x-ndjson"  # one as far as it has come, and the last one whole
MORE_THAN_SEEN = 1.1  # the town goes on while somebody reads what was found


class Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is the one it was made from, 0 for a rule that is new. `confirmed` is how many
    alarms it would have raised in the dry run that somebody saw and means.
    """

    rule: Any
    version: Annotated[int, Meta(ge=0)] = 0
    confirmed: Annotated[int, Meta(ge=0)] = 0


class Tried(Struct, frozen=True, forbid_unknown_fields=True):
    rule: Any


class TakenAway(Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1)]


@dataclass(frozen=True, slots=True)
class RuleDoors:
    broker: Broker
    declared: Sequence[Rule]
    runs: DryRuns

    def routes(self) -> Iterator[Route]:
        yield Route("/alerts/rules", self._list)
        yield Route("/alerts/rules/{name}", self._keep, methods=["PUT"])
        yield Route("/alerts/rules/{name}/versions", self._versions)
        yield Route("/alerts/rules/{name}/dry-run", self._dry_run, methods=["POST"])
        yield Route("/alerts/rules/{name}/take-away", self._take_away, methods=["POST"])

    async def _list(self, request: Request) -> Response:
        by, why = request.state.actor, request.state.why
        grant = self.broker.grant(by, why, "read", kept_rules.ALARM_RULE)
        if not grant.allowed:
            raise Denied(grant.reason)
        asked = request.query_params.get("offset", "0")
        if not asked.isascii() or not asked.isdigit() or len(asked) > 9:
            raise Invalid(f"offset {asked[:20]!r} is not a number from 0 on")
        query = Query((kept_rules.ALARM_RULE,), limit=MOST, offset=int(asked))
        page = await self.broker.find(query, by, why)
        kept = [
            {
                "rule": one.value("definition"),
                "version": one.version,
                "holds": one.value("holds"),
                "by": one.value("changedBy"),
            }
            for one in page.entities
        ]
        declared = [{"rule": asdict(rule)} for rule in self.declared]
        return JSONResponse({"kept": kept, "declared": declared, "more": page.more})

    async def _versions(self, request: Request) -> Response:
        name = request.path_params["name"]
        told = await kept_rules.versions(self.broker, name, request.state.actor, request.state.why)
        if not told:
            raise NotFound(f"there is no rule {name!r} that an engineer keeps")
        return JSONResponse(
            [{"rule": asdict(v.rule), "holds": v.holds, "by": v.by, "at": iso(v.at)} for v in told]
        )

    async def _keep(self, request: Request) -> Response:
        given = await sent(request, Kept)
        rule = self._rule(request, given.rule)
        by, why = request.state.actor.through("alerts"), request.state.why
        require(self.broker.grant(by, why, "write", kept_rules.ALARM_RULE))
        kept_rules.require_free(rule.name, self.declared)
        if not given.version:
            await kept_rules.require_room(self.broker)
        found = await self.runs.of(rule)
        if not self.broker.grant(request.state.actor, why, "temporal", rule.type).allowed:
            found = structs.replace(found, listed=[], unknown=[])
        require_meant(rule, found, given.confirmed)
        version = await kept_rules.keep(self.broker, rule, given.version, by, why)
        return JSONResponse({"version": version, "dryRun": msgspec.to_builtins(found)})

    async def _dry_run(self, request: Request) -> Response:
        """What it would have raised; changes nothing."""
        rule = self._rule(request, (await sent(request, Tried)).rule)
        by, why = request.state.actor, request.state.why
        acting = by.through("alerts")
        require(self.broker.grant(acting, why, "write", kept_rules.ALARM_RULE))
        require(self.broker.grant(by, why, "temporal", rule.type))
        if LINES in request.headers.get("accept", ""):
            return StreamingResponse(self._lines(rule), media_type=LINES)
        return JSONResponse(msgspec.to_builtins(await self.runs.of(rule)))

    async def _lines(self, rule: Rule) -> AsyncIterator[bytes]:
        async for found in self.runs.steps(rule):
            yield msgspec.json.encode(found) + b"\n"

    def _rule(self, request: Request, given: Any) -> Rule:
        """Raises Invalid."""
        rule = kept_rules.read_rule(given)
        name = request.path_params["name"]
        if rule.name != name:
            raise Invalid(f"the address names rule {name!r}, and the body {rule.name!r}")
        return rule

    async def _take_away(self, request: Request) -> Response:
        """It ends its alarms, and stays readable."""
        given = await sent(request, TakenAway)
        by, why = request.state.actor.through("alerts"), request.state.why
        id = urn(kept_rules.ALARM_RULE, request.path_params["name"])
        kept = await self.broker.read(id, by, why)
        rule = kept_rules.read_rule(kept.value("definition"))
        version = await kept_rules.keep(self.broker, rule, given.version, by, why, holds=False)
        return JSONResponse({"version": version})


class TooManyAlarms(Conflict):
    """`members` are the figures of the dry run, for whoever is asked."""

    def __init__(self, message: str, found: Figures) -> None:
        super().__init__(message)
        self.members = {"dryRun": msgspec.to_builtins(found)}


def require_meant(rule: Rule, found: Figures, confirmed: int) -> None:
    """Raises TooManyAlarms."""
    if not found.too_many or found.alarms <= confirmed * MORE_THAN_SEEN:
        return
    raise TooManyAlarms(
        f"rule {rule.name!r} would have raised {found.alarms} alarms, {found.chattering} of them"
        f" chattering, and {found.busiest} on one day; more than {MOST_A_DAY} a day are too many"
        f" for an operator. If it is meant, send confirmed = {found.alarms}",
        found,
    )
