"""The load of months and of the last hours, made from the past when somebody asks.

Always holds: it is computed beside the event loop, each report once at a time, and a month that
is over is not computed again for as long as `KEPT` says; nobody can write into one.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from townsquare.alerts.alert import ALERT
from townsquare.alerts.load import months
from townsquare.alerts.load.figures import Load, load
from townsquare.alerts.load.flood import TEN_MINUTES, Span, without
from townsquare.alerts.load.nuisance import Chatter, Fleeting, Often, Stale
from townsquare.alerts.load.period import DAY, HOUR, Period
from townsquare.alerts.load.published import Published, published
from townsquare.alerts.load.reading import Reader
from townsquare.alerts.load.story import Transition, story
from townsquare.alerts.load.timeline import STEP, Rang, Timeline, rang, timeline
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Entity
from townsquare.model.errors import Denied, Invalid
from townsquare.model.town import Town
from townsquare.trust.policy import require

LEAD = HOUR  # a flood that reaches into the time may have begun so long before
KEPT = HOUR  # an alarm may be recorded late, by a device that was cut off
FRESH = timedelta(seconds=5)
LASTS: Mapping[str, timedelta] = {"tenMinutes": TEN_MINUTES, "hour": HOUR, "day": DAY}


@dataclass(slots=True)
class Reports:
    broker: Broker
    town: Town
    _made: dict[str, tuple[datetime, Mapping[str, Load]]] = field(default_factory=dict)
    _making: dict[str, asyncio.Lock] = field(default_factory=dict)
    _first: tuple[datetime, datetime] | None = None  # when that was looked for, and found

    async def month(self, name: str) -> Load:
        """Up to now where it is not over. Raises Invalid for one that has no figures."""
        now = self.broker.clock()
        period = months.month(name, self.town)
        if period.until < now - self.broker.policy.types[ALERT].retention:
            raise Invalid(f"what happened in {name} is not kept any more")
        keep = KEPT if now >= period.until else FRESH
        return (await self._once(name, keep, {"month": months.until(period, now)}))["month"]

    async def last(self) -> Mapping[str, Load]:
        """Of the last ten minutes, hour and day."""
        now = self.broker.clock()
        spans = {name: months.last(length, now, self.town) for name, length in LASTS.items()}
        return await self._once("last", FRESH, spans)

    async def between(self, since: datetime, until: datetime) -> Load:
        """Of any time that is over, such as a shift."""
        return (await self._load({"": months.between(since, until, self.town)}))[""]

    async def timeline(self) -> Timeline:
        """Of the last 24 hours, and of the ten minutes that have begun."""
        now = self.broker.clock()
        steps = DAY // STEP + 1
        since = now - (now - datetime.min.replace(tzinfo=UTC)) % STEP - DAY
        reader, found = Reader(self.broker), Rang()
        async for part in reader.parts(since, now):
            found += await asyncio.to_thread(_rang, part, since)
        known_since, down = await self._known_since(), await reader.down(since)
        return timeline(found, known_since, since, steps, down)

    async def names(self) -> list[str]:
        """Months that are over and known, newest first."""
        now, first = self.broker.clock(), await self._known_since()
        kept = now - self.broker.policy.types[ALERT].retention
        return months.names(max(first, kept), now, self.town) if first else []

    async def _known_since(self) -> datetime | None:
        """It moves once in a while, when the oldest past is not kept any more."""
        now = self.broker.clock()
        if self._first is None or not self._first[0] <= now < self._first[0] + KEPT:
            found = await Reader(self.broker).first()
            self._first = (now, found) if found else None
        return self._first[1] if self._first else None

    async def _once(
        self, name: str, keep: timedelta, periods: Mapping[str, Period]
    ) -> Mapping[str, Load]:
        async with self._making.setdefault(name, asyncio.Lock()):
            now = self.broker.clock()
            at, made = self._made.get(name, (None, {}))
            if at is None or not at <= now < at + keep:
                made = await self._load(periods)
                self._made[name] = (now, made)
            return made

    async def _load(self, periods: Mapping[str, Period]) -> Mapping[str, Load]:
        reader = Reader(self.broker)
        since = min(period.since for period in periods.values())
        until = max(period.until for period in periods.values())
        found = await reader.transitions(since - LEAD, until)
        first = await self._known_since()
        whole = Span(max(first, since), until) if first and first < until else None
        watched = without(whole, await reader.down(since)) if whole else []
        return await asyncio.to_thread(
            lambda: {name: load(period, found, watched) for name, period in periods.items()}
        )

    # --- for whom

    async def public(self, name: str) -> Published:
        """A month that is over, without names and small numbers; it is made here alone."""
        load = await self.month(name)
        if months.month(name, self.town).until > self.broker.clock():
            raise Invalid(f"{name} is not over yet; its figures are published when it is")
        return published(name, load)

    def require(self, by: Actor, why: Why) -> None:
        """Raises Denied for whoever does not see every alarm: a part would be no load."""
        grant = require(self.broker.grant(by, why, "temporal", ALERT))
        whole = grant.areas is None and grant.scopes is None and grant.finest is None
        if not whole or not grant.shows("state") or not grant.shows("severity"):
            raise Denied("the alarm load is of all alarms of the town, and you see a part of them")

    async def named(self, loads: list[Load], by: Actor, why: Why) -> Mapping[str, Entity]:
        """The alarms that they name and `by` may see: to look is an entry of the log."""
        ids = sorted({one.alarm for load in loads for one in _named(load)})
        query = Query((ALERT,), ids=tuple(ids[:MOST]), limit=min(MOST, max(1, len(ids))))
        page = await self.broker.find(query, by, why)
        return {alarm.id: alarm for alarm in page.entities}


def _rang(part: list[Transition], since: datetime) -> Rang:
    return rang(story(part).annunciations, since)


def _named(load: Load) -> list[Often | Chatter | Fleeting | Stale]:
    return [*load.frequent, *load.chattering, *load.fleeting, *load.stale]
