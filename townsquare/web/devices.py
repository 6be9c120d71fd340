"""The page of devices: what waits to be accepted, what is heard, and how it comes in.

Always holds: it shows what who looks may read; only engineers decide, and each decision is an entry
of the log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import msgspec
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.context.query import Order, Path, Query
from townsquare.devices.desk import COLUMNS, MOST_FILE, Desk, Wrong
from townsquare.devices.device import Acceptance
from townsquare.devices.kind import Value
from townsquare.devices.types import DEVICE, OWNER, SOURCE, STATUS
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Entity
from townsquare.model.errors import Invalid
from townsquare.model.texts import later
from townsquare.trust.policy import require
from townsquare.web.control import Control
from townsquare.web.inside import away
from townsquare.web.within import around

PATH = "/control/devices"
WHY = Why("operations")
MOST_SHOWN = 1000
EXAMPLE = "urn:ngsi-ld:WasteContainer:12"
STATES = {
    "undeclared": later("waits"),
    "accepted": later("accepted"),
    "refused": later("refused"),
}


@dataclass(frozen=True, slots=True)
class Heard:
    """How a device, or a way in, is heard."""

    messages: int = 0
    refused: int = 0
    at: datetime | None = None
    why: str = ""
    began: str = ""
    quiet: bool = False
    connected: bool | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """`readings` are what its last message would mean, by kind."""

    id: str
    kept: Entity
    heard: Heard
    readings: Mapping[str, Mapping[str, Value]]

    @property
    def first(self) -> datetime | None:
        at = self.kept.value("dateFirstUsed")
        return datetime.fromisoformat(at) if at else None

    @property
    def best(self) -> str:
        """The kind that reads most of its last message; empty where none does."""
        return max(self.readings, key=lambda name: len(self.readings[name]), default="")

    def of(self, name: str) -> str:
        return str(self.kept.value(name) or "")


@dataclass(frozen=True, slots=True)
class DevicesPage:
    control: Control
    desk: Desk

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.page),
            Route(f"{PATH}/accept", self.accept, methods=["POST"]),
            Route(f"{PATH}/refuse", self.refuse, methods=["POST"]),
            Route(f"{PATH}/file", self.file, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        return away(self.control, request, "devices") or await self._page(request)

    async def accept(self, request: Request) -> Response:
        form = await request.form(max_files=0)
        told = _acceptance(form)
        await self.desk.accept(_text(form, "id"), told, request.state.actor, request.state.why)
        return _back(later("accepted"), told.name or _text(form, "id"))

    async def refuse(self, request: Request) -> Response:
        form = await request.form(max_files=0)
        because = _text(form, "because")
        if len(because) < 3:
            raise Invalid("say why, so that the log has it")
        by, why = request.state.actor, request.state.why
        await self.desk.refuse(_text(form, "id"), because, by, why)
        return _back(later("refused"), _text(form, "id"))

    async def file(self, request: Request) -> Response:
        form = await request.form(max_files=1)
        sent = form.get("file")
        if not isinstance(sent, UploadFile) or (sent.size or 0) > MOST_FILE:
            raise Invalid(f"send a CSV file of {MOST_FILE // 1_000_000} MB at most")
        try:
            text = (await sent.read()).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Invalid("the file is no UTF-8 text; save it as CSV UTF-8") from error
        by, why = request.state.actor, request.state.why
        number, wrong = await self.desk.accept_file(text, by, why)
        if wrong:
            return await self._page(request, wrong, 400)
        return _back(later("accepted"), str(number))

    async def _page(
        self, request: Request, wrong: Sequence[Wrong] = (), status: int = 200
    ) -> Response:
        by: Actor = request.state.actor
        control, broker = self.control, self.control.broker
        require(broker.grant(by, WHY, "read", DEVICE))
        devices = await self._devices(by)
        page = control.pages.page(
            "devices.html",
            waiting=[one for one in devices if one.of("deviceState") == "undeclared"],
            known=[one for one in devices if one.of("deviceState") != "undeclared"],
            sources=await self._sources(by),
            kinds=self.desk.intake.kinds,
            purposes=broker.policy.purposes.purpose,
            states=STATES,
            may=broker.grant(by.through(OWNER), WHY, "write", DEVICE).allowed,
            done=(request.query_params.get("done", ""), request.query_params.get("what", "")),
            wrong=wrong,
            columns=COLUMNS,
            example=EXAMPLE,
            inside=around(broker, by, accounts=control.mode == "login"),
        )
        page.status_code = status
        page.headers["cache-control"] = "no-store"
        return page

    async def _of(self, type: str, by: Actor, order: Sequence[Order] = ()) -> list[Entity]:
        query = Query(types=(type,), order=tuple(order), limit=MOST_SHOWN)
        return (await self.control.broker.find(query, by, WHY)).entities

    async def _devices(self, by: Actor) -> list[Shown]:
        heard = {str(one.value("refDevice")): _heard(one) for one in await self._of(STATUS, by)}
        found = await self._of(DEVICE, by, [Order(Path("name"))])
        return [self._shown(one, heard.get(one.id, Heard())) for one in found]

    def _shown(self, one: Entity, heard: Heard) -> Shown:
        source, address = str(one.value("source")), str(one.value("serialNumber"))
        return Shown(one.id, one, heard, self.desk.readings(source, address))

    async def _sources(self, by: Actor) -> list[tuple[str, Heard]]:
        told = {str(one.value("name")): _heard(one) for one in await self._of(SOURCE, by)}
        names = self.desk.listening.sources
        return [(name, told.get(name, Heard())) for name in sorted(names)]


def _heard(one: Entity) -> Heard:
    at = one.value("dateLastValueReported")
    return Heard(
        int(one.value("messageCount") or 0),
        int(one.value("rejectedCount") or 0),
        datetime.fromisoformat(at) if at else None,
        str(one.value("lastRejection") or ""),
        str(one.value("lastRejectedBytes") or ""),
        bool(one.value("quarantined")),
        one.value("connected"),
    )


def _acceptance(form: FormData) -> Acceptance:
    """Raises Invalid."""
    told = {name: _text(form, name) for name in ("kind", "thing", "owner", "purpose", "name")}
    try:
        longitude, latitude = (float(part) for part in _text(form, "place").split(","))
    except ValueError as error:
        raise Invalid("the place is longitude, latitude, such as 13.405, 52.52") from error
    try:
        return msgspec.convert({**told, "place": (longitude, latitude)}, Acceptance)
    except msgspec.ValidationError as error:
        raise Invalid(f"{error}; a thing is such as {EXAMPLE}") from error


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()


def _back(done: str, what: str) -> Response:
    return RedirectResponse(f"{PATH}?done={quote(done)}&what={quote(what)}", 303)
