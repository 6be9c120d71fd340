"""Check, keep, record, tell: every change of the city takes these four steps.

Always holds: nothing is written or read without an actor and a purpose; what is answered is
durable; news leaves in commit order, after the commit.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct, structs

from townsquare.bus.memory import MemoryBus, rung
from townsquare.context.admission import Admission
from townsquare.context.chronicle import Chronicle
from townsquare.context.commit import Order, Outcome, each, writes
from townsquare.context.documents import Documents
from townsquare.context.expiry import Expiry
from townsquare.context.form.view import View
from townsquare.context.jsonld import Terms
from townsquare.context.ledger import Ledger
from townsquare.context.looks import Looks, Way
from townsquare.context.opaque import Naming
from townsquare.context.owners import Owners
from townsquare.context.private import Private, beside
from townsquare.context.query import Page, Query
from townsquare.context.recent import Recent
from townsquare.context.sight import Sight
from townsquare.context.temporal import TemporalQuery
from townsquare.context.told import How, Shape, Wording, Write
from townsquare.context.upkeep import Upkeep
from townsquare.context.watching import Watching
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change, Changed
from townsquare.model.entity import Entity
from townsquare.model.errors import Denied, NonexistentTenant, NotFound
from townsquare.store import Cursor as Cursor  # durable readers in the rooms name it
from townsquare.store import Find, Job, Key, Row, Store, Writes
from townsquare.store.census import Census
from townsquare.trust.policy import Act, Grant, Policy, shut_out

MOST_NEWS = 500  # that a durable reader gets at once
T = TypeVar("T")
Decided = Callable[[Order, Mapping[Key, Row]], Writes]
WAYS: Mapping[Act, Way] = {"read": "queried", "watch": "notified", "temporal": "history"}
OUTCOMES = msgspec.json.Decoder(list[Outcome])


class Applied(Struct, frozen=True):
    """What became of each change, in their order."""

    outcomes: Sequence[Outcome]
    repeated: bool

    @property
    def versions(self) -> Mapping[str, int]:
        """Of each entity after the changes, 0 when deleted."""
        return {outcome.id: outcome.version for outcome in self.outcomes}


@dataclass(frozen=True, slots=True)
class Written:
    """A page of them, as JSON."""

    entities: list[Raw]
    count: int | None
    more: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of them."""

    rows: list[Row]
    count: int | None
    more: bool


