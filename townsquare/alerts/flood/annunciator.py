"""Brings alarms into the queue: what the rules found, what was put aside and comes back.

Always holds: the row of an alarm is kept in the transaction that brings it into the queue, so no
screen ever shows it without; what could not be kept is decided anew from what is there then.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from townsquare.alerts import alert
from townsquare.alerts.flood import changes, silence
from townsquare.alerts.flood.alarm import Alarm, alarm
from townsquare.alerts.flood.rows import Rows
from townsquare.alerts.flood.upstream import asset, upstream
from townsquare.alerts.sight import Finding, Raised
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker, Cursor
from townsquare.model.change import Change, Changed
from townsquare.model.entity import Entity
from townsquare.model.errors import Conflict, NotFound

Back = Callable[[Entity], Change]  # raises Conflict where somebody was faster


class Annunciator:
    def __init__(self, broker: Broker, alarms: Iterable[Entity]) -> None:
        self.broker = broker
        self.rows = Rows(alarm(one) for one in alarms)

    def read(self, news: Iterable[Changed]) -> None:
        for changed in news:
            if changed.after and not changed.tenant and alert.ALERT in changed.after.types:
                self.rows.see(alarm(changed.after))

    async def follow(self, findings: Sequence[Finding], upto: Cursor) -> None:
        """Until it is kept: an operator who acknowledges meanwhile makes us look again."""
        while True:
            draft = await self._draft(lambda draft: _follow(draft, findings))
            with suppress(Conflict):
                await self.broker.apply(draft.changes, ROOM, WHY, upto=upto)
                self.rows = draft.rows
                return

    async def bring_back(self, id: str, back: Back) -> None:
        """Nothing, where it changed meanwhile: there is news of that."""

        async def one(draft: _Draft) -> None:
            draft.put(id, back(await draft.existing(id)))

        with suppress(Conflict):
            draft = await self._draft(one)
            await self.broker.apply(draft.changes, ROOM, WHY)
            self.rows = draft.rows

    async def _draft(self, fill: "Callable[[_Draft], Awaitable[None]]") -> "_Draft":
        draft = _Draft(self.broker, self.rows.copy(), self.broker.clock())
        await fill(draft)
        return draft

    # --- what is silenced

    def due(self) -> datetime | None:
        """When the next alarm is heard again."""
        now = self.broker.clock()
        return min((at for _, at in self._dues(now)), default=None)

    async def release(self) -> None:
        now = self.broker.clock()
        for id in [silenced.id for silenced, at in self._dues(now) if at <= now]:
            await self._release(id, now)

    def _dues(self, now: datetime) -> list[tuple[Alarm, datetime]]:
        alarms = self.rows.alarms
        found = ((a, silence.due(a, alarms.get(a.silenced_by), now)) for a in self.rows.silenced())
        return [(silenced, at) for silenced, at in found if at]

    async def _release(self, id: str, now: datetime) -> None:
        present = await self.broker.read(id, ROOM, WHY)
        known = alarm(present)
        self.rows.see(known)
        if not known.silenced_by:
            return
        cause = await _explained(self.broker, self.rows, known.source)
        if known.active and cause:
            why = silence.why(cause, await _name(self.broker, cause))
            await self.bring_back(id, lambda e: changes.handed_on(e, cause.id, now, why))
        else:
            await self.bring_back(id, lambda e: changes.released(e, now))


@dataclass
class _Draft:
    """Changes that are kept together, and the queue as it is after them."""

    broker: Broker
    rows: Rows
    now: datetime
    changes: list[Change] = field(default_factory=list)
    _entities: dict[str, Entity | None] = field(default_factory=dict)

    async def present(self, id: str) -> Entity | None:
        if id not in self._entities:
            self._entities[id] = None
            with suppress(NotFound):
                self._entities[id] = await self.broker.read(id, ROOM, WHY)
        return self._entities[id]

    async def existing(self, id: str) -> Entity:
        if found := await self.present(id):
            return found
        raise NotFound(f"{id} does not exist")

    def put(self, id: str, change: Change) -> None:
        """What comes into the queue by it gets its row with it."""
        before = self._entities[id]
        known = alarm(changes.kept(before, change, self.now))
        if known.queued and not (before and alarm(before).queued and known.place):
            change = changes.placed(change, self.rows.place(known, self.now))
        self._entities[id] = after = changes.kept(before, change, self.now)
        self.rows.see(alarm(after))
        self.changes.append(change)


async def _follow(draft: _Draft, findings: Iterable[Finding]) -> None:
    for finding in findings:
        present = await draft.present(finding.alert)
        change, then = alert.followed(finding, alert.standing(present))
        if isinstance(finding, Raised):
            await _raise(draft, finding, change)
        elif present and then.facts.suppression == "byDesign" and not then.facts.active:
            draft.put(finding.alert, changes.ended(present, change, finding.at))
        else:
            draft.put(finding.alert, change)


async def _raise(draft: _Draft, finding: Raised, change: Change) -> None:
    id, source, rule = finding.alert, finding.source, finding.rule
    present = await draft.present(id)
    change = changes.described(change, asset(source), silences=rule.silences)
    newcomer = alarm(changes.kept(present, change, draft.now))
    cause = None
    if silence.may_be_silenced(newcomer):
        cause = silence.silencer(await _above(draft, source), draft.rows.silencing())
    if cause:
        why = silence.why(cause, await _name(draft.broker, cause))
        change = changes.silenced(present, change, cause.id, finding.at, why)
    draft.put(id, change)
    if rule.silences:
        await _hush(draft, draft.rows.alarms[id], rule.title)


async def _above(draft: _Draft, source: Entity) -> list[str]:
    """Asked only where there is something that could explain it."""
    return await upstream(draft.broker, source) if draft.rows.silencing() else []


async def _hush(draft: _Draft, cause: Alarm, title: str) -> None:
    """What was raised just before it, of what depends on it."""
    for one in silence.raised_with(cause, list(draft.rows.alarms.values())):
        with suppress(NotFound):
            source = await draft.broker.read(one.source, ROOM, WHY)
            if cause.source in await upstream(draft.broker, source):
                why = silence.why(cause, title)
                present = await draft.existing(one.id)
                if silence.may_be_silenced(alarm(present)):  # of this news may not be read yet
                    draft.put(one.id, changes.hushed(present, cause.id, draft.now, why))


async def _explained(broker: Broker, rows: Rows, source: str) -> Alarm | None:
    with suppress(NotFound):
        there = await broker.read(source, ROOM, WHY)
        return silence.silencer(await upstream(broker, there), rows.silencing())
    return None


async def _name(broker: Broker, cause: Alarm) -> str:
    with suppress(NotFound):
        return str((await broker.read(cause.id, ROOM, WHY)).value("name") or "")
    return ""
