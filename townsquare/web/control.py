"""The control room: its page, its live connection, and who sits there."""

from collections.abc import Callable, Mapping
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from townsquare import __version__
from townsquare.alerts.alert import ALERT
from townsquare.context.bodies import sent
from townsquare.context.query import Query
from townsquare.model.actor import Actor
from townsquare.model.entity import Json
from townsquare.model.errors import Denied, Invalid
from townsquare.model.texts import found, text
from townsquare.model.town import NOWHERE
from townsquare.web.auth import OPEN, Mode, person, usual
from townsquare.web.languages import languages
from townsquare.web.live import Live
from townsquare.web.lookers import MOST_TABS
from townsquare.web.pages import Pages
from townsquare.web.parting import parted
from townsquare.web.sessions import COOKIE, Sessions
from townsquare.web.within import MAY_ENTER, ways

DEMO_ROLES = ("operator", "engineer", "data-protection", "security", "citizen")

# What the page offers: the room whose command it is, and the type that the command changes.
ACTS = {
    "acknowledge": ("alerts", "Alert"),
    "evaluate": ("vision", "CameraEvaluation"),
    "calibrate": ("vision", "CameraLayout"),
    "see clearly": ("vision", "ClearView"),
}
AT_FOOTAGE = frozenset({"custodian", "investigator"})
Offered = Callable[[Actor], Mapping[str, str]]  # purposes of previews, and how they are got


class Looking(Struct, frozen=True, forbid_unknown_fields=True):
    """`seat` is what the live connection named first; `alarms` are ids."""

    seat: str
    alarms: Annotated[list[str], Meta(max_length=MOST_TABS)] = []


class Control:
    def __init__(
        self, live: Live, pages: Pages, sessions: Sessions, mode: Mode, previews: Offered
    ) -> None:
        self.broker = live.broker
        self.live = live
        self.pages = pages
        self.sessions = sessions
        self.mode = mode
        self.previews = previews
        self.demo = mode == "demo"

    def routes(self) -> list[Route]:
        return [
            Route("/control", self.page),
            Route("/control/events", self.events),
            Route("/control/looking", self.looking, methods=["POST"]),
            Route("/session/end", self.sign_out, methods=["POST"]),
            *([Route("/session/role", self.switch, methods=["POST"])] if self.demo else []),
        ]

    async def page(self, request: Request) -> Response:
        session = request.state.session
        if session is None and self.demo:
            operator = person("operator", self.pages.town.name)
            response = RedirectResponse("/control", 303)
            self.sessions.start(operator, response)
            return response
        if session is None and self.mode == "login":
            return RedirectResponse("/signin", 303)
        actor = session.actor if session else OPEN
        if actor.roles.isdisjoint(MAY_ENTER):
            if "administrator" in actor.roles:
                return RedirectResponse("/accounts", 303)
            if not actor.roles.isdisjoint(AT_FOOTAGE):
                return RedirectResponse("/control/custody", 303)
            return self.pages.page(
                "error.html",
                403,
                title=text("The control room is not open to this role"),
                detail=text(
                    "You are here as {roles}; the start page is for everyone.",
                    roles=", ".join(found(self.title(role)) for role in sorted(actor.roles)),
                ),
                status=403,
                session=self.described(actor),
            )
        scripts = self.pages.scripts("control")
        page = self.pages.page("control.html", session=self.described(actor), scripts=scripts)
        page.headers["cache-control"] = "no-store"
        return page

    def described(self, actor: Actor) -> dict[str, Json]:
        town = self.pages.town
        accounts = self.mode == "login"
        roles = (
            [{"name": r, "title": found(self.title(r))} for r in DEMO_ROLES] if self.demo else []
        )
        return {
            "role": min(actor.roles),
            "account": accounts and actor.kind == "person",
            "pages": [
                {"path": way.path, "title": text(way.title)}
                for way in ways(self.broker, actor, accounts=accounts)
            ],
            "may": [act for act, (room, type) in ACTS.items() if self._may(actor, room, type)],
            "previews": dict(self.previews(actor)),
            "roles": roles,
            "languages": [{"tag": one.tag, "name": one.name} for one in languages().values()],
            "demo": self.demo,
            "town": {
                "name": town.name,
                "timezone": town.timezone,
                "centre": None if town.centre == NOWHERE else [town.centre.lon, town.centre.lat],
                "zoom": town.zoom,
            },
            "version": __version__,
        }

    def title(self, role: str) -> str:
        return self.broker.policy.roles[role].title

    def titles(self, actor: Actor) -> str:
        return " and ".join(self.title(role) for role in sorted(actor.roles))

    def _may(self, actor: Actor, room: str, type: str) -> bool:
        return self.broker.grant(actor.through(room), usual(actor), "write", type).allowed

    async def events(self, request: Request) -> Response:
        actor = request.state.actor
        if actor.roles.isdisjoint(MAY_ENTER):
            raise Denied("the live connection is for the control room; sign in at /control")
        last_id = request.headers.get("last-event-id", "")
        stream = self.live.events(actor, request.state.why, request.state.session, last_id)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    async def looking(self, request: Request) -> Response:
        """Which alarms are selected in this browser; of those that may be seen from there."""
        actor, wish = request.state.actor, await sent(request, Looking)
        if actor.roles.isdisjoint(MAY_ENTER):
            raise Denied("who looks at an alarm is for the control room; sign in at /control")
        asked = Query(types=(ALERT,), ids=tuple(wish.alarms))
        seen = (
            await self.broker.ids(asked, actor, request.state.why, MOST_TABS) if asked.ids else []
        )
        self.live.lookers.look(wish.seat, actor.id, seen)
        return Response(status_code=204)

    async def sign_out(self, request: Request) -> Response:
        self.sessions.end(request.cookies.get(COOKIE, ""))
        to = "/signin" if self.mode == "login" else "/"
        return parted(self.pages, request.state.session, to)

    async def switch(self, request: Request) -> Response:
        """The demo's visitor looks at the same town in another role."""
        role = str((await request.form(max_files=0)).get("role", ""))
        if role not in DEMO_ROLES:
            raise Invalid(f"role {role!r} is none of {', '.join(DEMO_ROLES)}")
        self.sessions.end(request.cookies.get(COOKIE, ""))
        response = RedirectResponse("/control", 303)
        self.sessions.start(person(role, self.pages.town.name), response)
        return response
