"""Follows the city's news from a durable cursor and keeps the alarms.

Always holds: what was read and what follows from it are committed together, so a room that is
killed at any moment goes on where it was; no crossing is missed, and none is raised twice.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from townsquare.alerts import alert, commands, kept_rules
from townsquare.alerts.asking import Answered, Asking
from townsquare.alerts.flood.annunciator import Annunciator
from townsquare.alerts.lookout import UTC, Lookout
from townsquare.alerts.shelves import Shelves, shelved_until
from townsquare.alerts.sight import Finding, alert_id
from townsquare.alerts.watched import everything, looked_at
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker, Cursor
from townsquare.context.query import Query
from townsquare.model.change import Changed
from townsquare.model.declaration import EntityType, Words
from townsquare.model.entity import Entity
from townsquare.model.rule import Rule

TYPES = (
    EntityType(
        alert.ALERT,
        owner="alerts",
        readers=frozenset({"operator", "engineer", "data-protection", "security"}),
        commanders=frozenset({"operator"}),
        accountable=True,
        deletable=False,
        retention=timedelta(days=400),  # a yearly report of the alarm load looks back on all of it
        queried=frozenset({"state", "severity"}),  # a queue shows what is not settled
        title="Alarms",
        words=Words(
            "the alarm",
            "name",
            attributes={
                "name": "its name",
                "state": "how it stands with an operator",
                "active": "whether its cause lasts",
                "acked": "whether somebody has taken note of it",
                "latched": "whether it wants a reset",
                "suppression": "whether it is put aside",
                "quality": "how well its source is known",
                "severity": "how bad it is",
                "consequence": "what happens if nobody acts",
                "response": "what to do",
                "procedure": "by which steps it is followed",
                "dateIssued": "when it was raised",
                "alertSource": "what raised it",
                "value": "the value that raised it",
                "count": "how often it was raised",
                "sequence": "how far the news were read",
                "location": "the place",
                "acknowledgedBy": "who acknowledged it",
                "acknowledgedAt": "when it was acknowledged",
                "acknowledgedWhy": "what was said to that",
                "resetBy": "who reset it",
                "resetAt": "when it was reset",
                "resetWhy": "why it was reset",
                "suppressedBy": "who put it aside",
                "suppressedAt": "when it was put aside",
                "suppressedWhy": "why it is put aside",
                "suppressedUntil": "until when it is put aside",
                "suppressedOnce": "whether it comes back once its cause is over",
                "broughtBackBy": "who brought it back",
                "broughtBackAt": "when it came back",
                "broughtBackWhy": "why it came back",
                "returnedAt": "when its cause was over",
                "unheard": "whether it says that nothing is heard of its source",
                "waitsSince": "since when it waits for an answer",
                "unansweredAt": "when everybody had been called and nobody had answered",
                "incident": "the incident that it is in",
                "group": "the group it belongs to",
                "keptDead": "how often its dead time kept it from being raised",
                "asset": "the device it is about",
                "row": "the row of the queue it stands in",
                "rowSince": "since when there is this row",
                "rowBy": "why it is in this row",
                "silences": "whether it silences what depends on its source",
            },
        ),
    ),
    kept_rules.TYPE,
)

LONGEST_SLEEP_S = 10.0  # while something is due: the clock may be set meanwhile
SAVE_S = 1.0  # a cursor that moved on without a finding is not worth a commit of its own


async def run(broker: Broker, declared: Sequence[Rule], zone: ZoneInfo = UTC) -> None:
    """Never returns. `zone` is the town's, for schedules."""
    asking = Asking(broker)
    try:
        while True:
            await _watch(broker, declared, asking, zone)
    finally:
        await asking.close()


async def _watch(broker: Broker, declared: Sequence[Rule], asking: Asking, zone: ZoneInfo) -> None:
    """Until another rule holds."""
    known = await broker.last_seq()
    rules = (*declared, *kept_rules.holding(await kept_rules.kept(broker), declared))
    desk = await _open(broker, rules, asking, zone)
    async for news in broker.follow("alerts", desk.patience_s):
        if any(_ruled_anew(changed) for changed in news if changed.seq > known):
            return  # what was not decided yet is read again, as after a restart
        await (desk.read(news) if news else desk.look())


def _ruled_anew(changed: Changed) -> bool:
    return not changed.tenant and kept_rules.ALARM_RULE in changed.subject.types


