"""The sources that are registered, by tenant (clauses 5.9 and 4.3.6.3).

Kept in the store and, since each request asks who else has a part in it, in memory as well. A
registration that has expired is not there any more. Always holds: what an exclusive source has,
no other one takes, and this broker does not have; types that a room of the house declares are
never anybody else's.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.once import Once
from townsquare.context.query import Query
from townsquare.context.sources.identity import alias
from townsquare.context.sources.matching import Wanted, matches
from townsquare.context.sources.registration import Group, Information, Registration
from townsquare.context.sources.tally import Tally
from townsquare.model.actor import Actor, Why, room
from townsquare.model.errors import AlreadyExists, Conflict, Denied, NotFound, TooComplex
from townsquare.store import Key

MOST = 1000  # registrations of a tenant
REGISTRAR = room("sources")
SEARCH = Why("operations")
Listener = Callable[[str, Registration | None, Registration | None], None]


class Registry:
    def __init__(self, broker: Broker, name: str) -> None:
        """`name` is this broker's own in the chain of brokers that pass a request on."""
        self.broker = broker
        self.name = name
        self.tallies: defaultdict[Key, Tally] = defaultdict(Tally)
        self.listeners: list[Listener] = []  # told tenant, before, after
        self._known: defaultdict[str, dict[str, Registration]] = defaultdict(dict)
        self.load = Once(self._load)
        self._one_at_a_time = asyncio.Lock()

    async def _load(self) -> None:
        for row in await self.broker.documents.listed("registration", None):
            self._known[row.key.tenant][row.key.id] = _decoded(row.body)

    def tally(self, tenant: str, one: Registration) -> Tally:
        return self.tallies[Key(tenant, "registration", one.id)]

    def alias(self, tenant: str) -> str:
        return alias(self.name, tenant)

    async def of(self, tenant: str) -> Sequence[Registration]:
        """All that may be asked, oldest first: not those of who may not act any more."""
        stopped = self.broker.owners.stopped
        return [one for one in await self.all(tenant) if not stopped(one.by)]

    async def all(self, tenant: str) -> Sequence[Registration]:
        """Oldest first."""
        await self.load()
        known = self._known.get(tenant)
        if not known:
            return ()
        now = self.broker.clock()
        return [one for one in known.values() if not one.expired(now)]

    async def get(self, tenant: str, id: str) -> Registration:
        """Raises NotFound."""
        await self.load()
        one = self._known[tenant].get(id) if tenant in self._known else None
        if one is None or one.expired(self.broker.clock()):
            raise NotFound(f"the registration {id} does not exist")
        return one

    async def add(self, tenant: str, one: Registration, by: Actor, why: Why) -> None:
        """Raises AlreadyExists, Conflict, Denied, TooComplex."""
        async with self._one_at_a_time:
            others = await self.all(tenant)
            if any(other.id == one.id for other in others):
                raise AlreadyExists(f"the registration {one.id} exists already")
            if len(others) >= MOST:
                raise TooComplex(f"there are {MOST} registrations already; delete one first")
            await self._check(tenant, one, others)
            await self._keep(tenant, one, by, why)
        self._tell(tenant, None, one)

    async def replace(self, tenant: str, one: Registration, by: Actor, why: Why) -> None:
        """Raises NotFound, Conflict, Denied."""
        async with self._one_at_a_time:
            before = await self.get(tenant, one.id)
            self.broker.owners.require(before.by, by, why, before.id)
            others = [other for other in await self.all(tenant) if other.id != one.id]
            await self._check(tenant, one, others)
            await self._keep(tenant, one, by, why)
        self._tell(tenant, before, one)

    async def remove(self, tenant: str, id: str, by: Actor, why: Why) -> None:
        """Raises NotFound."""
        async with self._one_at_a_time:
            before = await self.get(tenant, id)
            self.broker.owners.require(before.by, by, why, id)
            await self.broker.documents.drop(Key(tenant, "registration", id), by, why)
            del self._known[tenant][id]
            self.tallies.pop(Key(tenant, "registration", id), None)
        self._tell(tenant, before, None)

    async def sweep(self) -> None:
        """Let go of what has expired."""
        await self.load()
        now = self.broker.clock()
        for tenant, known in list(self._known.items()):
            for one in [one for one in known.values() if one.expired(now)]:
                await self.broker.documents.drop(
                    Key(tenant, "registration", one.id), REGISTRAR, SEARCH
                )
                known.pop(one.id, None)
                self._tell(tenant, one, None)

    async def next_expiry_s(self) -> float | None:
        """Seconds until the next registration expires; None when none will."""
        await self.load()
        known = [one for those in self._known.values() for one in those.values()]
        ends = [one.expires_at for one in known if one.expires_at]
        return max(0.0, (min(ends) - self.broker.clock()).total_seconds()) if ends else None

    async def _keep(self, tenant: str, one: Registration, by: Actor, why: Why) -> None:
        key = Key(tenant, "registration", one.id)
        await self.broker.documents.keep(key, msgspec.json.encode(one), by, why)
        self._known[tenant][one.id] = one

    def _tell(self, tenant: str, before: Registration | None, after: Registration | None) -> None:
        for listener in self.listeners:
            listener(tenant, before, after)

    # --- what must hold

    async def _check(self, tenant: str, one: Registration, others: Iterable[Registration]) -> None:
        house = self.broker.policy.types
        for entity in (e for part in one.information for e in part.entities or ()):
            if owned := [type for type in entity.types if type in house]:
                raise Denied(f"{owned[0]} belongs to a room of the house, not to a source")
        if not one.proxied:
            return
        for other in others:
            if "exclusive" in (one.mode, other.mode) and other.proxied and _overlap(one, other):
                raise Conflict(f"{other.id} has some of the same attributes of the same entity")
        if one.mode == "exclusive":
            await self._check_here(tenant, one)
        else:
            await self._check_none_here(tenant, one)

    async def _check_here(self, tenant: str, one: Registration) -> None:
        """Raises Conflict where this broker has what shall be exclusively elsewhere."""
        for part in one.information:
            ids = tuple(entity.id for entity in part.entities or () if entity.id)
            query = Query(ids=ids, attributes=tuple(part.attributes), limit=1)
            await self._require_none(tenant, query, one)

    async def _check_none_here(self, tenant: str, one: Registration) -> None:
        for part in one.information:
            for entity in part.entities or (None,):
                await self._require_none(tenant, _query(part, entity), one)

    async def _require_none(self, tenant: str, query: Query, one: Registration) -> None:
        page = await self.broker.find(query, REGISTRAR, SEARCH, tenant=tenant)
        if page.entities:
            raise Conflict(f"{page.entities[0].id} is here, which {one.id} would have elsewhere")


def _query(part: Information, entity: Group | None) -> Query:
    attributes = tuple(part.attributes)
    if entity is None:
        return Query(attributes=attributes, limit=1)
    pattern = "" if entity.id else entity.id_pattern or ""
    ids = (entity.id,) if entity.id else ()
    return Query(types=entity.types, ids=ids, pattern=pattern, attributes=attributes, limit=1)


def _overlap(one: Registration, other: Registration) -> bool:
    return any(matches(other, wanted) for part in one.information for wanted in _wanted(part))


def _wanted(part: Information) -> list[Wanted]:
    if part.entities is None:
        return [Wanted(attributes=part.attributes)]
    return [
        Wanted(frozenset(e.types), (e.id,) if e.id else (), e.id_pattern or "", part.attributes)
        for e in part.entities
    ]


def _decoded(body: bytes) -> Registration:
    return msgspec.json.decode(body, type=Registration)
