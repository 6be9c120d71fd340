"""The rotas over HTTP: a week of them with its gaps, and how they are changed.

Always holds: times of day are those of the town's clocks, in and out; a change names the version it
was made from, and one that does not fit to contacts and chains is refused with its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated

from msgspec import Meta, Struct, structs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.alerts.notify import rotas
from townsquare.alerts.notify.hours import DAY, instant
from townsquare.alerts.notify.settings import Turns
from townsquare.alerts.notify.staff import Staff, with_rotas
from townsquare.alerts.notify.types import ROTA
from townsquare.alerts.notify.week import ahead, watches
from townsquare.context.bodies import sent
from townsquare.context.broker import Broker
from townsquare.model.entity import Entity, Json, iso, urn
from townsquare.model.errors import Invalid
from townsquare.trust.policy import require

WEEK = 7
MOST_PEOPLE, MOST_OVERRIDES = 50, 200


class Instead(Struct, frozen=True, forbid_unknown_fields=True):
    """On the town's clocks, such as 2027-01-31T08:00. `person` "" is nobody."""

    person: str
    since: str
    until: str


class Written(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is the one that was seen; 0 of one that only the settings have, or nobody."""

    people: Annotated[list[str], Meta(min_length=1, max_length=MOST_PEOPLE)]
    begins: date
    handover: str = "08:00"
    days: int = 7
    hours: Annotated[str, Meta(max_length=400)] = ""
    override: Annotated[list[Instead], Meta(max_length=MOST_OVERRIDES)] = []
    version: Annotated[int, Meta(ge=0)] = 0


class Back(Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1)]


@dataclass(frozen=True, slots=True)
class RotaDoors:
    broker: Broker
    staff: Staff

    def routes(self) -> list[Route]:
        return [
            Route("/notify/rotas", self.week),
            Route("/notify/rotas/{name}", self.write, methods=["PUT"]),
            Route("/notify/rotas/{name}/as-in-settings", self.back, methods=["POST"]),
        ]

    async def week(self, request: Request) -> Response:
        """`week` is any day of it; without one it is this week."""
        by, why, broker = request.state.actor, request.state.why, self.broker
        require(broker.grant(by, why, "read", ROTA))
        kept = {str(one.value("name")): one for one in await rotas.follow(broker, self.staff)}
        monday = _monday(request.query_params.get("week", "") or str(self._today()))
        days = [instant(monday + n * DAY, time(0), self.staff.zone) for n in range(WEEK + 1)]
        return JSONResponse(
            {
                "days": [iso(at) for at in days],
                "week": str(monday),
                "before": str(monday - WEEK * DAY),
                "after": str(monday + WEEK * DAY),
                "today": str(self._today()),
                "rotas": [
                    self._told(one, kept.get(one.name), days) for one in self.staff.settings.rota
                ],
                "gaps": ahead(self.staff.rota, broker.clock()),
                "contacts": [contact.name for contact in self.staff.settings.contact],
                "changes": broker.grant(by.through("alerts"), why, "write", ROTA).allowed,
            }
        )

    async def write(self, request: Request) -> Response:
        wish, name = await sent(request, Written), request.path_params["name"]
        by, why = request.state.actor.through("alerts"), request.state.why
        require(self.broker.grant(by, why, "write", ROTA))
        kept = await rotas.follow(self.broker, self.staff)
        one = rotas.read({"name": name, **self._said(wish)})
        others = [rota for rota in self.staff.settings.rota if rota.name != name]
        with_rotas(self.staff.declared, [*others, one])
        ended = [e.version for e in kept if e.value("name") == name and not e.value("holds")]
        over = ended[0] if ended else 0
        version = await rotas.keep(self.broker, one, wish.version or over, by, why)
        await rotas.follow(self.broker, self.staff)
        return JSONResponse({"version": version})

    async def back(self, request: Request) -> Response:
        """What the settings say holds again, or nothing where they have no such rota."""
        wish, name = await sent(request, Back), request.path_params["name"]
        by, why = request.state.actor.through("alerts"), request.state.why
        kept = await self.broker.read(urn(ROTA, name), by, why)
        one = rotas.read(kept.value("definition"))
        version = await rotas.keep(self.broker, one, wish.version, by, why, holds=False)
        await rotas.follow(self.broker, self.staff)
        return JSONResponse({"version": version})

    def _today(self) -> date:
        return self.broker.clock().astimezone(self.staff.zone).date()

    def _said(self, wish: Written) -> Mapping[str, Json]:
        overrides = [
            {
                "person": one.person,
                "since": self._moment(f"override[{n}].since", one.since),
                "until": self._moment(f"override[{n}].until", one.until),
            }
            for n, one in enumerate(wish.override)
        ]
        told = structs.asdict(wish)
        del told["version"]
        return {**told, "begins": str(wish.begins), "override": overrides}

    def _moment(self, place: str, text: str) -> str:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise Invalid(
                f"{place} {text[:40]!r} is no moment; give such as 2027-01-31T08:00"
            ) from None
        return iso(at if at.tzinfo else instant(at.date(), at.time(), self.staff.zone))

    def _told(self, one: Turns, kept: Entity | None, days: list[datetime]) -> Json:
        """`kept` where people changed it, be it back to the settings."""
        clock = [
            {"person": o.person, "since": self._clock(o.since), "until": self._clock(o.until)}
            for o in one.override
        ]
        found = watches(self.staff.rota, one.name, days[0], days[-1])
        return {
            **rotas.told(one),
            "override": clock,
            "version": kept.version if kept else 0,
            "kept": bool(kept and kept.value("holds")),
            "by": kept.value("changedBy") if kept else None,
            "watches": [
                {"person": w.person, "kind": w.kind, "since": iso(w.since), "until": iso(w.until)}
                for w in found
            ],
        }

    def _clock(self, at: datetime) -> str:
        return at.astimezone(self.staff.zone).replace(tzinfo=None).isoformat(timespec="minutes")


def _monday(text: str) -> date:
    """Raises Invalid."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"week {text[:40]!r} is no day; give such as 2027-01-04") from None
    if not 1970 < day.year < 2999:
        raise Invalid(f"week {day} is not between 1971 and 2998; give such as 2027-01-04")
    return day - timedelta(days=day.weekday())
