"""Connecting cameras over HTTP, for engineers.

Always holds: a login goes in and never comes out.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from townsquare.context.bodies import content, sent
from townsquare.context.broker import Broker
from townsquare.model.camera import Transport
from townsquare.model.entity import Entity
from townsquare.model.errors import Invalid
from townsquare.vision.joining import file
from townsquare.vision.joining.registrations import (
    Login,
    Registrations,
    name_of,
    state,
    told,
)
from townsquare.vision.joining.trials import Trial, Trials
from townsquare.vision.layouts import Layouts
from townsquare.vision.workers import Workers

Text = Annotated[str, Meta(max_length=1000)]


class Try(Struct, frozen=True, forbid_unknown_fields=True):
    url: Text
    transport: Transport = "tcp"
    login: Login | None = None


class Declared(Struct, frozen=True, forbid_unknown_fields=True):
    """`trial` is one of this person, whose login is taken over."""

    name: Annotated[str, Meta(max_length=60)]
    declared: dict[str, Any]
    login: Login | None = None
    trial: str = ""


class Changed(Struct, frozen=True, forbid_unknown_fields=True):
    declared: dict[str, Any]
    version: int
    login: Login | None = None
    trial: str = ""


class Version(Struct, frozen=True, forbid_unknown_fields=True):
    version: int


class Removed(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    because: Annotated[str, Meta(min_length=3, max_length=400)]


@asynccontextmanager
async def joined(
    broker: Broker, layouts: Layouts, data: Path, workers: Workers
) -> AsyncIterator["JoiningDoors"]:
    """`workers` are for trials only; those that run end with this."""
    registrations = Registrations(broker, layouts, frozenset(layouts.set), data)
    await registrations.load()
    async with workers:
        trials = Trials(broker, workers)
        try:
            yield JoiningDoors(registrations, trials)
        finally:
            await trials.close()


@dataclass(frozen=True, slots=True)
class JoiningDoors:
    registrations: Registrations
    trials: Trials

    def routes(self) -> list[Route]:
        one = "/cameras/registrations/{name}"
        return [
            Route("/cameras/registrations", self.listed),
            Route("/cameras/registrations", self.draft, methods=["POST"]),
            Route(one, self.shown),
            Route(one, self.change, methods=["PUT"]),
            Route(f"{one}/live", self.live, methods=["POST"]),
            Route(f"{one}/remove", self.remove, methods=["POST"]),
            Route("/cameras/file", self.file, methods=["POST"]),
            Route("/cameras/trial", self.begin, methods=["POST"]),
            Route("/cameras/trial/{id}", self.tried),
            Route("/cameras/trial/{id}", self.end, methods=["DELETE"]),
            Route("/cameras/trial/{id}/picture", self.picture),
        ]

    async def listed(self, request: Request) -> Response:
        self._require(request)
        kept = self.registrations.kept.values()
        return JSONResponse([self.told(one) for one in kept if state(one) != "removed"])

    async def shown(self, request: Request) -> Response:
        self._require(request)
        return JSONResponse(self.told(self.registrations.of(request.path_params["name"])))

    def told(self, kept: Entity) -> Mapping[str, Any]:
        try:
            lacks = self.registrations.lacks(kept) if state(kept) != "removed" else []
        except Invalid as error:
            lacks = [str(error)]
        return {
            "name": name_of(kept),
            "state": state(kept),
            "version": kept.version,
            "declared": told(kept),
            "login": kept.value("hasLogin") is True,
            "lacks": lacks,
        }

    async def draft(self, request: Request) -> Response:
        self._require(request)
        wish, by = await sent(request, Declared), request.state.actor
        login = self._login(wish.login, wish.trial, request)
        kept = await self.registrations.draft(
            wish.name, wish.declared, login, by, request.state.why
        )
        return JSONResponse(self.told(kept), 201)

    async def change(self, request: Request) -> Response:
        self._require(request)
        wish, by, why = await sent(request, Changed), request.state.actor, request.state.why
        login = self._login(wish.login, wish.trial, request)
        kept = await self.registrations.change(
            request.path_params["name"], wish.declared, login, wish.version, by, why
        )
        return JSONResponse(self.told(kept))

    async def live(self, request: Request) -> Response:
        wish, by, why = await sent(request, Version), request.state.actor, request.state.why
        name = request.path_params["name"]
        return JSONResponse(self.told(await self.registrations.live(name, wish.version, by, why)))

    async def remove(self, request: Request) -> Response:
        wish, by, why = await sent(request, Removed), request.state.actor, request.state.why
        name = request.path_params["name"]
        kept = await self.registrations.remove(name, wish.version, wish.because, by, why)
        return JSONResponse(self.told(kept))

    async def file(self, request: Request) -> Response:
        """A CSV of cameras: all are declared, or none and each wrong line is told."""
        self._require(request)
        by, why, live = request.state.actor, request.state.why, "live" in request.query_params
        try:
            text = (await content(request, file.MOST_FILE)).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Invalid("the file is no UTF-8 text") from error
        rows, wrong = file.read(
            text, lambda row: self.registrations.wrong(row.name, row.declared, live=live)
        )
        for row in rows if not wrong else ():
            kept = await self.registrations.draft(row.name, row.declared, row.login, by, why)
            if live:
                await self.registrations.live(row.name, kept.version, by, why)
        number = 0 if wrong else len(rows)
        said = {"declared": number, "wrong": [msgspec.to_builtins(one) for one in wrong]}
        return JSONResponse(said, 400 if wrong else 200)

    async def begin(self, request: Request) -> Response:
        self._require(request)
        wish, by, why = await sent(request, Try), request.state.actor, request.state.why
        trial = await self.trials.begin(wish.url, wish.transport, wish.login, by, why)
        return JSONResponse({"trial": trial.id, **self._progress(trial)}, 201)

    async def tried(self, request: Request) -> Response:
        return JSONResponse(self._progress(self._trial(request)))

    async def picture(self, request: Request) -> Response:
        trial = self._trial(request)
        jpeg, headers = self.trials.picture(trial.id), {"Cache-Control": "no-store"}
        if jpeg is None:
            return JSONResponse(self._progress(trial), 202, headers)
        return Response(jpeg, media_type="image/jpeg", headers=headers)

    async def end(self, request: Request) -> Response:
        self._require(request)
        await self.trials.end(request.path_params["id"], request.state.actor)
        return Response(status_code=204)

    def _progress(self, trial: Trial) -> Mapping[str, Any]:
        health, trouble = trial.health, trial.trouble
        return {
            "state": "failed" if trouble else "seeing" if health else "starting",
            "trouble": trouble,
            "size": health.size if health else None,
            "framesPerSecond": health.read_per_s if health else 0,
            "background": self.trials.background(trial.id),
            "ends": trial.ends.isoformat(),
        }

    def _trial(self, request: Request) -> Trial:
        self._require(request)
        return self.trials.of(request.path_params["id"], request.state.actor)

    def _login(self, given: Login | None, trial: str, request: Request) -> Login | None:
        return self.trials.of(trial, request.state.actor).login if trial else given

    def _require(self, request: Request) -> None:
        """Raises Denied."""
        self.registrations.require(request.state.actor, request.state.why)
