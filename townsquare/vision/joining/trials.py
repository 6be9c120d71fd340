"""A camera that is looked at before it is declared: does it answer, and what does it show?

Always holds: nothing that a trial counts is kept; its picture is a preview, drawn on a background
without anybody in it, for who began it; it ends by itself, and the log has that it was.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from townsquare.context.broker import Broker
from townsquare.context.ledger import Said
from townsquare.model.actor import Actor, Why
from townsquare.model.camera import Transport
from townsquare.model.entity import urn
from townsquare.model.errors import Denied, NotFound, TooOften, TownsquareError
from townsquare.vision.address import with_login, without_login
from townsquare.vision.joining.declared import require_remote
from townsquare.vision.joining.registrations import Login
from townsquare.vision.joining.types import REGISTRATION
from townsquare.vision.observation import Health
from townsquare.vision.trouble import HARMLESS, SENTENCES
from townsquare.vision.wire import Watched
from townsquare.vision.workers import Workers

LASTS = timedelta(minutes=10)
MOST_AT_ONCE = 2  # each has a process of its own


@dataclass(slots=True)
class Trial:
    id: str
    url: str
    login: Login | None
    by: str
    ends: datetime
    health: Health | None = None
    ended: str = ""  # why there is no process any more
    task: "asyncio.Task[None] | None" = None

    @property
    def trouble(self) -> str:
        """For engineers: it names the address, and never the login."""
        if self.ended:
            return self.ended
        if self.health is None or self.health.trouble in HARMLESS:
            return ""
        return SENTENCES[self.health.trouble].format(without_login(self.url))


@dataclass(slots=True)
class Trials:
    """`workers` are of trials only. Leaving their context ends all trials."""

    broker: Broker
    workers: Workers
    running: dict[str, Trial] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def begin(
        self, url: str, transport: Transport, login: Login | None, by: Actor, why: Why
    ) -> Trial:
        """Raises Invalid, or TooOften while others are tried."""
        require_remote(url)
        mine = [one for one in self.running.values() if one.by == by.id]
        if len(self.running) - len(mine) >= MOST_AT_ONCE:
            raise TooOften(f"{MOST_AT_ONCE} cameras are tried now; try again when one is done", 60)
        for one in mine:
            await self.end(one.id, by)
        id = f"trial-{next(self.numbers)}"
        trial = Trial(id, url, login, by.id, self.broker.clock() + LASTS)
        said = Said(f"tried the camera at {without_login(url)}")
        await self.broker.ledger.note(urn(REGISTRATION, id), "consultation", by, why, said)
        watched = Watched(
            id,
            with_login(url, login.secret if login else ""),
            ("person", "bicycle", "car", "bus", "truck"),
            (),
            (),
            transport,
        )
        self.running[id] = trial
        self.workers.show(id, trial.ends)
        trial.task = asyncio.create_task(self._watch(trial, watched))
        return trial

    async def _watch(self, trial: Trial, watched: Watched) -> None:
        left_s = (trial.ends - self.broker.clock()).total_seconds()
        try:
            async with asyncio.timeout(left_s):
                async for seen in self.workers.observed([watched]):
                    if isinstance(seen, Health):
                        trial.health = seen
        except TimeoutError:
            self.running.pop(trial.id, None)
        except TownsquareError:
            trial.ended = "the process that looked at it ended; try again"

    def of(self, id: str, by: Actor) -> Trial:
        """Raises Denied or NotFound."""
        trial = self.running.get(id)
        if trial is None:
            raise NotFound("this trial is over; begin another one")
        if trial.by != by.id:
            raise Denied("somebody else tries this camera")
        return trial

    def picture(self, id: str) -> bytes | None:
        """None while the background is not ready."""
        return self.workers.preview(id)

    def background(self, id: str) -> float:
        """Share of it that is ready."""
        return self.workers.backgrounds.get(id, 0.0)

    async def end(self, id: str, by: Actor) -> Trial:
        trial = self.of(id, by)
        self.running.pop(id)
        if trial.task:
            trial.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await trial.task
        return trial

    async def close(self) -> None:
        for trial in [*self.running.values()]:
            if trial.task:
                trial.task.cancel()
        tasks = [trial.task for trial in self.running.values() if trial.task]
        self.running.clear()
        await asyncio.gather(*tasks, return_exceptions=True)
