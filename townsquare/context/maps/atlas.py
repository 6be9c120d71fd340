"""The maps that are kept, each for a while and for who asked (clause 5.5.14).

Always holds: of one actor there are no more than MOST_EACH; one more takes the place of the one
that ends first, whose owner gets a new one where it is asked for again. What has ended is not
there, and is dropped when the next one is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.http import Request
from townsquare.context.maps.entity_map import (
    LONGEST,
    EntityMap,
    Places,
    bounded,
    fresh_id,
    lifetime,
    named,
)
from townsquare.context.once import Once
from townsquare.model.actor import Actor
from townsquare.model.errors import NotFound
from townsquare.store import Key

MOST_EACH = 50
HEADER = "ngsild-entitymap"


@dataclass(frozen=True, slots=True)
class Held:
    """What is remembered of a map that lies in the store."""

    by: Actor
    expires_at: datetime


class Atlas:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._held: dict[Key, Held] = {}
        self.load = Once(self._load)

    async def _load(self) -> None:
        for row in await self.broker.documents.listed("map", None):
            one = _decoded(row.body)
            self._held[row.key] = Held(one.by, one.expires_at)

    # --- reading

    def wanted(self, request: Request) -> bool:
        """Strangers get none, as the clause allows: they would fill the store."""
        asked = HEADER in request.headers or request.flag("entityMap")
        return asked and self.broker.grant(request.actor, request.why, "watch", "").allowed

    async def used(self, request: Request) -> EntityMap | None:
        """The one that the request names; None where a new one is to be made (clause 5.7.2.4)."""
        location = request.headers.get(HEADER)
        if not location:
            return None
        try:
            return await self.own(request, named(location))
        except NotFound:
            return None

    async def own(self, request: Request, id: str) -> EntityMap:
        """Raises NotFound."""
        key = Key(request.tenant, "map", id)
        await self._require(key, request.actor)
        return _decoded(await self.broker.documents.read(key))

    async def _require(self, key: Key, by: Actor) -> None:
        await self.load()
        held = self._held.get(key)
        if held is None or held.by != by or held.expires_at <= self.broker.clock():
            raise NotFound(f"there is no entity map {key.id}, or it has expired")

    # --- changing

    async def keep(
        self,
        request: Request,
        entities: Places,
        linked: Mapping[str, str] | None = None,
        asked: str = "",
    ) -> EntityMap:
        """A new one. Raises Invalid or TooManyResults."""
        await self.load()
        end = self.broker.clock() + lifetime(request.parameters.get("entityMapLifetime", ""))
        one = EntityMap(
            fresh_id(), request.tenant, request.actor, end, bounded(entities), linked or {}, asked
        )
        key = Key(one.tenant, "map", one.id)
        dropped = self._superfluous(one.by)
        self._held[key] = Held(one.by, one.expires_at)
        for old in dropped:
            del self._held[old]
        rows = {key: msgspec.json.encode(one), **dict.fromkeys(dropped)}
        await self.broker.documents.note(rows)
        return one

    def _superfluous(self, by: Actor) -> list[Key]:
        now = self.broker.clock()
        ended = [key for key, held in self._held.items() if held.expires_at <= now]
        mine = [
            (held.expires_at, key)
            for key, held in self._held.items()
            if held.by == by and held.expires_at > now
        ]
        return ended + [key for _, key in sorted(mine)[: max(0, len(mine) - MOST_EACH + 1)]]

    async def expire(self, request: Request, id: str, at: datetime) -> None:
        """At another time, at most LONGEST from now. Raises NotFound."""
        key = Key(request.tenant, "map", id)
        await self._require(key, request.actor)
        end = min(at, self.broker.clock() + LONGEST)
        self._held[key] = Held(request.actor, end)
        await self._revise(key, expires_at=end)

    async def prune(self, one: EntityMap, gone: frozenset[str], linked: Mapping[str, str]) -> None:
        """Without what no longer fits its question, and with maps that sources made anew."""
        if not (gone or linked):
            return

        def change(body: bytes) -> bytes:
            left = _decoded(body).without(gone)
            now = {**left.linked, **linked}
            return msgspec.json.encode(msgspec.structs.replace(left, linked=now))

        await self.broker.documents.revise(Key(one.tenant, "map", one.id), change)

    async def _revise(self, key: Key, expires_at: datetime) -> None:
        def change(body: bytes) -> bytes:
            return msgspec.json.encode(
                msgspec.structs.replace(_decoded(body), expires_at=expires_at)
            )

        await self.broker.documents.revise(key, change)

    async def drop(self, request: Request, id: str) -> None:
        """Raises NotFound."""
        key = Key(request.tenant, "map", id)
        await self._require(key, request.actor)
        del self._held[key]
        await self.broker.documents.note({key: None})


def _decoded(body: bytes) -> EntityMap:
    return msgspec.json.decode(body, type=EntityMap)