class Broker:
    def __init__(
        self,
        store: Store,
        bus: MemoryBus,
        policy: Policy,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.bus = bus
        self.policy = policy
        self.clock = clock
        # By which what is kept for a time is erased.
        self.sure: Callable[[], datetime] = lambda: self.clock()
        self.expiry = Expiry(store, policy)
        self.upkeep = Upkeep(store, lambda: self.policy, lambda: self.clock(), lambda: self.sure())
        self.admission = Admission(lambda: self.clock())
        self.documents = Documents(store, lambda: self.clock(), self.admission, lambda: self.policy)
        self.naming = Naming(self.documents)
        self._sight = Sight(policy, store.conditions, lambda: self.clock())
        self.ledger = Ledger(
            store,
            lambda: self.policy,
            lambda by, why: self._sight.rights(by, why),
            lambda: self.clock(),
        )
        self.looks = Looks(self.ledger, lambda: self.clock())
        self.looks.adopt(policy.types.values())
        self.owners = Owners(lambda: self.policy, lambda: self.clock())
        self.chronicle = Chronicle(store, self._sight, lambda: self.looks, self.expire)
        self._adopted, self._troubles = policy, dict[str, str]()
        self._recent = Recent()
        self._tenants = {""}  # known to exist; the default tenant always does
        store.listener = self._tell

    def adopt(self, policy: Policy) -> None:
        """The policy in force from now on, also for those who listen already."""
        self._adopted = policy
        closed = filter(None, (policy.closed, *self._troubles.values()))
        self.policy = policy = policy.shut("; ".join(closed))
        self.expiry.policy = policy
        self._sight.adopt(policy)
        self.looks.adopt(policy.types.values())

    def shut(self, room: str, why: str) -> None:
        """Nobody is let in but rooms and emergency access while a room says why not; "" ends it."""
        if self._troubles.get(room, "") != why:
            self._troubles[room] = why
            self.adopt(self._adopted)

    def require_open(self, by: Actor, why: Why) -> None:
        """Raises Denied for everybody whom a closed town does not let in, whatever they ask for."""
        if shut := shut_out(self.policy, by, why):
            raise Denied(shut)

    # --- writing

    async def apply(
        self,
        changes: Sequence[Change],
        by: Actor,
        why: Why,
        key: str | None = None,
        *,
        tenant: str = "",
        upto: Cursor | None = None,
    ) -> Applied:
        """All changes in one transaction, or none.

        A repeated `key` changes nothing and gets the first answer. `upto` moves the cursor of a
        durable reader in the same transaction. Raises Denied, Conflict, NotFound, Invalid or
        Unavailable.
        """
        if changes:  # to move a cursor is always admitted
            self.admission.require(by)
        order = self._order(changes, by, why, tenant)
        return await self._commit(order, writes, key, upto)

    async def apply_each(
        self,
        changes: Sequence[Change],
        by: Actor,
        why: Why,
        key: str | None = None,
        *,
        tenant: str = "",
    ) -> Applied:
        """Every change that can be made, in one transaction; one refused does not stop the others.

        A repeated `key` changes nothing and gets the first answer. Raises Unavailable.
        """
        self.admission.require(by)
        order = self._order(changes, by, why, tenant)
        return await self._commit(order, each, key)

    async def apply_beside(
        self, changes: Sequence[Change], private: Private, by: Actor, why: Why
    ) -> Applied:
        """All changes in one transaction with private rows, of which None drops one; or nothing.

        Raises Denied, Conflict, NotFound, Invalid or Unavailable.
        """
        self.admission.require(by)
        order = self._order(changes, by, why, "")
        return await self._commit(order, partial(beside, private))

    def _order(self, changes: Sequence[Change], by: Actor, why: Why, tenant: str) -> Order:
        rights = self._sight.rights(by, why)
        return Order(
            changes, by, why, tenant, self.clock(), self.policy, rights, self._sight.decoded
        )

    async def _commit(
        self, order: Order, decided: Decided, key: str | None = None, upto: Cursor | None = None
    ) -> Applied:
        await self.expiry.due(self.clock)
        once = f"{order.by.id} {key}" if key else None
        job = Job(order.now, order.tenant, order.keys(), partial(decided, order), once, upto)
        done = await self.store.commit(job)
        return Applied(OUTCOMES.decode(done.answer), done.repeated)

    def lags(self) -> dict[str, timedelta]:
        """Age of the oldest change that each durable reader has not read."""
        return self.admission.lags()

    def _tell(self, news: Sequence[Changed]) -> None:
        unread_since = self.admission.unread_since
        for reader, since in unread_since.items():
            if since is None and news:
                unread_since[reader] = news[0].at
        self._recent.add(news)
        self.expiry.expect(news)
        self.bus.tell(news)

    # --- reading

    async def require_tenant(self, tenant: str) -> None:
        """Raises NonexistentTenant: a tenant begins with the first thing that is kept in it."""
        if tenant in self._tenants:
            return
        if not await self.store.has_tenant(tenant):
            raise NonexistentTenant(f"there is no tenant {tenant}; it begins with a first entity")
        self._tenants.add(tenant)

    def grant(self, by: Actor, why: Why, act: Act, type: str) -> Grant:
        return self._sight.rights(by, why).grant(act, type)

    async def read(self, id: str, by: Actor, why: Why, *, tenant: str = "") -> Entity:
        """Raises NotFound, also where the policy hides it."""
        row, rights = await self._row(id, tenant), self._sight.rights(by, why)
        seen = self._sight.row(row, rights, "read") if row else None
        if row and seen:
            await self.looks.at_one(row, by, why)
        return open_to(id, seen)

    async def tell(self, id: str, by: Actor, why: Why, shape: Shape, *, tenant: str = "") -> Raw:
        """The same as JSON."""
        row, rights = await self._row(id, tenant), self._sight.rights(by, why)
        seen = self._sight.told(row, rights, "read", shape) if row else None
        if row and seen:
            await self.looks.at_one(row, by, why)
        return open_to(id, seen)

    def seen(self, entity: Entity, by: Actor, why: Why, act: Act) -> Entity | None:
        """An entity that is not kept here as `by` may see it; None where it is hidden."""
        return self._sight.seen(entity, self._sight.rights(by, why), act)

    async def _row(self, id: str, tenant: str) -> Row | None:
        await self.expiry.due(self.clock)
        return await self.store.get(Key(tenant, "context", id))

    def shape(self, terms: Terms, view: View, how: How) -> Wording:
        """A way to tell entities; `how` tells views apart."""
        return self._sight.shape(terms, view, how)

    def own_shape(self, write: Write) -> Shape:
        """The same for who writes entities in a way of their own; made once, then kept."""
        return self._sight.own_shape(write)

    async def types_of(self, id: str, *, tenant: str = "") -> tuple[str, ...]:
        """To decide by, not to tell: also of what the policy hides. Empty where nothing is."""
        row = await self.store.get(Key(tenant, "context", id))
        return self._sight.decoded.of(row).types if row else ()

    async def find(
        self, query: Query, by: Actor, why: Why, *, tenant: str = "", act: Act = "read"
    ) -> Page:
        found = await self._find(query, by, why, tenant, act)
        rights = self._sight.rights(by, why)
        seen = (self._sight.row(row, rights, act) for row in found.rows)
        return Page([entity for entity in seen if entity], found.count, found.more)

    async def told(
        self, query: Query, by: Actor, why: Why, shape: Shape, *, tenant: str = ""
    ) -> Written:
        """The same as JSON."""
        found = await self._find(query, by, why, tenant, "read")
        rights = self._sight.rights(by, why)
        told = [self._sight.told(row, rights, "read", shape) for row in found.rows]
        return Written([json for json in told if json is not None], found.count, found.more)

    async def _find(self, query: Query, by: Actor, why: Why, tenant: str, act: Act) -> Rows:
        await self.expiry.due(self.clock)
        find = self._sight.find(query, by, why, act, tenant)
        count = await self.store.count(tenant, find) if query.count else None
        # One more than is asked for tells whether there is a next page.
        rows = (
            await self.store.find(tenant, structs.replace(find, limit=find.limit + 1))
            if find.limit
            else []
        )
        if not rows and find.offset and find.limit:
            rows = await self._last(find, count, tenant)
        await self.looks.at_several(query, rows[: find.limit], by, why, WAYS[act], count)
        return Rows(rows[: find.limit], count, len(rows) > find.limit)

    async def ids(
        self, query: Query, by: Actor, why: Why, most: int, *, tenant: str = ""
    ) -> list[str]:
        """Of up to `most` that match, in their order."""
        return [row.key.id for row in await self._most(query, by, why, most, tenant)]

    async def parts(
        self, query: Query, by: Actor, why: Why, shape: Shape, most: int, size: int
    ) -> AsyncIterator[list[Raw]]:
        """The same as JSON, `size` at a time, between which others are answered. They are of one
        moment; what may be seen of them is of the moment in which they are told.
        """
        rows = await self._most(query, by, why, most, "")
        for start in range(0, len(rows), size):
            rights = self._sight.rights(by, why)
            part = rows[start : start + size]
            told = [self._sight.told(row, rights, "read", shape) for row in part]
            yield [json for json in told if json is not None]
            await asyncio.sleep(0)

    async def _most(self, query: Query, by: Actor, why: Why, most: int, tenant: str) -> list[Row]:
        await self.expiry.due(self.clock)
        find = self._sight.find(query, by, why, "read", tenant)
        rows = await self.store.find(tenant, structs.replace(find, limit=most, offset=0))
        await self.looks.at_several(query, rows, by, why, WAYS["read"], None)
        return rows

    async def _last(self, find: Find, count: int | None, tenant: str) -> list[Row]:
        """An offset behind the end leads to the last one (clause 6.3.10)."""
        total = await self.store.count(tenant, find) if count is None else count
        if not total:
            return []
        return await self.store.find(tenant, structs.replace(find, limit=1, offset=total - 1))

    async def history(
        self, ask: TemporalQuery, by: Actor, why: Why, *, tenant: str = ""
    ) -> list[Entity]:
        """Entities with all instances in time as instances of their attributes, oldest first."""
        return (await self.chronicle.evolution(ask, by, why, tenant=tenant)).entities

    async def census(self, by: Actor, why: Why, *, tenant: str = "") -> Census:
        """How many entities there are of what, as far as the policy shows it."""
        found = await self.store.census(tenant)
        return {what: n for what, n in found.items() if self._sight.may_know(what, by, why)}

    # --- following

    @contextmanager
    def watch(
        self, by: Actor, why: Why, types: Sequence[str] = (), *, tenant: str = ""
    ) -> Iterator[Watching]:
        """News from now on as `by` may see it, keeping up by leaving out intermediate states."""
        watch = self.bus.watch(types)
        try:
            looked = partial(self.looks.at_news, by, why) if self.looks.concern(by) else None
            yield Watching(watch, tenant, lambda changed: self.shown(changed, by, why), looked)
        finally:
            watch.close()

    def shown(self, changed: Changed, by: Actor, why: Why) -> Changed | None:
        """News as `by` may see them; None where they are nobody's business."""
        return self._sight.shown(changed, by, why)

    async def last_seq(self) -> int:
        return await self.store.last_seq()

    async def cursor(self, reader: str) -> int | None:
        """How far a durable reader has come; None before its first time."""
        return await self.store.cursor(reader)

    async def changed_since(self, seq: int, tenant: str = "") -> list[str] | None:
        """Ids of what changed behind `seq`; None when that is too long ago to know."""
        found = await self.store.changed_since(seq)
        return None if found is None else [id for where, id in found if where == tenant]

    async def follow(
        self, reader: str, patience_s: Callable[[], float | None] = lambda: None
    ) -> AsyncIterator[list[Changed]]:
        """Every change behind the reader's cursor, in order, missing nothing; an empty list when
        there was none for `patience_s`, which is asked each time.

        The reader stores how far it came with `apply(..., upto=Cursor(reader, seq))`.
        """
        seq = await self.store.cursor(reader)
        if seq is None:
            seq = await self.store.last_seq()
            await self.apply([], _keeper(reader), Why("operations"), upto=Cursor(reader, seq))
        with self.bus.bell() as bell:
            while True:
                bell.clear()
                recent = self._recent.after(seq, MOST_NEWS)
                news = await self.store.after(seq, MOST_NEWS) if recent is None else recent
                self.admission.unread_since[reader] = news[0].at if news else None
                if news:
                    seq = news[-1].seq
                    yield news
                elif not await rung(bell, patience_s()):
                    yield []

    async def expire(self) -> None:
        """End what is due; answers never wait for this, they do it themselves where it is late."""
        await self.expiry.due(self.clock)


def open_to(id: str, seen: T | None) -> T:
    """Raises NotFound."""
    if seen is None:
        raise NotFound(f"{id} does not exist, or is not open to you")
    return seen


def _keeper(reader: str) -> Actor:
    return Actor(f"room:{reader}", "room", roles=frozenset({"room"}), room=reader)
