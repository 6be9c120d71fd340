"""Transitions of alarms from the past that the broker keeps, page by page.

Always holds: no page is longer than `MOST_READ` instances, so that whoever else waits for the
house is served between two of them; the severity is the one that the alarm had then.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from townsquare.alerts.alert import ALERT
from townsquare.alerts.load.flood import Span
from townsquare.alerts.load.story import Transition
from townsquare.alerts.load.tally import Entered
from townsquare.alerts.load.types import WATCH
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.context.temporal import INSTANT, TemporalQuery, Window
from townsquare.model.entity import Attribute, Entity

MOST_READ = 500
TOGETHER = 5  # alarms: of each so many are read for every page that the answer could need them
BEFORE = 3  # transitions of an alarm before the time: from when it was raised, mostly

SAID = ("severity", "suppressedWhy", "row")
# By attribute and alarm, what was recorded of it when.
Said = Mapping[tuple[str, str], Sequence[tuple[datetime, str]]]


@dataclass(frozen=True, slots=True)
class Reader:
    broker: Broker

    async def transitions(self, since: datetime, until: datetime) -> list[Transition]:
        """In the time, and before it how each alarm came to be as it was then."""
        return [one async for part in self.parts(since, until) for one in part]

    async def parts(self, since: datetime, until: datetime) -> AsyncIterator[list[Transition]]:
        """The same, all of an alarm in one part: a flood of a day is never held as a whole."""
        async for alarms in self._alarms():
            found: list[Transition] = []
            query = Query((ALERT,), ids=tuple(alarm.id for alarm in alarms), limit=len(alarms))
            said = await self._said(query, since)
            before = TemporalQuery(query, ("state",), window=Window(until=since), last=BEFORE)
            within = TemporalQuery(query, ("state",), window=Window(since=since, until=until))
            for ask in (before, within):
                async for page in self._pages(ask):
                    found += transitions(page, said)
            yield found

    async def entered(self, recorded: datetime) -> list[Entered]:
        """What all alarms came into since then, and what each was in before."""
        before = await self._entered(Window("createdAt", until=recorded), last=1)
        return before + await self._entered(Window("createdAt", recorded))

    async def since(self, recorded: datetime, ids: Sequence[str]) -> list[Entered]:
        """What these alarms came into since then."""
        return await self._entered(Window("createdAt", recorded), ids)

    async def _entered(
        self, window: Window, ids: Sequence[str] = (), last: int | None = None
    ) -> list[Entered]:
        found: list[Entered] = []
        async for alarms in self._alarms(ids):
            query = Query((ALERT,), ids=tuple(alarm.id for alarm in alarms), limit=len(alarms))
            async for page in self._pages(
                TemporalQuery(query, ("state",), window=window, last=last)
            ):
                found += _entered(page)
        return found

    async def first(self) -> datetime | None:
        """When the first alarm was raised of which the past is kept."""
        ask = TemporalQuery(Query((ALERT,), limit=MOST), ("state",), most=1)
        found = (await self.broker.chronicle.evolution(ask, ROOM, WHY)).entities
        times = [one.observed_at for a in found for one in a.attributes.get("state", ())]
        return min((at for at in times if at), default=None)

    async def down(self, since: datetime) -> list[Span]:
        """When the house did not run: what ended after that."""
        ask = TemporalQuery(Query((WATCH,)), ("down",), window=Window(since=since))
        found = (await self.broker.chronicle.evolution(ask, ROOM, WHY)).entities
        told = [one.value for watch in found for one in watch.attributes.get("down", ())]
        return sorted(
            Span(datetime.fromisoformat(one["since"]), datetime.fromisoformat(one["until"]))
            for one in told
            if isinstance(one, dict)
        )

    async def _said(self, query: Query, since: datetime) -> Said:
        """A raise says it anew, so that of the time before the last one will do."""
        found: defaultdict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
        before = Window("createdAt", until=since)
        within = Window("createdAt", since=since)
        for window, last in ((before, 1), (within, None)):
            ask = TemporalQuery(query, SAID, window=window, last=last)
            async for page in self._pages(ask):
                for alarm in page:
                    for name, instances in alarm.attributes.items():
                        found[name, alarm.id] += [
                            (one.created_at, str(one.value)) for one in instances if one.created_at
                        ]
        return found

    async def _alarms(self, ids: Sequence[str] = ()) -> AsyncIterator[list[Entity]]:
        offset, more = 0, True
        while more:
            query = Query((ALERT,), ids=tuple(ids), limit=MOST, offset=offset)
            page = await self.broker.find(query, ROOM, WHY)
            for first in range(0, len(page.entities), TOGETHER):
                yield page.entities[first : first + TOGETHER]
            offset, more = offset + MOST, page.more

    async def _pages(self, ask: TemporalQuery) -> AsyncIterator[list[Entity]]:
        """Oldest first; `last` of each is bounded by the number of alarms and comes as a whole."""
        bounded = ask if ask.last else replace(ask, most=MOST_READ)
        while True:
            found = await self.broker.chronicle.evolution(bounded, ROOM, WHY)
            yield found.entities
            if found.part is None or bounded.window is None:
                return
            then = replace(bounded.window, since=found.part.last + INSTANT)
            bounded = replace(bounded, window=then)


def transitions(alarms: Sequence[Entity], said: Said) -> list[Transition]:
    return [
        Transition(at, alarm.id, str(one.value), *(_then(said, name, alarm, one) for name in SAID))
        for alarm in alarms
        for one in alarm.attributes.get("state", ())
        if (at := one.observed_at or one.created_at) and one.deleted_at is None
    ]


def _entered(alarms: Sequence[Entity]) -> list[Entered]:
    return [
        Entered(one.created_at, one.instance_id, alarm.id, str(one.value), at)
        for alarm in alarms
        for one in alarm.attributes.get("state", ())
        if one.created_at
        and one.instance_id
        and not one.deleted_at
        and (at := one.observed_at or one.created_at)
    ]


def _then(said: Said, name: str, alarm: Entity, state: Attribute) -> str:
    """What was recorded last by then; "" where nothing was."""
    known = said.get((name, alarm.id), ())
    if state.created_at is None:
        return ""
    place = bisect_right(known, state.created_at, key=lambda one: one[0])
    return known[place - 1][1] if place else ""
