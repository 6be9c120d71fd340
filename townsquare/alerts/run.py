"""Follows the city's news from a durable cursor and keeps the alarms.

Always holds: what was read and what follows from it are committed together, so a room that is
killed at any moment goes on where it was; no crossing is missed, and none is raised twice.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from townsquare.alerts import alert
from townsquare.alerts.lookout import Finding, Lookout, alert_id
from townsquare.context.broker import Broker, Cursor
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Why, room
from townsquare.model.change import Change, Changed
from townsquare.model.declaration import PUBLISHED, EntityType, Words
from townsquare.model.entity import Entity
from townsquare.model.errors import Conflict, NotFound
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
                "state": "whether its cause lasts and it is acknowledged",
                "severity": "how bad it is",
                "consequence": "what happens if nobody acts",
                "response": "what to do",
                "dateIssued": "when it was raised",
                "alertSource": "what raised it",
                "value": "the value that raised it",
                "count": "how often it was raised",
                "sequence": "how far the news were read",
                "location": "the place",
                "acknowledgedBy": "who acknowledged it",
                "acknowledgedAt": "when it was acknowledged",
                "returnedAt": "when its cause was over",
            },
        ),
    ),
)

ROOM, WHY = room("alerts"), Why("operations")
LOOK_S = 0.25  # at the clock while a duration runs
SAVE_S = 1.0  # a cursor that moved on without a finding is not worth a commit of its own


async def run(broker: Broker, rules: Sequence[Rule]) -> None:
    """Never returns."""
    desk = await _open(broker, rules)
    async for news in broker.follow("alerts", desk.patience_s):
        await (desk.read(news) if news else desk.look())


class _Desk:
    def __init__(self, broker: Broker, lookout: Lookout, saved: int) -> None:
        self.broker = broker
        self.lookout = lookout
        self._saved = saved
        self._saved_at = asyncio.get_running_loop().time()

    def patience_s(self) -> float | None:
        """How long to wait for news."""
        if due := self.lookout.due():
            left_s = (due - self.broker.clock()).total_seconds()
            return min(LOOK_S, max(left_s, 0.01))
        return SAVE_S if self.lookout.settled() > self._saved else None

    async def read(self, news: Sequence[Changed]) -> None:
        await self._keep([finding for changed in news for finding in self.lookout.read(changed)])

    async def look(self) -> None:
        """At the clock; but time has not passed for news that are still unread."""
        now, due = self.broker.clock(), self.lookout.due()
        caught_up = await self.broker.last_seq() <= self.lookout.seq
        passed = due is not None and due <= now and caught_up
        await self._keep(self.lookout.elapse(now) if passed else [])

    async def _keep(self, findings: Sequence[Finding]) -> None:
        now_s = asyncio.get_running_loop().time()
        settled = max(self._saved, self.lookout.settled())
        if not findings and (settled == self._saved or now_s - self._saved_at < SAVE_S):
            return
        await _follow(self.broker, findings, Cursor("alerts", settled))
        self._saved, self._saved_at = settled, now_s


async def _open(broker: Broker, rules: Sequence[Rule]) -> _Desk:
    """Takes up the alarms as they stand, and looks at everything of which there is no news."""
    seq = await _start(broker)
    alerts = await _all(broker, Query(types=(alert.ALERT,)))
    lookout = Lookout(rules, {a.id: alert.decided(a) for a in alerts}, seq)
    last = await broker.last_seq()
    present = await _present(broker, rules)
    # Asked for afterwards, so that what changes meanwhile is news rather than looked at twice.
    moved = set(await broker.changed_since(seq) or ())
    findings = [f for e in present if e.id not in moved for f in lookout.look(e)]
    for gone in _gone(alerts, {id for e in present for id in lookout.watches(e)}):
        if not (_ruled(gone, rules) and gone.value("alertSource") in moved):
            findings += lookout.forget(gone.id, broker.clock(), last)
    await _follow(broker, findings, Cursor("alerts", seq))
    return _Desk(broker, lookout, seq)


async def _start(broker: Broker) -> int:
    seq = await broker.cursor("alerts")
    if seq is None:
        seq = await broker.last_seq()
        await broker.apply([], ROOM, WHY, upto=Cursor("alerts", seq))
    return seq


async def _present(broker: Broker, rules: Iterable[Rule]) -> list[Entity]:
    """Everything that a rule may look at, once."""
    queries = {looked_at(rule) for rule in rules}
    return list({e.id: e for query in queries for e in await _all(broker, query)}.values())


def looked_at(rule: Rule) -> Query:
    """Never what is published where nobody asked for it: there is no end to its number."""
    if rule.scope:
        return Query(types=(rule.type,), scope=rule.scope)
    return Query(types=(rule.type,), not_scope=PUBLISHED)


async def _all(broker: Broker, query: Query) -> list[Entity]:
    found: list[Entity] = []
    while len(found) % MOST == 0:
        page = await broker.find(replace(query, limit=MOST, offset=len(found)), ROOM, WHY)
        found += page.entities
        if not page.entities:
            break
    return found


def _gone(alerts: Iterable[Entity], watched: Collection[str]) -> list[Entity]:
    """Alarms that last, of what is not there any more or has no rule: nothing would end them."""
    return [a for a in alerts if alert.decided(a).active and a.id not in watched]


def _ruled(lasting: Entity, rules: Iterable[Rule]) -> bool:
    """Is it by one of these rules? Then news of its source will be heard."""
    source = str(lasting.value("alertSource"))
    return any(alert_id(rule, source) == lasting.id for rule in rules)


async def _follow(broker: Broker, findings: Sequence[Finding], upto: Cursor) -> None:
    """Until it is kept: an operator who acknowledges meanwhile makes us look again."""
    while True:
        changes = await _changes(broker, findings)
        with suppress(Conflict):
            await broker.apply(changes, ROOM, WHY, upto=upto)
            return


async def _changes(broker: Broker, findings: Sequence[Finding]) -> list[Change]:
    standings: dict[str, alert.Standing] = {}
    changes = []
    for finding in findings:
        id = finding.alert
        now = standings.get(id) or alert.standing(await _one(broker, id))
        change, standings[id] = alert.followed(finding, now)
        changes.append(change)
    return changes


async def _one(broker: Broker, id: str) -> Entity | None:
    try:
        return await broker.read(id, ROOM, WHY)
    except NotFound:
        return None
