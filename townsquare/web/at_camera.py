"""Pages of one camera: to draw what it counts, to count that by hand, and to see it as it is.

Always holds: a page opens for who may use its commands; it holds no picture and no count itself,
both are asked for with the rights of who looks.
"""

from dataclasses import dataclass
from typing import get_args

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from townsquare.model.actor import Actor
from townsquare.model.camera import Camera, RoadUser
from townsquare.model.entity import Json, urn
from townsquare.model.errors import Denied, NotFound
from townsquare.vision.entities import CAMERA
from townsquare.vision.error import MOTORISED
from townsquare.vision.layout import drawn
from townsquare.vision.layouts import Layouts
from townsquare.web.auth import OPEN, usual
from townsquare.web.control import Control
from townsquare.web.within import around

FOR = {"evaluate": "engineers", "calibrate": "engineers", "see clearly": "operators"}


@dataclass(frozen=True, slots=True)
class AtCamera:
    control: Control
    layouts: Layouts

    def routes(self) -> list[Route]:
        return [
            Route("/control/cameras/{name}/evaluation", self.evaluation),
            Route("/control/cameras/{name}/calibration", self.calibration),
            Route("/control/cameras/{name}/clear", self.clear),
        ]

    async def evaluation(self, request: Request) -> Response:
        return await self._page(request, "evaluation.html", "evaluate")

    async def calibration(self, request: Request) -> Response:
        return await self._page(request, "calibration.html", "calibrate")

    async def clear(self, request: Request) -> Response:
        return await self._page(request, "clear.html", "see clearly")

    async def _page(self, request: Request, template: str, act: str) -> Response:
        """Raises NotFound, and Denied for who may not do what it is for."""
        control, session = self.control, request.state.session
        if session is None and control.mode != "open":
            return RedirectResponse("/control" if control.demo else "/signin", 303)
        by = session.actor if session else OPEN
        described = control.described(by)
        if act not in described["may"]:
            raise Denied(f"this page is for {FOR[act]}, and you are here as {control.titles(by)}")
        camera = self._named(request.path_params["name"])
        page = control.pages.page(
            template,
            camera=camera,
            session={**described, "camera": await self._described(camera, by)},
            inside=around(control.broker, by, accounts=control.mode == "login"),
        )
        page.headers["cache-control"] = "no-store"
        return page

    def _named(self, name: str) -> Camera:
        if name not in self.layouts.now:
            raise NotFound(f"there is no camera {name!r}; townsquare.toml names them")
        return self.layouts.now[name]

    async def _described(self, camera: Camera, by: Actor) -> Json:
        why = usual(by)
        kept = await self.control.broker.read(urn(CAMERA, camera.name), by, why)
        laid = await self.layouts.kept(camera.name)
        classes = [one for one in get_args(RoadUser) if one in camera.classes]
        motorised = [one for one in classes if one in MOTORISED]
        return {
            "id": kept.id,
            "name": camera.name,
            "title": camera.title,
            "purpose": list(camera.purposes),
            "sample": camera.sample,
            "countsOnly": camera.counts_only,
            "maskCount": len(camera.masks),
            "size": kept.value("pictureSize"),
            "lines": kept.value("lines"),
            "holds": laid.value("holds") if laid else "settings",
            "version": laid.version if laid else 0,
            "layout": msgspec.to_builtins(drawn(camera)),
            "classes": classes,
            "groups": [*classes, "vehicle"] if motorised else classes,
        }
