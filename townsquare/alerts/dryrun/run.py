"""Dry runs of rules over the history that the broker keeps.

Always holds: one runs at a time, with pauses in which others are served, and it ends at its
limits, saying what it has not looked at.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from townsquare.alerts.asking import Asking, read_q
from townsquare.alerts.dryrun.figures import DAYS, Figures, Looked, Unknown, figures
from townsquare.alerts.dryrun.replay import Occurrence, Told, news, occurrences, replayed
from townsquare.alerts.sight import Answers
from townsquare.alerts.watched import everything, looked_at
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.query import Linked, Query, leaves
from townsquare.context.temporal import INSTANT, TemporalQuery, Window
from townsquare.model.change import Changed
from townsquare.model.declaration import LIVE
from townsquare.model.entity import Attribute, Entity
from townsquare.model.rule import Rule

TOGETHER = 5  # entities, between two reports of how far it has come
MOST_READ = 1_000  # instances, between two pauses
ASKED_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Limits:
    instances: int = 500_000
    seconds: float = 45.0  # a person waits for it


@dataclass(slots=True)
class _Work:
    rule: Rule
    zone: ZoneInfo
    since: datetime
    until: datetime
    entities: Sequence[Entity]
    ends_s: float  # of the event loop's time
    done: int = 0
    read: int = 0
    cut: str = ""
    found: list[Occurrence] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    known_since: datetime | None = None

    def figures(self) -> Figures:
        looked = Looked(
            self.since,
            self.until,
            self.known_since,
            self.done,
            len(self.entities),
            self.unknown,
            self.cut,
        )
        return figures(self.found, looked, self.zone)

    def known(self, id: str, since: datetime | None) -> None:
        if since is None or since > self.since:
            self.unknown.append(Unknown(id, since))
        if since is not None:
            first = max(since, self.since)
            self.known_since = min(first, self.known_since or first)


@dataclass(slots=True)
class DryRuns:
    broker: Broker
    zone: ZoneInfo
    limits: Limits = Limits()
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, rule: Rule) -> Figures:
        """All of it."""
        async for made in self.steps(rule):
            last = made
        return last

    async def steps(self, rule: Rule) -> AsyncIterator[Figures]:
        """As far as it has come, after each few entities; the last is the whole."""
        async with self._one:
            now = self.broker.clock()
            entities = await everything(self.broker, looked_at(rule))
            ends_s = asyncio.get_running_loop().time() + self.limits.seconds
            work = _Work(rule, self.zone, now - timedelta(days=DAYS), now, entities, ends_s)
            asking = Asking(self.broker)
            try:
                async for _ in self._through(work, asking):
                    yield work.figures()
            finally:
                await asking.close()
            yield work.figures()

    async def _through(self, work: _Work, asking: Asking) -> AsyncIterator[None]:
        names = attributes(work.rule)
        for first in range(0, len(work.entities), TOGETHER):
            for entity in work.entities[first : first + TOGETHER]:
                # Of several at once a store would read as many for each, and drop most.
                before, within = await self._past(work, entity, names)
                if work.cut:
                    return
                await self._one_entity(work, asking, entity, before, within)
                work.done += 1
            yield

    def _has_history(self, entity: Entity) -> bool:
        types = (self.broker.policy.types.get(type) for type in entity.types)
        return LIVE not in entity.scope and all(t is None or t.history for t in types)

    async def _one_entity(
        self, work: _Work, asking: Asking, entity: Entity, earlier: "_Past", later: "_Past"
    ) -> None:
        work.known(entity.id, min((told.at for told in (*earlier, *later)), default=None))
        changing = {told.name for told in (*earlier, *later)}
        steady = {n: a for n, a in entity.attributes.items() if n not in changing}
        bare = msgspec.structs.replace(entity, attributes=steady)
        story = await asyncio.to_thread(lambda: list(news(bare, earlier, later)))
        answers = await _answered(asking, work.rule, story)
        findings = await asyncio.to_thread(
            replayed, work.rule, story, answers, work.until, work.zone
        )
        work.found += occurrences(findings, work.since)

    async def _past(
        self, work: _Work, entity: Entity, names: tuple[str, ...]
    ) -> "tuple[_Past, _Past]":
        before: _Past = []
        within: _Past = []
        if not self._has_history(entity):
            return before, within
        query = Query((work.rule.type,), ids=(entity.id,))
        for of in ("observedAt", "createdAt"):
            # By when it was recorded goes only what does not say when it was observed.
            plain = of == "createdAt"
            window = Window(of, until=work.since)
            ask = TemporalQuery(query, names, window=window, last=1)
            found = (await self.broker.chronicle.evolution(ask, ROOM, WHY)).entities
            _sort_in(before, found, plain=plain)
            ask = TemporalQuery(
                query, names, window=replace(window, since=work.since, until=work.until)
            )
            async for page in self._pages(work, ask):
                _sort_in(within, page, plain=plain)
        return before, within

    async def _pages(self, work: _Work, ask: TemporalQuery) -> AsyncIterator[list[Entity]]:
        bounded: TemporalQuery | None = replace(ask, most=MOST_READ)
        while bounded and not self._over(work):
            found = await self.broker.chronicle.evolution(bounded, ROOM, WHY)
            work.read += sum(len(a) for e in found.entities for a in e.attributes.values())
            yield found.entities
            if found.part is None or bounded.window is None:
                return
            then = replace(bounded.window, since=found.part.last + INSTANT)
            bounded = replace(bounded, window=then)

    def _over(self, work: _Work) -> bool:
        if work.read >= self.limits.instances:
            work.cut = f"it stopped after {work.read} observations"
        elif asyncio.get_running_loop().time() > work.ends_s:
            work.cut = f"it stopped after {self.limits.seconds:g} seconds"
        return bool(work.cut)


_Past = list[Told]


def attributes(rule: Rule) -> tuple[str, ...]:
    """That its condition looks at."""
    names = {rule.attribute} if rule.attribute else set()
    for q in filter(None, (rule.q, rule.ends_q)):
        paths = (leaf.path for leaf in leaves(read_q(q)) if not isinstance(leaf, Linked))
        names |= {path.attribute for path in paths if path.attribute}
    return tuple(sorted(names | ({"location"} if rule.area else set())))


def _sort_in(past: _Past, found: Sequence[Entity], *, plain: bool) -> None:
    for entity in found:
        for name, instances in entity.attributes.items():
            past += [
                Told(at, name, one)
                for one in instances
                if (one.observed_at is None or not plain) and (at := _at(one))
            ]


def _at(one: Attribute) -> datetime | None:
    return one.observed_at or one.created_at


async def _answered(asking: Asking, rule: Rule, story: Sequence[Changed]) -> Mapping[int, Answers]:
    """What its q say of the entity after each of the news, a few at a time."""
    asked = {q for q in (rule.q, rule.ends_q) if q}
    found: dict[int, Answers] = {}
    for first in range(0, len(story), ASKED_AT_ONCE):
        part = story[first : first + ASKED_AT_ONCE]
        questions = [(one.seq, one.after, asked) for one in part if one.after and asked]
        told = await asking.answered(questions)
        found |= {one.seq: told.about(one.seq) for one in part}
    return found
