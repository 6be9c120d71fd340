"""What is written of each hour of each camera: what lies on the shelf, and what is missing.

Always holds: an hour that was begun is closed, also after a restart; so is one in which the town
did not run, as a gap.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from townsquare.context.broker import Broker
from townsquare.context.query import Order, Path, Query
from townsquare.model.actor import Why, room
from townsquare.model.change import Change
from townsquare.model.entity import Entity
from townsquare.model.errors import NotFound
from townsquare.trust.seal.listing import Line
from townsquare.vision.sealed import footage
from townsquare.vision.sealed.agreed import Agreed
from townsquare.vision.sealed.footage import Span, Status
from townsquare.vision.sealed.hour_keys import HourKeys
from townsquare.vision.sealed.hours import (
    HOUR,
    began,
    camera_and_hour,
    ended,
    footage_id,
    hour_of,
)
from townsquare.vision.sealed.recorded import Lack, Lost
from townsquare.vision.sealed.shelf import Shelf
from townsquare.vision.sealed.types import FOOTAGE, OWNER

ROOM, WHY = room(OWNER), Why("operations")
UNWRITTEN = timedelta(seconds=45)  # the longest that a segment is still being recorded, and sealed
MOST_MISSED = timedelta(hours=72)  # in which the town did not run, and each hour is told
NEWEST = (Order(Path("dateObservedFrom"), descending=True),)


@dataclass(slots=True)
class Books:
    broker: Broker
    shelf: Shelf
    keys: HourKeys
    agreed: Agreed
    since: dict[str, datetime] = field(default_factory=dict)  # when each camera's record begins
    open_hours: dict[str, str] = field(default_factory=dict)  # that is written now, by camera
    heard: dict[str, list[Lost]] = field(default_factory=dict)
    stopped: dict[str, Lost] = field(default_factory=dict)

    async def open(self, cameras: list[str]) -> None:
        """Mends the shelf, and writes what the town missed."""
        now = self.broker.clock()
        for camera in cameras:
            await self._reopen(camera, now)
        for camera in self.shelf.cameras():
            if camera not in cameras:
                await self._close_left(camera)

    async def _reopen(self, camera: str, now: datetime) -> None:
        self.heard[camera] = []
        await self._mend(camera, now)
        last = await self._newest(camera)
        self.since[camera] = self._began(camera, last, now)
        self.open_hours[camera] = hour_of(self.since[camera])
        if last is not None:
            self.heard[camera] += footage.lost_of(last, camera)
        await self.seal(now)

    async def _mend(self, camera: str, now: datetime) -> None:
        for hour in self.shelf.hours(camera)[-2:]:
            for file in await asyncio.to_thread(self.shelf.mend, camera, hour):
                at = datetime.fromtimestamp(int(file.split("-")[0]), now.tzinfo)
                self.lose(Lost(camera, at, at + UNWRITTEN, "damaged"))

    def _began(self, camera: str, last: Entity | None, now: datetime) -> datetime:
        """Where the record of this camera goes on: what was written last, or else lies there."""
        if last is not None:
            _, hour = camera_and_hour(last.id)
            told = datetime.fromisoformat(last.value("dateObservedFrom"))
            at = told if last.value("status") == "recording" else ended(hour)
            return min(max(at, now - MOST_MISSED), now)
        lines = [self.shelf.lines(camera, hour) for hour in self.shelf.hours(camera)]
        return next((one[0].since for one in lines if one), now)

    async def _close_left(self, camera: str) -> None:
        """Of a camera that is not recorded any more."""
        last = await self._newest(camera)
        if last is not None and last.value("status") == "recording":
            _, hour = camera_and_hour(last.id)
            await asyncio.to_thread(self.shelf.mend, camera, hour)
            span = footage.span_of(last, camera, hour)
            await self._write(span, "sealed")

    async def _newest(self, camera: str) -> Entity | None:
        pattern = f"^{footage_id(camera, '')}"
        asked = Query(types=(FOOTAGE,), pattern=pattern, order=NEWEST, limit=1)
        found = (await self.broker.find(asked, ROOM, WHY)).entities
        return found[0] if found else None

    # --- what is heard

    def lose(self, lost: Lost) -> None:
        self.heard.setdefault(lost.camera, []).append(lost)

    def stop(self, camera: str, why: Lack, at: datetime) -> None:
        self.stopped[camera] = Lost(camera, at, at, why)

    def go_on(self, at: datetime) -> None:
        for camera, lost in self.stopped.items():
            self.lose(Lost(camera, lost.since, at, lost.why))
        self.stopped.clear()

    # --- what is written

    async def tell(self, now: datetime) -> None:
        """The hours that are recorded."""
        for camera, hour in self.open_hours.items():
            span = Span(camera, hour, self._begins(camera, hour), now - UNWRITTEN)
            if span.until > span.since:
                await self._write(span, "recording")

    async def settle(self) -> None:
        """What lies on the shelf at this moment, of the hours that are recorded."""
        for camera, hour in self.open_hours.items():
            if lines := await asyncio.to_thread(self.shelf.lines, camera, hour):
                until = max(line.until for line in lines)
                await self._write(
                    Span(camera, hour, self._begins(camera, hour), until), "recording"
                )

    async def seal(self, now: datetime) -> None:
        """The hours that are over, and all of whose segments are written."""
        for camera, hour in [*self.open_hours.items()]:
            while ended(hour) + UNWRITTEN <= now:
                span = Span(camera, hour, self._begins(camera, hour), ended(hour))
                await self._write(span, "sealed")
                self.heard[camera] = [one for one in self.heard[camera] if one.until > span.until]
                # A clock that jumped ahead must not fill the log with hours that never were.
                hour = max(hour_of(ended(hour)), hour_of(now - MOST_MISSED))
                self.open_hours[camera] = hour

    def _begins(self, camera: str, hour: str) -> datetime:
        return max(began(hour), self.since[camera])

    async def _write(self, span: Span, status: Status) -> None:
        lines, before = await asyncio.to_thread(self._lines, span)
        heard = [*self.heard.get(span.camera, ()), *self._still(span)]
        missing = footage.gaps([*before, *lines], span, heard)
        more = {} if await self._known(span) else self._once(span.hour)
        await self._apply(footage.hour(span, lines, missing, status, **more))

    def _still(self, span: Span) -> list[Lost]:
        found = self.stopped.get(span.camera)
        return [Lost(span.camera, found.since, span.until, found.why)] if found else []

    def _lines(self, span: Span) -> tuple[list[Line], list[Line]]:
        """Of this hour; and the last of the hour before, which may reach into it."""
        before = self.shelf.lines(span.camera, hour_of(began(span.hour) - HOUR))
        return self.shelf.lines(span.camera, span.hour), before[-1:]

    async def _known(self, span: Span) -> bool:
        try:
            await self.broker.read(footage_id(span.camera, span.hour), ROOM, WHY)
        except NotFound:
            return False
        return True

    def _once(self, hour: str) -> dict[str, str]:
        """The terms under which it is recorded stay what they were when it began."""
        terms = self.agreed.now
        key = self.keys.public(hour).thumbprint if self.keys.has(hour) else ""
        return {"termsHash": terms.hash if terms else "", "keyThumbprint": key}

    async def _apply(self, *changes: Change) -> None:
        await self.broker.apply(changes, ROOM, WHY)
