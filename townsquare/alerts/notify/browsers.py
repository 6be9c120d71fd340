"""Browsers that are called in a contact's place: who registered them, and where each is reached.

Always holds: where a browser is reached lies in a private row and in no entity, since who knows it
can send to it; it goes when the browser leaves or its push service knows it no more.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from townsquare.alerts.notify.paging import whole
from townsquare.alerts.notify.push import Subscription
from townsquare.alerts.notify.types import BROWSER
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, entity, iso, relationship, urn
from townsquare.model.errors import Conflict

PRIVATE = "browser of "  # no client can choose an id that begins so: it is no URI
REGISTERED, LEFT = parse('state=="registered"'), parse('state=="left"')
MOST_BROWSERS = 20  # of a contact: each is called, and somebody could register without end


@dataclass(frozen=True, slots=True)
class Browser:
    id: str
    subscription: Subscription


def browser_id(endpoint: str) -> str:
    return urn(BROWSER, hashlib.sha256(endpoint.encode()).hexdigest()[:32])


@dataclass(frozen=True, slots=True)
class Browsers:
    broker: Broker

    async def register(self, contact: str, one: Subscription, by: Actor, why: Why) -> str:
        """Raises Conflict where the contact has as many as are called."""
        id = browser_id(one.endpoint)
        others = {entity.id for entity in await self._registered(contact)} - {id}
        if len(others) >= MOST_BROWSERS:
            raise Conflict(
                f"{contact} has {len(others)} browsers, which is the most; let one leave that is"
                " not used any more"
            )
        told = entity(
            id,
            BROWSER,
            contact=Attribute(contact),
            service=Attribute(one.host),
            state=Attribute("registered"),
            registeredBy=relationship(by.id),
            registeredAt=Attribute(iso(self.broker.clock())),
        )
        row = {PRIVATE + id: msgspec.json.encode(one)}
        await self.broker.apply_beside([Change("merge", told, upsert=True)], row, by, why)
        return id

    async def leave(self, endpoint: str, by: Actor, why: Why) -> None:
        """Raises NotFound."""
        id = browser_id(endpoint)
        await self.broker.read(id, ROOM, WHY)
        await self._left(id, by, why)

    async def gone(self, one: Browser) -> None:
        await self._left(one.id, ROOM, WHY)

    async def of(self, contact: str) -> list[Browser]:
        mine = [one.id for one in await self._registered(contact)]
        if not mine:
            return []
        rows = await self._rows()
        return [
            Browser(id, msgspec.json.decode(rows[id], type=Subscription))
            for id in mine
            if id in rows
        ]

    async def _registered(self, contact: str) -> list[Entity]:
        found = await whole(self.broker, Query((BROWSER,), q=REGISTERED))
        return [one for one in found if one.value("contact") == contact]

    async def sweep(self) -> None:
        page = await self.broker.find(Query((BROWSER,), q=LEFT, limit=MOST), ROOM, WHY)
        if page.entities:
            gone = [Change("delete", Entity(one.id, ())) for one in page.entities]
            await self.broker.apply(gone, ROOM, WHY)

    async def _left(self, id: str, by: Actor, why: Why) -> None:
        told = Change("merge", entity(id, BROWSER, state=Attribute("left")))
        await self.broker.apply_beside([told], {PRIVATE + id: None}, by, why)

    async def _rows(self) -> Mapping[str, bytes]:
        rows = await self.broker.documents.listed("private")
        return {r.key.id[len(PRIVATE) :]: r.body for r in rows if r.key.id.startswith(PRIVATE)}
