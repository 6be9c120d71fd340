"""Clear views as they are begun, seen and ended. Leaving the context ends all that run.

Always holds: none begins without an agreement that names it, and that is used up with it; each is
an entry of the log when it begins and when it ends; at its end everyone is cut off, whatever their
connection does; one that the house did not live to end is ended when it starts again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.entity import Entity, urn
from townsquare.model.errors import Denied, NotFound
from townsquare.trust.policy import require
from townsquare.vision import permit
from townsquare.vision.clear.job import Job
from townsquare.vision.clear.view import (
    ACT,
    CLEAR,
    Sum,
    Wish,
    begun,
    ended,
    require_agreed,
    require_possible,
    sums,
    until_of,
)
from townsquare.vision.clear.window import Window, opened, shut
from townsquare.vision.entities import CAMERA
from townsquare.vision.leases import Approved
from townsquare.vision.wire import Watched

ROOM, OPERATIONS = room("vision"), Why("operations")
RUNNING = parse('status=="running"')


@dataclass(slots=True)
class ClearViews:
    """`watched` gives a camera as a process that sees is given it, with its login."""

    broker: Broker
    cameras: Mapping[str, Camera]
    watched: Callable[[Camera], Watched]
    approved: Approved
    windows: dict[str, Window] = field(default_factory=dict)  # by view
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    ending: set["asyncio.Task[None]"] = field(default_factory=set)

    async def run(self) -> None:
        """As a room: ends what an earlier house left, and never returns."""
        query = Query(types=(CLEAR,), q=RUNNING, limit=MOST)
        for view in (await self.broker.find(query, ROOM, OPERATIONS)).entities:
            if view.id not in self.windows:
                await self._note_end(view)
        await asyncio.Event().wait()

    async def begin(self, camera: Camera, wish: Wish, by: Actor) -> Entity:
        """Raises Denied or Invalid."""
        now = self.broker.clock()
        if refusal := permit.refusal(camera, self.broker.policy.purposes, now.date()):
            raise Denied(f"camera {camera.name!r} shows nothing: {refusal}")
        require_possible(camera, wish)
        why = Why(wish.purpose, wish.case)
        require(self.broker.grant(by.through("vision"), why, "write", CLEAR))
        job = Job(self.watched(camera), wish.minutes * 60)
        subject, detail = urn(CAMERA, camera.name), wish.detail
        agreed = await self.approved(wish.approval, ACT, subject, detail, by)
        require_agreed(agreed)
        view = begun(camera, wish, by.id, agreed, now)
        await self.broker.apply([Change("create", view)], by.through("vision"), why)
        self.windows[view.id] = await opened(job)
        loop = asyncio.get_running_loop()
        self.timers[view.id] = loop.call_later(wish.minutes * 60, self._over, view)
        return view

    async def shown(self, id: str, by: Actor) -> AsyncIterator[bytes]:
        """JPEG pictures until the view ends. Raises NotFound or Denied."""
        view = await self.of(id, by)
        window = self.windows.get(id)
        if window is None or until_of(view) <= self.broker.clock():
            raise Denied("this view is over; another one needs another agreement")
        return window.shown()

    async def end(self, id: str, by: Actor) -> Entity:
        """Before its time, by who looks. Raises NotFound or Denied."""
        view = await self.of(id, by)
        await self._end(view)
        return await self.broker.read(id, ROOM, OPERATIONS)

    async def of(self, id: str, by: Actor) -> Entity:
        """Of who looks, and of nobody else. Raises NotFound or Denied."""
        view = await self.broker.read(id, ROOM, OPERATIONS)
        if CLEAR not in view.types:
            raise NotFound(f"{id} is no clear view")
        if view.value("actor") != by.id:
            raise Denied("this view is somebody else's")
        why = Why(str(view.value("purpose")), str(view.value("case")))
        require(self.broker.grant(by.through("vision"), why, "write", CLEAR))
        return view

    async def sums(self) -> list[Sum]:
        """For everyone: numbers by month and purpose."""
        page = await self.broker.find(Query(types=(CLEAR,), limit=MOST), ROOM, OPERATIONS)
        return sums(page.entities)

    async def __aenter__(self) -> "ClearViews":
        return self

    async def __aexit__(self, *_: object) -> None:
        for id in [*self.windows]:
            await self._end(await self.broker.read(id, ROOM, OPERATIONS))

    def _over(self, view: Entity) -> None:
        task = asyncio.create_task(self._end(view))
        self.ending.add(task)
        task.add_done_callback(self.ending.discard)

    async def _end(self, view: Entity) -> None:
        if timer := self.timers.pop(view.id, None):
            timer.cancel()
        if window := self.windows.pop(view.id, None):
            await shut(window)
            await self._note_end(view)

    async def _note_end(self, view: Entity) -> None:
        change = Change("merge", ended(view, self._now()))
        await self.broker.apply([change], ROOM, Why(str(view.value("purpose"))))

    def _now(self) -> datetime:
        return self.broker.clock()
