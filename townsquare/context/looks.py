"""Who looked at what is accountable, as the log has it: to look is an entry too.

Always holds: nothing accountable is answered to a person or a machine before the log says that they
looked. What they look at again within a window is counted, and the count is an entry when the
window is over, so that a screen that polls does not flood the log. Rooms are the house itself, and
anyone sees what is published alone: neither is asked.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, NamedTuple

import msgspec

from townsquare.context.ledger import Ledger, Said
from townsquare.context.query import All, Any, Condition, Linked, Query
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Changed
from townsquare.model.declaration import EntityType
from townsquare.store import Row

WINDOW = timedelta(minutes=5)
MOST_EACH = 50  # looks of one actor at one type that are told apart in a window
LONGEST = 300  # characters of what was asked
OTHERS = f"more than {MOST_EACH} different questions"
OUTSIDE = frozenset({"person", "machine"})
MOST_ASKED = 1000  # choices of types that are remembered
Types = tuple[str | frozenset[str], ...]
Way = Literal["retrieved", "queried", "history", "notified", "live"]


class Look(NamedTuple):
    """`subject` is an id, or the type where several were asked for."""

    by: Actor
    why: Why
    way: Way
    type: str
    subject: str
    asked: str


@dataclass(slots=True)
class Window:
    """`noted` is done when the first look is in the log; the rest is of the looks after it."""

    since: datetime
    noted: "asyncio.Future[None]"
    again: int = 0
    found: int = 0


class Kinds(msgspec.Struct, frozen=True):
    """Of an entity's row, no more than its types."""

    types: tuple[str, ...]


KINDS = msgspec.json.Decoder(Kinds)


class Looks:
    def __init__(self, ledger: Ledger, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._accountable = frozenset[str]()
        self._asked: dict[Types, frozenset[str]] = {}
        self._open: dict[Look, Window] = {}  # oldest first
        self._apart: Counter[tuple[str, str]] = Counter()  # of an actor at a type

    def adopt(self, types: Iterable[EntityType]) -> None:
        self._accountable = frozenset(type.name for type in types if type.accountable)
        self._asked = {}

    def concern(self, by: Actor, query: Query | None = None) -> bool:
        """Whether what is found may be accountable to the log."""
        if by.kind not in OUTSIDE:
            return False
        if query is None or not query.types or not all(s.types for s in query.selectors):
            return bool(self._accountable)
        return bool(self._named(query.types))  # no entity has a type of the house and another one

    def _named(self, types: Types) -> frozenset[str]:
        """Which of these are accountable."""
        known = self._asked.get(types)
        if known is None:
            if len(self._asked) >= MOST_ASKED:
                self._asked.clear()
            several = [frozenset({type}) if isinstance(type, str) else type for type in types]
            known = self._asked[types] = self._accountable.intersection(frozenset().union(*several))
        return known

    # --- what was looked at; each answers when the log says so

    async def at_one(self, row: Row, by: Actor, why: Why) -> None:
        if self.concern(by) and (found := self._types(row)):
            for type in found:
                await self._look(Look(by, why, "retrieved", type, row.key.id, ""), 1)

    async def at_several(
        self, query: Query, rows: Sequence[Row], by: Actor, why: Why, way: Way, count: int | None
    ) -> None:
        """`count` is of all that match, where no more than that is told."""
        if not self.concern(by, query):
            return
        found = Counter(type for row in rows for type in self._types(row))
        asked, one = _asked(query), query.ids[0] if len(query.ids) == 1 else ""
        for type in sorted(self._named(query.types).union(found)):
            number = found[type] if query.limit else count or 0
            await self._look(Look(by, why, way, type, one or type, asked), number)

    async def at_news(self, by: Actor, why: Why, news: Changed) -> None:
        for type in self._accountable.intersection(news.subject.types):
            await self._look(Look(by, why, "live", type, type, ""), 1)

    def _types(self, row: Row) -> Collection[str]:
        types = KINDS.decode(row.body).types
        return () if self._accountable.isdisjoint(types) else self._accountable.intersection(types)

    async def _look(self, look: Look, found: int) -> None:
        look = self._told_apart(look)
        window = self._open.get(look)
        if window and self._clock() < window.since + WINDOW:
            window.again += 1
            window.found += found
        else:
            await self._close(look)
            window = self._begin(look, found)
        await asyncio.shield(window.noted)

    def _told_apart(self, look: Look) -> Look:
        """As one of many where there are too many."""
        if look in self._open or self._apart[look.by.id, look.type] < MOST_EACH:
            return look
        return look._replace(subject=look.type, asked=OTHERS)

    def _begin(self, look: Look, found: int) -> Window:
        said = f"{look.way}, {found} found" + (f": {look.asked}" if look.asked else "")
        noted = asyncio.ensure_future(self._note(look, said))
        window = self._open[look] = Window(self._clock(), noted)
        self._apart[look.by.id, look.type] += 1
        noted.add_done_callback(partial(self._noted, look))
        return window

    def _noted(self, look: Look, noted: "asyncio.Future[None]") -> None:
        """What could not be written is tried again by the next look."""
        if noted.cancelled() or noted.exception():
            self._forget(look)

    # --- what comes after

    async def settle(self, *, all: bool = False) -> None:
        """Put counts of windows that are over into the log."""
        over = self._clock() - WINDOW
        for look in [look for look, w in self._open.items() if all or w.since <= over]:
            await self._close(look)

    async def _close(self, look: Look) -> None:
        window = self._forget(look)
        if window and window.again:
            times = f"{window.again} more times since {window.since:%H:%M:%S} UTC"
            what = f": {look.asked}" if look.asked else ""
            await self._note(look, f"{look.way} {times}, {window.found} found{what}")

    def _forget(self, look: Look) -> Window | None:
        window = self._open.pop(look, None)
        if window:
            self._apart[look.by.id, look.type] -= 1
            self._apart += Counter()  # those of nothing go
        return window

    async def _note(self, look: Look, said: str) -> None:
        await self._ledger.note(look.subject, "consultation", look.by, look.why, Said(said))


def _asked(query: Query) -> str:
    """In words, not longer than the log has room for."""
    near = query.near.attribute if query.near else ""
    parts = {
        "q": wording(query.q) if query.q else "",
        "ids": f"{len(query.ids)} of them" if len(query.ids) > 1 else "",
        "pattern": query.pattern,
        "attributes": ", ".join(query.attributes),
        "scope": query.scope,
        "place": near,
    }
    return "; ".join(f"{name} {said}" for name, said in parts.items() if said)[:LONGEST]


def wording(q: Condition) -> str:
    """As it would be asked, for people to read."""
    if isinstance(q, All | Any):
        return f"({(';' if isinstance(q, All) else '|').join(map(wording, q.terms))})"
    if isinstance(q, Linked):
        return f"{q.path.attribute}{{{wording(q.condition)}}}"
    operands = ",".join(map(str, q.operands))
    return f"{q.path.attribute}{q.comparison or ''}{operands}"
