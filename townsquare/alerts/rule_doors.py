"""The rules of alarms over HTTP: what holds, each version of it, and how engineers change it.

Always holds: what the settings or a room declare is shown beside it, and not changed here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.alerts import kept_rules
from townsquare.alerts.bodies import sent
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.entity import iso, urn
from townsquare.model.errors import Denied, Invalid, NotFound
from townsquare.model.rule import Rule


class Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is the one it was made from, 0 for a rule that is new."""

    rule: Any
    version: Annotated[int, Meta(ge=0)] = 0


class TakenAway(Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1)]


@dataclass(frozen=True, slots=True)
class RuleDoors:
    broker: Broker
    declared: Sequence[Rule]

    def routes(self) -> Iterator[Route]:
        yield Route("/alerts/rules", self._list)
        yield Route("/alerts/rules/{name}", self._keep, methods=["PUT"])
        yield Route("/alerts/rules/{name}/versions", self._versions)
        yield Route("/alerts/rules/{name}/take-away", self._take_away, methods=["POST"])

    async def _list(self, request: Request) -> Response:
        by, why = request.state.actor, request.state.why
        grant = self.broker.grant(by, why, "read", kept_rules.ALARM_RULE)
        if not grant.allowed:
            raise Denied(grant.reason)
        page = await self.broker.find(Query((kept_rules.ALARM_RULE,), limit=MOST), by, why)
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
        rule = kept_rules.read_rule(given.rule)
        name = request.path_params["name"]
        if rule.name != name:
            raise Invalid(f"the address names rule {name!r}, and the body {rule.name!r}")
        kept_rules.require_free(name, self.declared)
        by = request.state.actor.through("alerts")
        version = await kept_rules.keep(self.broker, rule, given.version, by, request.state.why)
        return JSONResponse({"version": version})

    async def _take_away(self, request: Request) -> Response:
        """It ends its alarms, and stays readable."""
        given = await sent(request, TakenAway)
        by, why = request.state.actor.through("alerts"), request.state.why
        id = urn(kept_rules.ALARM_RULE, request.path_params["name"])
        kept = await self.broker.read(id, by, why)
        rule = kept_rules.read_rule(kept.value("definition"))
        version = await kept_rules.keep(self.broker, rule, given.version, by, why, holds=False)
        return JSONResponse({"version": version})
