"""Devices over HTTP: what is pushed, and how engineers decide about them."""

from base64 import b64decode
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.context.bodies import content, sent
from townsquare.devices.desk import COLUMNS, MOST_FILE, Desk
from townsquare.devices.device import Acceptance
from townsquare.devices.intake import Message
from townsquare.devices.kind import Unreadable
from townsquare.devices.settings import Settings
from townsquare.devices.uplink import MOST_BYTES
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import Invalid, NotFound
from townsquare.trust.policy import require

PUSHED = "DeviceMessage"  # a type of no room: who connects devices may send it
SHOWN = (
    *("name", "deviceState", "source", "serialNumber", "deviceKind", "controlledAsset", "owner"),
    *("purpose", "location", "dateFirstUsed", "acceptedBy", "acceptedAt", "refusedWhy"),
)


class Because(Struct, frozen=True, forbid_unknown_fields=True):
    because: Annotated[str, Meta(min_length=3, max_length=400)]


class Trial(Struct, frozen=True, forbid_unknown_fields=True):
    """`payload` is in `form`: hex, base64, or the JSON of a device as text."""

    kind: str
    payload: Annotated[str, Meta(max_length=MOST_BYTES)]
    form: str = "hex"
    port: Annotated[int, Meta(ge=0, le=255)] = 0


@dataclass(frozen=True, slots=True)
class DeviceDoors:
    desk: Desk
    settings: Settings

    def routes(self) -> list[Route]:
        return [
            Route("/devices/kinds", self.kinds),
            Route("/devices/trial", self.trial, methods=["POST"]),
            Route("/devices/file", self.file, methods=["POST"]),
            Route("/devices/push/{source}", self.pushed, methods=["POST"]),
            Route("/devices/push/{source}/{address}", self.pushed, methods=["POST"]),
            Route("/devices/{id}/accept", self.accept, methods=["POST"]),
            Route("/devices/{id}/refuse", self.refuse, methods=["POST"]),
        ]

    async def kinds(self, _: Request) -> Response:
        found = self.desk.intake.kinds.values()
        return JSONResponse(
            [
                {
                    "name": kind.name,
                    "title": kind.title,
                    "source": kind.source,
                    "gives": [
                        {"name": o.name, "unit": o.unit, "least": o.least, "most": o.most}
                        for o in kind.gives
                    ],
                }
                for kind in found
            ]
        )

    async def trial(self, request: Request) -> Response:
        """What a kind makes of a payload; nothing is kept."""
        self._require_connects(request)
        asked = await sent(request, Trial)
        kind = self.desk.intake.kinds.get(asked.kind)
        if kind is None:
            raise Invalid(f"kind {asked.kind[:80]!r} is unknown; see /devices/kinds")
        try:
            return JSONResponse({"values": kind.read(_payload(asked), asked.port)})
        except Unreadable as error:
            return JSONResponse({"refused": str(error)})

    async def pushed(self, request: Request) -> Response:
        """One message, of the device that the path or the message names."""
        self._require_connects(request)
        name = request.path_params["source"]
        way = next((one for one in self.settings.push if one.name == name), None)
        if way is None:
            raise NotFound(f"{name[:60]!r} is no way in; write it as [[devices.push]]")
        if request.query_params.get("event", "up") != "up":
            return Response(status_code=204)  # what a network says of itself
        body = await content(request, MOST_BYTES)
        await self.desk.listening.ready.wait()
        topic = request.path_params.get("address", "")
        taken = await self.desk.intake.take([Message(name, way.form, topic, body)])
        if taken.refused:
            raise Invalid(taken.refused[0])
        return Response(status_code=204)

    async def accept(self, request: Request) -> Response:
        told = await sent(request, Acceptance)
        by, why = request.state.actor, request.state.why
        found = await self.desk.accept(request.path_params["id"], told, by, why)
        return JSONResponse(shown(found))

    async def refuse(self, request: Request) -> Response:
        told = await sent(request, Because)
        by, why = request.state.actor, request.state.why
        found = await self.desk.refuse(request.path_params["id"], told.because, by, why)
        return JSONResponse(shown(found))

    async def file(self, request: Request) -> Response:
        """A CSV of devices: all are accepted, or none and each wrong line is told."""
        try:
            text = (await content(request, MOST_FILE)).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Invalid(f"the file is no UTF-8 text; it begins {','.join(COLUMNS)}") from error
        by, why = request.state.actor, request.state.why
        number, wrong = await self.desk.accept_file(text, by, why)
        told = {"accepted": number, "wrong": [msgspec.to_builtins(one) for one in wrong]}
        return JSONResponse(told, 400 if wrong else 200)

    def _require_connects(self, request: Request) -> None:
        by, why = request.state.actor, request.state.why
        require(self.desk.broker.grant(by, why, "write", PUSHED))


def shown(kept: Entity) -> dict[str, Json]:
    told = {name: kept.value(name) for name in SHOWN}
    return {"id": kept.id, **{name: value for name, value in told.items() if value is not None}}


def _payload(asked: Trial) -> bytes:
    """Raises Invalid."""
    try:
        if asked.form == "hex":
            return bytes.fromhex(asked.payload)
        if asked.form == "base64":
            return b64decode(asked.payload, validate=True)
    except ValueError as error:
        raise Invalid(f"payload is not {asked.form}: {error}") from error
    if asked.form != "text":
        raise Invalid("form is hex, base64 or text")
    return asked.payload.encode()
