"""The snapshots that there are, and the room that prepares them (clauses 5.16 and 5.5.15).

Kept in the store like subscriptions; one whose preparation the server's end cut off is prepared
when it starts again. Of one actor there are no more than MOST_EACH: the one that matters least
gives way, by its priority and then by how long ago it was used.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Never

import msgspec
from msgspec import structs

from townsquare.context.broker import Broker
from townsquare.context.core import CORE
from townsquare.context.http import Request
from townsquare.context.once import Once
from townsquare.context.snapshots.copies import Copies
from townsquare.context.snapshots.preparing import Asking, Preparation, Prepared
from townsquare.context.snapshots.snapshot import Given, Snapshot, end
from townsquare.context.subscriptions.delivery import Courier, Message
from townsquare.context.subscriptions.wire import Endpoint
from townsquare.model.actor import Actor, Why, room
from townsquare.model.errors import AlreadyExists, NotFound, NotSupported, Unavailable
from townsquare.store import Key

SNAPSHOT = "ngsild-snapshot"
MOST_EACH = 10
KEEPER, WHY = room("snapshots"), Why("operations")
# What can be done with the entities of one (clause 5.5.15).
WITHIN = frozenset(
    {"entities", "entityOperations", "entityMaps", "temporal", "types", "attributes"}
)


class Gallery:
    def __init__(self, broker: Broker, asking: Asking, courier: Courier) -> None:
        self.broker = broker
        self.courier = courier
        self.copies = Copies(broker)
        self.preparation = Preparation(broker, asking, self.copies)
        self._all: dict[Key, Snapshot] = {}
        self._used: dict[Key, datetime] = {}
        self._waiting: asyncio.Queue[Key] = asyncio.Queue()
        self.load = Once(self._load)

    async def _load(self) -> None:
        for row in await self.broker.documents.listed("snapshot", None):
            one = msgspec.json.decode(row.body, type=Snapshot)
            self._all[row.key] = one
            if one.status == "preparing":
                self._waiting.put_nowait(row.key)

    # --- reading

    async def own(self, request: Request, id: str) -> Snapshot:
        """Raises NotFound, also for the snapshot of somebody else."""
        await self.load()
        one = self._all.get(Key(request.tenant, "snapshot", id))
        if one is None or one.by != request.actor or one.expires_at <= self.broker.clock():
            raise NotFound(f"there is no snapshot {id[:200]}, or it has expired")
        return one

    async def of(self, request: Request) -> list[Snapshot]:
        await self.load()
        now = self.broker.clock()
        return [
            one
            for one in self._all.values()
            if (one.by, one.tenant) == (request.actor, request.tenant) and one.expires_at > now
        ]

    def last_used(self, one: Snapshot) -> datetime:
        return self._used.get(one.key, one.created_at)

    async def entered(self, request: Request) -> Request:
        """The request as one about what lies in the snapshot that it names.

        Raises NotFound, NotSupported, or Unavailable while it is prepared.
        """
        one = await self.own(request, request.headers[SNAPSHOT])
        if request.path[0] not in WITHIN:
            raise NotSupported(f"/{request.path[0]} is not for a snapshot; leave the header out")
        if one.status == "preparing":
            raise Unavailable(f"{one.id} is still being prepared; ask again soon", 1)
        self._used[one.key] = self.broker.clock()
        return structs.replace(request, tenant=one.place, snapshot=one.id)

    # --- changing

    async def add(self, one: Snapshot) -> None:
        """Raises AlreadyExists, or Invalid for what is no question."""
        await self.load()
        if one.key in self._all:
            raise AlreadyExists(f"the snapshot {one.id} exists already")
        if not one.copied:
            await self.preparation.check(one)
        await self._make_room(one.by)
        await self.broker.documents.keep(
            one.key, msgspec.json.encode(one), one.by, one.why, new=True
        )
        self._all[one.key] = one
        self._waiting.put_nowait(one.key)

    async def _make_room(self, by: Actor) -> None:
        mine = [one for one in self._all.values() if one.by == by]
        mine.sort(key=lambda one: (one.given.snapshot_priority, self.last_used(one)))
        for one in mine[: max(0, len(mine) - MOST_EACH + 1)]:
            await self._clear(one)

    async def amend(self, one: Snapshot, given: Given, *, renewed: bool) -> Snapshot:
        """`renewed`: its time begins anew. Who wants to know is told. Raises NotFound."""
        now = self.broker.clock()
        ends = end(given, now, one.oldest) if renewed else one.expires_at

        def change(known: Snapshot) -> Snapshot:
            return msgspec.structs.replace(known, given=given, modified_at=now, expires_at=ends)

        changed = await self._change(one, change)
        self._waiting.put_nowait(one.key)
        return changed

    async def _change(self, one: Snapshot, change: Callable[[Snapshot], Snapshot]) -> Snapshot:
        """Raises NotFound, also where another one has its id by now."""

        def amended(body: bytes) -> bytes:
            known = msgspec.json.decode(body, type=Snapshot)
            if known.place != one.place:
                raise NotFound(f"the snapshot {one.id[:200]} was deleted")
            return msgspec.json.encode(change(known))

        body = await self.broker.documents.amend(one.key, amended, one.by, one.why)
        changed = self._all[one.key] = msgspec.json.decode(body, type=Snapshot)
        return changed

    async def drop(self, one: Snapshot, by: Actor, why: Why) -> None:
        """Raises NotFound."""
        await self.copies.wipe(one.place)
        await self.broker.documents.drop(one.key, by, why)
        self._forget(one)
        await self.copies.wipe(one.place)  # of what came meanwhile

    async def _clear(self, one: Snapshot) -> None:
        with suppress(NotFound):  # somebody else has dropped it meanwhile
            await self.drop(one, KEEPER, WHY)
        self._forget(one)

    def _forget(self, one: Snapshot) -> None:
        known = self._all.get(one.key)
        if known and known.place == one.place:  # and not the next one of that id
            del self._all[one.key]
            self._used.pop(one.key, None)

    # --- the room

    async def run(self) -> Never:
        await self.load()
        await self._clear_strays()
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._sweep()
                key = await self._next()
                one = self._all.get(key) if key else None
                if one and one.status == "preparing":
                    one = await self._prepared(one)
                if one and one.given.told:
                    tasks.create_task(self._tell(one, one.given.told))

    async def _clear_strays(self) -> None:
        """What an end of the server kept from being wiped."""
        strays = set(await self.copies.places()) - {one.place for one in self._all.values()}
        for place in strays:
            await self.copies.wipe(place)

    async def _next(self) -> Key | None:
        """What is to be prepared or told; None when one of them ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._next_end_s()):
                return await self._waiting.get()
        return None

    def _next_end_s(self) -> float | None:
        ends = [one.expires_at for one in self._all.values()]
        return max(0.1, (min(ends) - self.broker.clock()).total_seconds()) if ends else None

    async def _sweep(self) -> None:
        now = self.broker.clock()
        for one in [one for one in self._all.values() if one.expires_at <= now]:
            await self._clear(one)

    async def _prepared(self, one: Snapshot) -> Snapshot | None:
        """None where it was deleted meanwhile. What cannot be kept now is prepared once more."""
        try:
            done = await self.preparation.of(one)
            if one.copied and not any(other.place == one.copied for other in self._all.values()):
                # It was deleted before all of it was copied.
                await self.copies.wipe(one.place)
                done = Prepared("failure")
            return await self._change(one, lambda known: _with(known, done))
        except NotFound:
            await self.copies.wipe(one.place)
            return None
        except Unavailable:
            self._waiting.put_nowait(one.key)
            raise

    async def _tell(self, one: Snapshot, endpoint: Endpoint) -> None:
        """Once (clause 5.16.6); what fails is the endpoint's loss: the status can be asked for."""
        body = one.notification(self.broker.clock())
        await self.courier.deliver(Message(endpoint, body, CORE, one.tenant))


def _with(one: Snapshot, done: Prepared) -> Snapshot:
    return msgspec.structs.replace(
        one, status=done.status, details=done.details, past_details=done.past_details
    )
