"""The page of sealed footage: how it is kept, what waits for whom, and asking for it.

Always holds: it shows what who looks may read, and each look is an entry of the log; nothing is
opened here, since the keys are with custodians and with who asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.context.query import Order, Path, Query
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Entity
from townsquare.model.errors import Denied, Invalid, NotFound
from townsquare.model.texts import later
from townsquare.trust.identity.organisation import folded
from townsquare.trust.seal.terms import Terms
from townsquare.vision.entities import CAMERA
from townsquare.vision.sealed import opening
from townsquare.vision.sealed.custody_types import ASKERS, OPENING
from townsquare.vision.sealed.drill_types import DRILL
from townsquare.vision.sealed.opening import Opening, Wish
from townsquare.vision.sealed.openings import Ask, Openings
from townsquare.vision.sealed.types import FOOTAGE, HOLD
from townsquare.web.control import Control
from townsquare.web.within import around

ROLES = frozenset({"custodian", "investigator", "data-protection", "security"})
WHY = Why("operations")
HOURS_SHOWN = 96  # of a camera
MOST_SHOWN = 50
NEWEST = (Order(Path("dateObservedFrom"), descending=True),)
LATEST = (Order(Path("openedAt"), descending=True),)
PATH = "/control/custody"
LOOKS = (
    later("recording"),
    later("sealed"),
    later("gaps"),
    later("held"),
    later("destroyed"),
)
BEGUN = (Order(Path("startedAt"), descending=True),)
DRILLS_SHOWN = 10
KINDS = {
    "recovery": later("trial of all keys"),
    "change": later("change of custodian"),
    "lost": later("lost key"),
    "stolen": later("stolen key"),
}
RESULTS = {
    "running": later("it runs"),
    "passed": later("passed"),
    "partly": later("passed in part"),
    "failed": later("not passed"),
}
ANSWERS = {
    "opened": later("the key works"),
    "false": later("a false answer"),
    "missing": later("no answer"),
}
DONE = {"yes": later("done"), "no": later("not done"), "skipped": later("left out")}
STATUSES = (later("agreed"), later("released"), later("delivered"), later("ended"))


@dataclass(frozen=True, slots=True)
class Hour:
    """`look` is how it is drawn: recording, sealed, gaps, held or destroyed."""

    since: datetime
    look: str
    segments: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one camera, oldest first. `whole` are hours without a gap."""

    title: str
    hours: Sequence[Hour]

    @property
    def whole(self) -> int:
        return sum(hour.look in ("recording", "sealed", "held") for hour in self.hours)


