"""A town with one count and the rules about it, and a clock that is set by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conftest import OpenBroker
from townsquare.alerts import api, run
from townsquare.alerts.handover import types as handovers
from townsquare.alerts.incidents import types as incidents
from townsquare.alerts.load import types as load_types
from townsquare.alerts.notify import types as notify
from townsquare.context.broker import Broker
from townsquare.context.http import problem
from townsquare.context.query import Query
from townsquare.context.temporal import TemporalQuery
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE, EntityType
from townsquare.model.entity import Attribute, Entity, entity
from townsquare.model.errors import NotFound, TownsquareError
from townsquare.model.rule import Rule

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
WORK = Why("operations")
SEEN_BY = frozenset({"operator"})
FLOW = EntityType(
    "CrowdFlowObserved", owner="vision", readers=SEEN_BY, published=frozenset({"peopleCount"})
)
TYPES = (
    FLOW,
    *run.TYPES,
    *incidents.TYPES,
    *handovers.TYPES,
    *load_types.TYPES,
    *notify.TYPES,
)
ANNA = Actor("urn:ngsi-ld:Person:anna", "person", roles=frozenset({"operator"}))
BEN = Actor("urn:ngsi-ld:Person:ben", "person", roles=frozenset({"operator"}))
CHIEF = Actor("urn:ngsi-ld:Person:carla", "person", roles=frozenset({"operator", "engineer"}))
ENGINEER = Actor("urn:ngsi-ld:Person:eva", "person", roles=frozenset({"engineer"}))
SENSOR = Actor("urn:ngsi-ld:Device:1", "machine", roles=frozenset({"integrator"}))
PLAZA = "urn:ngsi-ld:CrowdFlowObserved:square-plaza-live"
FULL = "urn:ngsi-ld:Alert:full:square-plaza-live"

AT_ONCE = Rule("full", "Square is full", FLOW.name, "peopleCount", 10, 6, response="Look")
AFTER_10_S = Rule("full", "Square is full", FLOW.name, "peopleCount", 10, 6, for_s=10)


class Clock:
    def __init__(self) -> None:
        self.now = NOON
        self.strike: Callable[[], None] = lambda: None  # wakes who sleeps until a time

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.strike()


class Town:
    """A town that can be started again on the same data, where its store keeps them."""

    def __init__(self, open_broker: OpenBroker, url: str, clock: Clock) -> None:
        self.url = url
        self.clock = clock
        self.clock.strike = lambda: self.broker.bus.tell(())
        self._open = open_broker
        self.broker = self._start()

    def _start(self) -> Broker:
        broker = self._open(*TYPES, url=self.url)
        broker.clock = self.clock
        return broker

    async def restart(self) -> None:
        if self.url != "memory:":
            await self.broker.store.close()
            self.broker = self._start()

    async def count(self, value: float | None, id: str = PLAZA) -> None:
        """What vision says now; None: it does not know."""
        number = Attribute("urn:ngsi-ld:null" if value is None else value)
        at = None if value is None else self.clock()
        counted = Attribute(number.value, observed_at=at)
        location = Attribute({"type": "Point", "coordinates": [13.5, 52.4]}, kind="GeoProperty")
        flow = entity(id, FLOW.name, (LIVE,), peopleCount=counted, location=location)
        await self.broker.apply([Change("merge", flow, upsert=True)], room("vision"), WORK)

    async def delete(self) -> None:
        gone = Change("delete", Entity(PLAZA, (FLOW.name,)))
        await self.broker.apply([gone], room("vision"), WORK)

    async def alerts(self) -> list[Entity]:
        return (await self.broker.find(Query(types=("Alert",)), ANNA, WORK)).entities

    async def several(self, number: int) -> list[Entity]:
        """All alarms, as soon as there are so many."""
        async with asyncio.timeout(60):
            while True:
                found = await self.alerts()
                if len(found) >= number:
                    return found
                await asyncio.sleep(0.01)

    async def alert(self) -> Entity | None:
        with suppress(NotFound):
            return await self.broker.read(FULL, ANNA, WORK)
        return None

    async def until(self, state: str, count: int = 1) -> Entity:
        """The alarm, as soon as it is so."""
        async with asyncio.timeout(60):
            while True:
                alert = await self.alert()
                if alert and (alert.value("state"), alert.value("count")) == (state, count):
                    return alert
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def alerting(self, *rules: Rule) -> AsyncIterator[None]:
        """The room runs, and is killed at the end."""
        running = asyncio.create_task(run.run(self.broker, rules))
        try:
            await self.caught_up(running)
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def caught_up(self, running: "asyncio.Task[None] | None" = None) -> None:
        """Until the room has read everything; what it stores of that comes a second later."""
        async with asyncio.timeout(60):
            while await self.broker.cursor("alerts") is None:
                if running and running.done():
                    running.result()
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        async with asyncio.timeout(60):
            while True:
                if not self.broker.admission.unread_since.get("alerts"):
                    return
                await asyncio.sleep(0.01)

    async def history(self) -> list[str]:
        """States of the alarm, as the log of the store has them."""
        query = TemporalQuery(Query(types=("Alert",)), attributes=("state",))
        past = await self.broker.history(query, ANNA, WORK)
        return [str(a.value) for e in past for a in e.attributes.get("state", ())]


# --- what an operator does


Acknowledge = Callable[[Actor], Awaitable[httpx.Response]]
Command = Callable[..., Awaitable[httpx.Response]]


async def refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TownsquareError)
    answer = problem(error)
    return JSONResponse(answer.json, answer.status)


def acknowledging(town: Town, id: str = FULL) -> Acknowledge:
    ask = commanding(town, id)

    async def acknowledge(actor: Actor) -> httpx.Response:
        return await ask(actor, "acknowledge")

    return acknowledge


def commanding(town: Town, id: str = FULL) -> Command:
    """Asks for a command as an actor, with what the body says."""
    site = Starlette(routes=api.routes(town.broker), exception_handlers={TownsquareError: refused})

    async def ask(actor: Actor, command: str, **said: object) -> httpx.Response:
        transport = httpx.ASGITransport(as_actor(site, actor))
        async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
            return await client.post(f"/alerts/{id}/{command}", json=said)

    return ask


def as_actor(site: Starlette, actor: Actor) -> ASGIApp:
    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {"actor": actor, "why": WORK}
        await site(scope, receive, send)

    return known
