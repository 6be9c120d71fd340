"""Ends footage when its time is over: destroys the key of its hour, and then removes the files.

Always holds: no hour can be opened for longer than the narrowest of the terms that it was recorded
under and those in force, nor for longer than 30 days, whatever anybody wrote; a clock that is set
back keeps nothing; each end is an entry of the log, with the key that was destroyed and why.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Order, Path, Query
from townsquare.model.actor import Why, room
from townsquare.model.change import Change
from townsquare.model.entity import Entity, iso
from townsquare.trust.seal.terms import CEILING_HOURS, USUAL_HOURS
from townsquare.vision.sealed import footage
from townsquare.vision.sealed.agreed import Agreed
from townsquare.vision.sealed.holds import Holds
from townsquare.vision.sealed.hour_keys import HourKeys
from townsquare.vision.sealed.hours import camera_and_hour, ended, footage_id
from townsquare.vision.sealed.shelf import Shelf
from townsquare.vision.sealed.types import FOOTAGE, OWNER

ROOM, WHY = room(OWNER), Why("operations")
EVERY_S = 30.0
LEFT = parse('status!="destroyed"')
SHOWN = timedelta(days=90)  # after its end; the log goes on to say what there was
SWEPT_AT_ONCE = 200
OLDEST = (Order(Path("dateObservedFrom")),)
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Retention:
    """`passed` is the time that has come, whatever the machine's clock says now."""

    broker: Broker
    shelf: Shelf
    keys: HourKeys
    agreed: Agreed
    holds: Holds
    passed: Callable[[], datetime]
    freed: Callable[[int], None] = lambda _: None  # bytes of footage that went

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self.step()
            await asyncio.sleep(EVERY_S)

    async def step(self) -> None:
        now = self.passed()
        await self._sweep(now)
        await self.holds.sweep(now)
        there = await asyncio.to_thread(self._there)
        for hour in sorted(there | await self._told()):
            if ended(hour) + timedelta(hours=1) <= now:
                kept = await self._of(hour)
                if ended(hour) + await self._lasts(kept, now) <= now:
                    await self._end(hour, kept, now)

    async def _sweep(self, now: datetime) -> None:
        """What ended long ago, and no hold is on."""
        over = parse(f'status=="destroyed";destroyedAt<="{iso(now - SHOWN)}";held==0')
        asked = Query(types=(FOOTAGE,), q=over, limit=SWEPT_AT_ONCE)
        if ended := (await self.broker.find(asked, ROOM, WHY)).entities:
            await self.broker.apply(
                [Change("delete", Entity(one.id, ())) for one in ended], ROOM, WHY
            )

    async def _told(self) -> set[str]:
        """Hours of which something is written, and be it that nothing was recorded; the oldest."""
        asked = Query(types=(FOOTAGE,), q=LEFT, order=OLDEST, limit=MOST)
        found = (await self.broker.find(asked, ROOM, WHY)).entities
        return {camera_and_hour(one.id)[1] for one in found}

    def _there(self) -> set[str]:
        """Hours of which there is a key, or anything to read."""
        shelved = {hour for camera in self.shelf.cameras() for hour in self.shelf.hours(camera)}
        return shelved | set(self.keys.hours())

    async def _of(self, hour: str) -> list[Entity]:
        """What is written of it, of all cameras, and not destroyed."""
        pattern = f"^{footage_id('.+', hour)}$"
        asked = Query(types=(FOOTAGE,), pattern=pattern, q=LEFT, limit=MOST)
        return (await self.broker.find(asked, ROOM, WHY)).entities

    async def _lasts(self, kept: list[Entity], now: datetime) -> timedelta:
        hashes = {str(one.value("termsHash") or "") for one in kept}
        under = [await self.agreed.under(hash) for hash in hashes if hash]
        spans = [one.kept(now.date()) for one in (*under, self.agreed.now) if one]
        usual = timedelta(hours=USUAL_HOURS)
        return min([*spans, timedelta(hours=CEILING_HOURS)] if spans else [usual])

    async def _end(self, hour: str, kept: list[Entity], now: datetime) -> None:
        """The key first: whatever fails after it, nobody opens this hour any more."""
        await asyncio.to_thread(self.keys.destroy, hour)
        receipts = []
        for one in kept:
            camera, _ = camera_and_hour(one.id)
            told = {
                "status": "destroyed",
                "destroyedAt": iso(now),
                "reason": "its time is over",
                "held": len(await asyncio.to_thread(self.holds.on, camera, hour)),
            }
            receipts.append(footage.merged(one.id, camera, told))
        if receipts:
            await self.broker.apply(receipts, ROOM, WHY)
        for camera in await asyncio.to_thread(self.shelf.cameras):
            self.freed(await asyncio.to_thread(self._remove, camera, hour))

    def _remove(self, camera: str, hour: str) -> int:
        """Bytes that went."""
        before = self.shelf.size(camera, hour)
        self.shelf.remove(camera, hour, frozenset(self.holds.on(camera, hour)))
        return before - self.shelf.size(camera, hour)