@dataclass(frozen=True, slots=True)
class Drilled:
    """`people` are custodians, by organisation, and what the key of each did."""

    since: datetime
    kind: str
    result: str
    people: Sequence[tuple[str, str]]
    steps: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class CustodyPage:
    control: Control
    openings: Openings
    ask: Ask

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.page),
            Route(PATH, self.wish, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        by: Actor = request.state.actor
        if request.state.session is None:
            return RedirectResponse("/control" if self.control.demo else "/signin", 303)
        self._require(by)
        control, terms = self.control, await self._terms()
        page = control.pages.page(
            "custody.html",
            terms=terms,
            asked=request.query_params.get("asked", ""),
            may_ask=not by.roles.isdisjoint(ASKERS),
            cameras=await self._cameras(by),
            waiting=await self._waiting(by, terms),
            openings=await self._openings(by),
            kept=await self._kept(by),
            drills=await self._drills(by),
            holds=[one for one in await self._of(HOLD, by) if one.value("status") == "running"],
            inside=around(control.broker, by, accounts=control.mode == "login"),
        )
        page.headers["cache-control"] = "no-store"
        return page

    async def wish(self, request: Request) -> Response:
        """Asks custodians to agree. Raises Denied or Invalid."""
        by: Actor = request.state.actor
        self._require(by)
        wish = self._wished(await request.form(max_files=0))
        approval = await self.openings.ask(wish, by, self.ask)
        return RedirectResponse(f"{PATH}?asked={approval.rsplit(':', 1)[-1]}", 303)

    def _require(self, by: Actor) -> None:
        if by.roles.isdisjoint(ROLES):
            titles = self.control.titles(by)
            raise Denied(f"this page is for custodians and investigators; you are here as {titles}")

    def _wished(self, form: FormData) -> Wish:
        """Times are the town's. Raises Invalid."""
        zone = ZoneInfo(self.control.pages.town.timezone)
        try:
            since, until = (
                datetime.fromisoformat(str(form.get(name))).replace(tzinfo=zone)
                for name in ("since", "until")
            )
        except ValueError as error:
            raise Invalid("from and to must be times, such as 2026-11-23T09:00:00") from error
        told = {name: str(form.get(name, "")).strip() for name in ("camera", "case", "key")}
        return Wish(since=since, until=until, emergency="emergency" in form, **told)

    # --- what is shown

    async def _terms(self) -> Terms | None:
        try:
            return await self.openings.in_force()
        except NotFound:
            return None

    async def _of(self, type: str, by: Actor, order: Sequence[Order] = ()) -> list[Entity]:
        """As many as who looks may read; none where that is nothing."""
        broker = self.control.broker
        if not broker.grant(by, WHY, "read", type).allowed:
            return []
        query = Query(types=(type,), order=tuple(order), limit=1000)
        return (await broker.find(query, by, WHY)).entities

    async def _cameras(self, by: Actor) -> list[tuple[str, str]]:
        """Name and title of those that are recorded."""
        query = Query(types=(CAMERA,), limit=1000)
        found = (await self.control.broker.find(query, by, WHY)).entities
        told = [(c.id.rsplit(":", 1)[-1], str(c.value("cameraName"))) for c in found]
        recorded = {c.id.rsplit(":", 1)[-1] for c in found if c.value("recorded")}
        return sorted((one for one in told if one[0] in recorded), key=lambda one: one[1])

    async def _waiting(self, by: Actor, terms: Terms | None) -> list[Opening]:
        """What the client of this custodian has to release."""
        if terms is None or "custodian" not in by.roles:
            return []
        own = folded(by.organisation)
        names = [one.name for one in terms.custodians if folded(one.organisation) == own]
        return [one for name in names for one in await self.openings.waiting_for(name)]

    async def _openings(self, by: Actor) -> list[Opening]:
        found = [e for e in await self._of(OPENING, by, LATEST) if e.value("status") != "refused"]
        return [opening.read(one) for one in found[:MOST_SHOWN]]

    async def _drills(self, by: Actor) -> list[Drilled]:
        found = (await self._of(DRILL, by, BEGUN))[:DRILLS_SHOWN]
        return [_drilled(one, self.control.pages.town.local) for one in found]

    async def _kept(self, by: Actor) -> list[Kept]:
        titles = dict(await self._cameras(by))
        by_camera: dict[str, list[Entity]] = {}
        for one in await self._of(FOOTAGE, by, NEWEST):
            name = str(one.value("refCamera")).rsplit(":", 1)[-1]
            by_camera.setdefault(name, []).append(one)
        local = self.control.pages.town.local
        return [
            Kept(titles.get(name, name), [_hour(one, local) for one in found[:HOURS_SHOWN]][::-1])
            for name, found in sorted(by_camera.items())
        ]


def _hour(one: Entity, local: Callable[[datetime], datetime]) -> Hour:
    since = local(datetime.fromisoformat(one.value("dateObservedFrom")))
    status = str(one.value("status"))
    look = status
    if status != "destroyed" and one.value("gaps"):
        look = "gaps"
    elif one.value("held"):
        look = "held"
    return Hour(since, look, int(one.value("segmentCount") or 0))


def _drilled(one: Entity, local: Callable[[datetime], datetime]) -> Drilled:
    return Drilled(
        local(datetime.fromisoformat(one.value("startedAt"))),
        KINDS[one.value("kind")],
        RESULTS[one.value("result") or "running"],
        [(each["organisation"], ANSWERS[each["answer"]]) for each in one.value("custodians") or ()],
        [
            (each["text"], DONE[each["done"]], each.get("remark", ""))
            for each in one.value("steps") or ()
        ],
    )
