"""The facts that the doctor decides from: of a town that runs, and of one that does not."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from townsquare.app import keeping, standing
from townsquare.app.settings import Place, Settings
from townsquare.app.silence import devices, ways
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.entity import Entity
from townsquare.model.errors import TownsquareError
from townsquare.vision.entities import CAMERA, HEALTH
from townsquare.web.doctor.facts import CameraSeen, Clock, Database, Facts, Failing, LogSeen
from townsquare.web.health import WEB, WHY
from townsquare.web.notary import Notary
from townsquare.web.standing import Watcher, watched_by_nobody

FAILED_FOR = timedelta(minutes=10)  # that a room which failed is shown
REFUSED_FOR = timedelta(days=1)
MOST_REFUSED, LONGEST_HOST = 20, 253
DATABASE_S, DEVICES_S, MODELS_S, WAYS_S = 600.0, 300.0, 600.0, 10.0  # between two looks

T = TypeVar("T")


async def known(look: Awaitable[T]) -> T | None:
    """None where it cannot be looked at: one fact that fails does not take the others along."""
    try:
        return await look
    except (TownsquareError, OSError, sqlite3.Error):
        return None


class Seldom(Generic[T]):
    """A look that takes long: begun anew when it is due, and never waited for."""

    def __init__(self, look: Callable[[], Awaitable[T]], every_s: float) -> None:
        self._look, self._every_s = look, every_s
        self._latest: T | None = None
        self._due = 0.0
        self._task: asyncio.Task[T | None] | None = None

    def latest(self) -> T | None:
        loop = asyncio.get_running_loop()
        if self._task and self._task.done():
            self._latest, self._task = self._task.result(), None
            self._due = loop.time() + self._every_s
        if self._task is None and loop.time() >= self._due:
            self._task = loop.create_task(self._begun())
        return self._latest

    async def _begun(self) -> T | None:
        return await known(self._look())


class Noted:
    """What happened lately: which hosts that are not declared were to be called, and which rooms
    ended by an error; each with the last time.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._refused: dict[str, datetime] = {}
        self._failed: dict[str, datetime] = {}

    def refuse(self, host: str) -> None:
        name = host[:LONGEST_HOST]
        self._refused.pop(name, None)
        self._refused[name] = self._clock()
        if len(self._refused) > MOST_REFUSED:
            del self._refused[next(iter(self._refused))]

    def fail(self, room: str) -> None:
        self._failed[room] = self._clock()

    def refused(self) -> Mapping[str, datetime]:
        now = self._clock()
        return {host: at for host, at in self._refused.items() if now - at < REFUSED_FOR}

    def failing(self) -> list[Failing]:
        now = self._clock()
        return [Failing(room, at) for room, at in self._failed.items() if now - at < FAILED_FOR]


@dataclass
class Doctoring:
    """Of the running town."""

    settings: Settings
    place: Place
    notary: Notary
    noted: Noted
    _unsigned: tuple[int, datetime] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.broker: Broker = self.notary.broker
        self._database = Seldom(self._read_through, DATABASE_S)
        self._devices = Seldom(lambda: devices(self.broker), DEVICES_S)
        self._ways = Seldom(lambda: ways(self.broker), WAYS_S)
        self._models = Seldom(
            lambda: asyncio.to_thread(standing.models, self.settings, self.place), MODELS_S
        )

    async def facts(self) -> Facts:
        at = self.broker.clock()
        return Facts(
            at,
            standing.disk(self.settings, self.place),
            self._clock(),
            standing.certificates(self.settings, self.place),
            await known(self._cameras()),
            self._devices.latest(),
            self._ways.latest(),
            self._models.latest(),
            standing.backup(self.place),
            standing.flows(self.settings, self.noted.refused()),
            self._database.latest(),
            await known(self._log(at)),
            self.broker.lags(),
            self.noted.failing(),
        )

    def _clock(self) -> Clock:
        time = self.notary.time
        return Clock(time.off, time.trouble, time.doubt)

    async def _cameras(self) -> list[CameraSeen]:
        sandboxes = {_name(one): one.value("sandbox") or "" for one in await self._all(HEALTH)}
        return [
            CameraSeen(
                str(one.value("cameraName") or _name(one)),
                str(one.value("status")),
                datetime.fromisoformat(one.value("statusSince")),
                sandboxes.get(_name(one), ""),
            )
            for one in await self._all(CAMERA)
        ]

    async def _all(self, type: str) -> list[Entity]:
        return (await self.broker.find(Query(types=(type,), limit=MOST), WEB, WHY)).entities

    async def _read_through(self) -> Database:
        return await keeping.soundness(self.broker.store)

    async def _log(self, at: datetime) -> LogSeen:
        notary, entries = self.notary, await self.broker.store.log_size()
        signed = notary.log.signed.size if notary.log.signed else 0
        if entries <= signed:
            self._unsigned = None
        elif self._unsigned is None or self._unsigned[0] != signed:
            self._unsigned = (signed, at)
        waits = at - self._unsigned[1] if self._unsigned else timedelta()
        last = notary.witnesses.last()
        watchers = tuple(Watcher(name, seen, notary.stale) for name, seen in last.items())
        return LogSeen(notary.trouble, waits, watched_by_nobody(watchers))


def of_a_town_that_is_off(settings: Settings, place: Place) -> Facts:
    return Facts(
        datetime.now(UTC),
        disk=standing.disk(settings, place),
        certificates=standing.certificates(settings, place),
        models=standing.models(settings, place),
        backup=standing.backup(place),
        flows=standing.flows(settings, {}),
        database=keeping.looked_at(settings.store, place.data),
    )


def _name(one: Entity) -> str:
    return one.id.rsplit(":", 1)[-1]
