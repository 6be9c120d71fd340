"""Calls people about alarms that nobody acknowledges.

Always holds: what is due follows from the alarms and from the calls as they are kept, so a room
that was killed goes on where it was: it makes no call twice that it has kept, and forgets none.
Where there is no rota it does nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from townsquare.alerts.alert import ALERT
from townsquare.alerts.notify import notification, rotas
from townsquare.alerts.notify.browsers import Browsers
from townsquare.alerts.notify.courier import Courier
from townsquare.alerts.notify.delivery import WAITS_S, Delivery
from townsquare.alerts.notify.escalation import Call, Due, call
from townsquare.alerts.notify.health import Health
from townsquare.alerts.notify.notification import UNDER_WAY, Calling
from townsquare.alerts.notify.paging import whole
from townsquare.alerts.notify.staff import Staff
from townsquare.alerts.notify.types import KEPT, NOTIFICATION, ROTA
from townsquare.alerts.notify.unanswered import marked
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Query
from townsquare.model.change import Change, Changed
from townsquare.model.entity import Entity, iso

REST_S = 0.1  # in which what comes in a flood is gathered
LOOK_S = 0.25  # at the clock while somebody waits for an answer
SWEEP_S = 3600.0
AT_ONCE = 50
MOST_ALARMS = 100  # that one message is about
# What comes sooner after a message to the same person waits for the next one.
GAPS_S = {"critical": 10.0}
GAP_S = 60.0
NO_WAY = "every way to call them fails"
WAITS = parse('state=="UNACK"')
OPEN = parse("state==" + ",".join(f'"{state}"' for state in UNDER_WAY))


async def run(
    broker: Broker, staff: Staff, courier: Courier, waits_s: Sequence[float] = WAITS_S
) -> None:
    """Never returns."""
    health = Health(broker, staff)
    delivery = Delivery(broker, staff, courier, health, waits_s)
    with broker.watch(ROOM, WHY, (ALERT, NOTIFICATION, ROTA)) as news:
        async with asyncio.TaskGroup() as under_way:
            desk = Desk(broker, staff, health)
            started: set[str] = set()

            def deliver(callings: Iterable[Calling]) -> None:
                for one in callings:
                    if one.id not in started:
                        started.add(one.id)
                        under_way.create_task(delivery.deliver(one, desk.wanted))

            await rotas.follow(broker, staff)
            await health.open()
            deliver(await desk.open())
            under_way.create_task(_sweep(broker, courier.browsers, started))
            while not news.closed:
                changed = await news.next(desk.patience_s())
                while changed:
                    if ROTA in changed.subject.types:
                        await rotas.follow(broker, staff)
                        desk.begin_anew()
                    deliver(desk.see(changed))
                    changed = await news.next(0.0)
                deliver(await desk.look())
                await asyncio.sleep(REST_S)


async def _sweep(broker: Broker, browsers: Browsers, started: set[str]) -> None:
    """Takes out what ended long ago; the log keeps each, whole."""
    while True:
        before = iso(broker.sure() - KEPT)
        old = Query((NOTIFICATION,), q=parse(f"endedAt<={before}"), limit=MOST)
        while found := (await broker.find(old, ROOM, WHY)).entities:
            await broker.apply([Change("delete", Entity(e.id, ())) for e in found], ROOM, WHY)
            started.difference_update(e.id for e in found)
        await browsers.sweep()
        await asyncio.sleep(SWEEP_S)


class Desk:
    """What is due, and to whom."""

    def __init__(self, broker: Broker, staff: Staff, health: Health) -> None:
        self._broker = broker
        self._staff = staff
        self._health = health
        self._calls: dict[str, Call] = {}
        self._made: defaultdict[str, set[str]] = defaultdict(set)
        self._next: dict[str, datetime] = {}
        self._unanswered: dict[str, Call] = {}  # of which the alarm does not say it yet
        self._told: dict[str, datetime] = {}  # when each person was called last

    async def open(self) -> list[Calling]:
        """Takes up what is kept, and says which calls are still to be sent."""
        for alarm in await whole(self._broker, Query((ALERT,), q=WAITS)):
            self._see(alarm)
        since = iso(self._broker.clock() - KEPT)
        recent = Query((NOTIFICATION,), q=parse(f"queuedAt>={since}"))
        kept = [notification.read(one) for one in await whole(self._broker, recent)]
        for one in kept:
            self._take(one)
        open_ = await whole(self._broker, Query((NOTIFICATION,), q=OPEN))
        return [notification.read(one) for one in open_]

    def see(self, changed: Changed) -> list[Calling]:
        """Which calls somebody asked for: tests."""
        subject = changed.subject
        if ALERT in subject.types:
            self._see(subject)
        if NOTIFICATION not in subject.types:
            return []
        present = notification.read(subject)
        asked = changed.after is not None and present.test and present.state == "queued"
        return [present] if asked else []

    def begin_anew(self) -> None:
        """Another rota holds: whom each alarm calls next is found again."""
        self._next |= {id: wanted.since for id, wanted in self._calls.items()}

    def _see(self, alarm: Entity) -> None:
        wanted = call(alarm)
        if wanted is None:
            waits = alarm.value("state") == "RTN_UNACK"  # it may come again with nobody's answer
            for known in (self._calls, self._next, *(() if waits else (self._made,))):
                known.pop(alarm.id, None)
            return
        if wanted == self._calls.get(alarm.id):
            return
        self._calls[alarm.id] = wanted
        self._next[alarm.id] = wanted.since

    def wanted(self, one: Calling) -> bool:
        """Does an alarm of it still wait for an answer?"""
        waiting = {(id, iso(wanted.since)) for id in one.alarms if (wanted := self._calls.get(id))}
        return one.test or any(_occurrence(key) in waiting for key in one.calls)

    def patience_s(self) -> float | None:
        """How long to wait for news."""
        if not self._next:
            return None
        left = (min(self._next.values()) - self._broker.clock()).total_seconds()
        return min(LOOK_S, max(left, 0.01))

    async def look(self) -> list[Calling]:
        """Writes the calls that are due by now, and says which they are."""
        now = self._broker.clock()
        dues: list[Due] = []
        for n, id in enumerate(self._ripe(now)):
            dues += self._due(id, now)
            if n % AT_ONCE == 0:
                await asyncio.sleep(0)  # a flood of alarms shall not keep the others waiting
        changes, callings = [], []
        for one, why in self._callings(dues, now):
            change = notification.vain(one, now, why) if why else notification.queued(one, now)
            changes.append(change)
            self._take(one)
            if not why:
                callings.append(replace(one, queued_at=now))
        if changes:
            await self._broker.apply(changes, ROOM, WHY)
        await self._mark(now)
        return callings

    async def _mark(self, now: datetime) -> None:
        for id, wanted in list(self._unanswered.items()):
            if self._calls.get(id) != wanted or await marked(self._broker, wanted, now):
                del self._unanswered[id]
            else:
                self._next[id] = now

    def _ripe(self, now: datetime) -> list[str]:
        return [id for id, at in self._next.items() if at <= now]

    def _due(self, id: str, now: datetime) -> Sequence[Due]:
        plan = self._staff.escalation.plan(self._calls[id], self._made[id], now)
        if plan.unanswered:
            self._unanswered[id] = self._calls[id]
        if plan.next:
            self._next[id] = plan.next
        else:
            del self._next[id]
        return plan.due

    def _take(self, one: Calling) -> None:
        for key in one.calls:
            self._made[_occurrence(key)[0]].add(key)

    def _callings(self, dues: Sequence[Due], now: datetime) -> Iterator[tuple[Calling, str]]:
        """Each with why nobody can be told, or ""."""
        by_person: defaultdict[str, list[Due]] = defaultdict(list)
        for due in dues:
            contact = self._staff.whom(due.rotation, now)
            by_person[contact.name if contact else ""].append(due)
        for person, theirs in by_person.items():
            if self._waits(person, theirs, now):
                continue
            self._told[person] = now
            for n in range(0, len(theirs), MOST_ALARMS):
                yield from self._to(person, theirs[n : n + MOST_ALARMS])

    def _waits(self, person: str, dues: Iterable[Due], now: datetime) -> bool:
        """They were told a moment ago: what came since is told together."""
        severities = {self._calls[due.alert].severity for due in dues}
        gap_s = min(GAPS_S.get(severity, GAP_S) for severity in severities)
        then = self._told.get(person, datetime.min.replace(tzinfo=now.tzinfo))
        # A clock that was set back must not keep anybody waiting until it has caught up.
        if not timedelta(0) <= now - then < timedelta(seconds=gap_s):
            return False
        for due in dues:
            again = then + timedelta(seconds=gap_s)
            self._next[due.alert] = min(again, self._next.get(due.alert, again))
        return True

    def _to(self, person: str, dues: Sequence[Due]) -> Iterator[tuple[Calling, str]]:
        if not person:
            yield notification.calling("", "", dues), f"nobody is on call in {dues[0].rotation}"
            return
        told: set[str] = set()
        contact = self._staff.settings.reached(person)
        for channel in contact.channel if contact else ():
            feeds = self._health.feeds_itself
            mine = [due for due in dues if not feeds(due.alert, person, channel.kind)]
            told |= {due.key for due in mine}
            if mine:
                yield notification.calling(person, channel.kind, mine), ""
        if left := [due for due in dues if due.key not in told]:
            yield notification.calling(person, "", left), NO_WAY


def _occurrence(key: str) -> tuple[str, str]:
    """The alarm that a call is about, and since when that waited."""
    alert, since, _, _ = key.rsplit("|", 3)
    return alert, since
