"""Keeps the entity that says what the alarms ask of an operator at this moment.

Always holds: it is written when its figures change and not more often than once a second; the
longer the reading takes, the longer it rests, so that a flood of alarms is not made worse by
counting them. Until a first alarm has rung there is none: a new town holds what is put into it.
It says at least once a minute that it listens, so that the next start knows since when nobody did.
"""

import asyncio
from datetime import UTC, datetime, timedelta

from townsquare.alerts.alert import ALERT
from townsquare.alerts.load.months import POSITION
from townsquare.alerts.load.period import HOUR
from townsquare.alerts.load.reading import Reader
from townsquare.alerts.load.tally import Now, Tally
from townsquare.alerts.load.types import ALARM_LOAD, LOAD_ID, WATCH, WATCH_ID
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, entity, iso, urn
from townsquare.model.errors import NotFound

REST_S = 1.0
RESTS = 4  # times as long as the reading took
OVERLAP = timedelta(seconds=5)  # what is being committed may be recorded a little earlier
LONGEST_S = 60.0
BEAT = timedelta(seconds=60)  # that the house says at least that it still listens
DOWN = timedelta(minutes=3)  # without a beat: it did not run
QUIET = Now(0, 0, flood=False)


async def run(broker: Broker) -> None:
    """Never returns."""
    kept = await _kept(broker)
    if kept:
        await _tell_down(broker, kept)
    desk = _Desk(broker, None if kept else QUIET)
    loop = asyncio.get_running_loop()
    with broker.watch(ROOM, WHY, (ALERT,)) as news:
        while not news.closed:
            began = loop.time()
            await desk.look()
            await asyncio.sleep(max(REST_S, RESTS * (loop.time() - began)))
            await news.next(desk.patience_s())


class _Desk:
    def __init__(self, broker: Broker, told: Now | None) -> None:
        self.broker = broker
        self.tally = Tally()
        self._seq: int | None = None
        self._read_until = datetime.min
        self._told = told
        self._beat = datetime.min.replace(tzinfo=UTC)

    def patience_s(self) -> float:
        left = self.tally.left(self.broker.clock())
        return LONGEST_S if left is None else min(LONGEST_S, left.total_seconds())

    async def look(self) -> None:
        at, seq = self.broker.clock(), await self.broker.last_seq()
        reader = Reader(self.broker)
        changed = None if self._seq is None else await self.broker.changed_since(self._seq)
        if changed is None:
            self.tally = Tally()
            self.tally.read(await reader.entered(at - 2 * HOUR))
        elif ids := [id for id in changed if id.startswith(urn(ALERT, ""))]:
            self.tally.read(await reader.since(self._read_until - OVERLAP, ids))
        self.tally.settle(at - OVERLAP)
        self._seq, self._read_until = seq, at
        await self._tell(self.tally.now(at), at)

    async def _tell(self, now: Now, at: datetime) -> None:
        if now == self._told and (now == QUIET or at - self._beat < BEAT):
            return
        await self.broker.apply([_change(now, at)], ROOM, WHY)
        self._told, self._beat = now, at


async def _kept(broker: Broker) -> Entity | None:
    try:
        return await broker.read(LOAD_ID, ROOM, WHY)
    except NotFound:
        return None


async def _tell_down(broker: Broker, kept: Entity) -> None:
    """From the last beat until now nobody listened, where that is long ago."""
    at, beat = broker.clock(), kept.value("watchedUntil")
    if not beat or at - datetime.fromisoformat(str(beat)) < DOWN:
        return
    down = Attribute({"since": beat, "until": iso(at)}, kind="JsonProperty", observed_at=at)
    change = Change("merge", entity(WATCH_ID, WATCH, down=down), upsert=True)
    await broker.apply([change], ROOM, WHY)


def _change(now: Now, at: datetime) -> Change:
    told = entity(
        LOAD_ID,
        ALARM_LOAD,
        position=Attribute(POSITION),
        tenMinutes=Attribute(now.ten_minutes, observed_at=at),
        hour=Attribute(now.hour, observed_at=at),
        flood=Attribute(now.flood, observed_at=at),
        watchedUntil=Attribute(iso(at)),
    )
    return Change("merge", told, upsert=True)