class _Desk:
    def __init__(
        self,
        annunciator: Annunciator,
        lookout: Lookout,
        shelves: Shelves,
        asking: Asking,
        saved: int,
    ) -> None:
        self.broker = annunciator.broker
        self.annunciator = annunciator
        self.asking = asking
        self.lookout = lookout
        self.shelves = shelves
        self._saved = saved
        self._saved_at = asyncio.get_running_loop().time()

    def patience_s(self) -> float | None:
        """How long to wait for news."""
        waits_s = [SAVE_S] if self.lookout.settled() > self._saved else []
        ends = (self.lookout.due(), self.shelves.due(), self.annunciator.due())
        dues = [due for due in ends if due]
        if dues:
            left_s = (min(dues) - self.broker.clock()).total_seconds()
            waits_s.append(min(LONGEST_SLEEP_S, max(left_s, 0.01)))
        return min(waits_s, default=None)

    async def read(self, news: Sequence[Changed]) -> None:
        """News that never pause leave no moment to look at the clock: time passes with them."""
        for changed in news:
            self.shelves.read(changed)
        self.annunciator.read(news)
        present = [(changed.seq, changed.after) for changed in news]
        told = await _answered(self.asking, self.lookout, present)
        found: list[Finding] = []
        for changed in news:
            found += self.lookout.read(changed, told.about(changed.seq))
            await asyncio.sleep(0)  # thousands of rules on one type take a while
        await self._keep(found + self.lookout.elapse(news[-1].at))
        await self._bring_back()

    async def look(self) -> None:
        """At the clock; but time has not passed for news that are still unread."""
        now = self.broker.clock()
        caught_up = await self.broker.last_seq() <= self.lookout.seq
        await self._keep(self.lookout.elapse(now) if caught_up else [])
        await self._bring_back()

    async def _bring_back(self) -> None:
        """What was put aside until now."""
        await _end_shelves(self.annunciator, self.shelves)
        await self.annunciator.release()

    async def _keep(self, findings: Sequence[Finding]) -> None:
        now_s = asyncio.get_running_loop().time()
        settled = max(self._saved, self.lookout.settled())
        if not findings and (settled == self._saved or now_s - self._saved_at < SAVE_S):
            return
        await self.annunciator.follow(findings, Cursor("alerts", settled))
        self._saved, self._saved_at = settled, now_s


async def _answered(
    asking: Asking, lookout: Lookout, present: Iterable[tuple[int, Entity | None]]
) -> Answered:
    questions = [(n, seen, lookout.asks(seen)) for n, seen in present if seen]
    return await asking.answered(questions)


async def _open(broker: Broker, rules: Sequence[Rule], asking: Asking, zone: ZoneInfo) -> _Desk:
    """Takes up the alarms as they stand, and looks at everything of which there is no news."""
    seq = await _start(broker)
    alerts = await everything(broker, Query(types=(alert.ALERT,)))
    lookout = Lookout(rules, {a.id: alert.decided(a) for a in alerts}, seq, zone)
    last = await broker.last_seq()
    present = await _present(broker, rules)
    # Asked for afterwards, so that what changes meanwhile is news rather than looked at twice.
    moved = set(await broker.changed_since(seq) or ())
    still = [e for e in present if e.id not in moved]
    told = await _answered(asking, lookout, enumerate(still))
    findings = [f for n, e in enumerate(still) for f in lookout.look(e, told.about(n))]
    for gone in _gone(alerts, {id for e in present for id in lookout.watches(e)}):
        if not (_ruled(gone, rules) and gone.value("alertSource") in moved):
            findings += lookout.forget(gone.id, broker.clock(), last)
    annunciator = Annunciator(broker, alerts)
    await annunciator.follow(findings, Cursor("alerts", seq))
    return _Desk(annunciator, lookout, Shelves(alerts), asking, seq)


async def _start(broker: Broker) -> int:
    seq = await broker.cursor("alerts")
    if seq is None:
        seq = await broker.last_seq()
        await broker.apply([], ROOM, WHY, upto=Cursor("alerts", seq))
    return seq


async def _present(broker: Broker, rules: Iterable[Rule]) -> list[Entity]:
    """Everything that a rule may look at, once."""
    queries = {looked_at(rule) for rule in rules}
    return list({e.id: e for query in queries for e in await everything(broker, query)}.values())


def _gone(alerts: Iterable[Entity], watched: Collection[str]) -> list[Entity]:
    """Alarms that last, of what is not there any more or has no rule: nothing would end them."""
    return [a for a in alerts if alert.decided(a).active and a.id not in watched]


def _ruled(lasting: Entity, rules: Iterable[Rule]) -> bool:
    """Is it by one of these rules? Then news of its source will be heard."""
    source = str(lasting.value("alertSource"))
    return any(alert_id(rule, source) == lasting.id for rule in rules)


async def _end_shelves(annunciator: Annunciator, shelves: Shelves) -> None:
    """Those whose time has come. Where somebody was faster, there is news of the alarm."""
    now = annunciator.broker.clock()
    for id in shelves.over(now):
        shelves.forget(id)
        present = await annunciator.broker.read(id, ROOM, WHY)
        until = shelved_until(present)
        if until is None or until > now:
            shelves.see(present)
            continue
        await annunciator.bring_back(id, lambda alarm: commands.expired(alarm, now))
