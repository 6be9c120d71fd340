"""The ASGI application below /ngsi-ld/v1.

A thin dispatcher: path and method choose one operation, the operation makes typed input of
the request, asks the broker and answers. Every answer comes from here, errors too.
"""

from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from townsquare.context.api.attributes import AttributeProvision
from townsquare.context.api.batch import Batch
from townsquare.context.api.change import EntityWriter
from townsquare.context.api.consume import Consumption
from townsquare.context.api.contexts import ContextServer
from townsquare.context.api.discover import Discovery
from townsquare.context.api.maps import MapDoors
from townsquare.context.api.provide import Provision
from townsquare.context.api.purge import Purge
from townsquare.context.api.record import Record
from townsquare.context.api.snapshots import SnapshotDoors
from townsquare.context.api.sources import SourceDoors
from townsquare.context.api.temporal import Past
from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.http import (
    BESIDE,
    ROOT,
    Refused,
    Request,
    path_below,
    problem,
    read_request,
    refusal,
    send_answer,
)
from townsquare.context.maps.atlas import Atlas
from townsquare.context.openapi import document
from townsquare.context.outgoing import Client
from townsquare.context.relay.door import RelayDoor
from townsquare.context.relay.interests import Interests
from townsquare.context.relay.relay import Relay
from townsquare.context.relay.whole import Wholes
from townsquare.context.routes import Guarded, Router, Run
from townsquare.context.shelf import Shelf
from townsquare.context.snapshots.gallery import SNAPSHOT, Gallery
from townsquare.context.snapshots.preparing import Asking
from townsquare.context.sources.batches import SharedBatch
from townsquare.context.sources.bulletin import Bulletin
from townsquare.context.sources.calling import Caller
from townsquare.context.sources.consumption import SharedReading
from townsquare.context.sources.mapped import MappedReading
from townsquare.context.sources.past import SharedPast
from townsquare.context.sources.provision import SharedWriting
from townsquare.context.sources.purging import SharedPurge
from townsquare.context.sources.registry import Registry
from townsquare.context.sources.subscribers import Subscribers
from townsquare.context.subscriptions.book import Book
from townsquare.context.subscriptions.delivery import Courier
from townsquare.context.subscriptions.desk import Desk
from townsquare.context.subscriptions.doors import Doors
from townsquare.context.subscriptions.writer import Writer
from townsquare.model.errors import TownsquareError
from townsquare.trust.policy import require

# There before the tenant is, or in whichever tenant a subscription is.
TENANTLESS = frozenset({"info", "jsonldContexts", "ex"})
MAKES_TENANTS = frozenset(
    {
        "entities",
        "entityOperations/create",
        "entityOperations/upsert",
        "temporal/entities",
        "subscriptions",
        "csourceRegistrations",
        "csourceSubscriptions",
    }
)


class Api:
    """Needs `actor` and `why` in the scope's state."""

    def __init__(
        self, broker: Broker, client: Client, origin: str = "http://localhost:8400"
    ) -> None:
        """`origin` is where others reach this server: what it hosts is named so."""
        self.broker = broker
        self.contexts = Contexts(Shelf(broker, client, origin))
        self.registry = Registry(broker, urlsplit(origin).netloc)
        self.courier = Courier(client)
        book = Book(broker)
        caller = Caller(client, self.contexts, self.registry)
        reading = SharedReading(caller, self.contexts)
        writer_of_news = Writer(broker, self.contexts, Wholes(reading, self.contexts).of)
        self.subscriptions = Desk(book, writer_of_news, self.courier)
        self.relay = Relay(book, caller, self.contexts, origin)
        told = RelayDoor(
            self.relay.passages, self.registry, self.subscriptions, self.contexts, client
        )
        self.beside = Router(told.routes())  # what the standard names no address for
        sharing = SharedWriting(caller)
        writer = EntityWriter(sharing)
        maps = MappedReading(reading, Atlas(broker))
        consumption = Consumption(maps, self.contexts)
        past = Past(SharedPast(reading), maps.atlas, self.contexts)
        asking = Asking(maps, consumption.question, past.question)
        self.snapshots = Gallery(broker, asking, self.courier)
        self._book = book
        self._subscribers = subscribers = Subscribers(broker)
        self.bulletin = Bulletin(self.registry, subscribers, self.courier, self.contexts)
        self.router = Router(
            Provision(writer, self.contexts).routes(),
            AttributeProvision(writer, self.contexts).routes(),
            Batch(SharedBatch(sharing), self.contexts).routes(),
            Purge(SharedPurge(sharing), self.contexts).routes(),
            consumption.routes(),
            Discovery(broker, self.contexts).routes(),
            past.routes(),
            MapDoors(consumption, past, self.contexts).routes(),
            SnapshotDoors(self.snapshots, self.contexts).routes(),
            Record(broker, self.contexts).routes(),
            Doors(book, self.contexts, self.registry.alias).routes(),
            ContextServer(self.contexts).routes(),
            SourceDoors(self.registry, self.contexts).routes(),
            Doors(
                Interests(subscribers, self.relay),
                self.contexts,
                self.registry.alias,
                "csourceSubscriptions",
                of_sources=True,
            ).routes(),
            document.routes(),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        beside = not scope["path"].startswith(ROOT)
        try:
            state = scope["state"]
            self.broker.require_open(state["actor"], state["why"])
            request = await read_request(
                scope, receive, path_below(scope, BESIDE if beside else ROOT)
            )
            operation = self.chosen(request, beside=beside)
            await self._tenant(request)
            if SNAPSHOT in request.headers:
                request = await self.snapshots.entered(request)
            answer = await operation(request)
        except Refused as refused:
            answer = refusal(refused)
        except TownsquareError as error:
            answer = problem(error)
        await send_answer(send, scope, answer)

    async def reconsider(self, actor: str) -> None:
        """What an actor left standing who may not go on as they were (`broker.owners`)."""
        await self._book.reconsider(actor)

    async def _tenant(self, request: Request) -> None:
        """Raises NonexistentTenant where the operation does not make one (clause 5.5.10)."""
        if request.tenant and not (
            request.path[0] in TENANTLESS
            or (request.method == "POST" and "/".join(request.path) in MAKES_TENANTS)
        ):
            await self.broker.require_tenant(request.tenant)

    def chosen(self, request: Request, *, beside: bool = False) -> Run:
        """The operation of a path and method. Raises Refused 404 or 405, Denied."""
        chosen = (self.beside if beside else self.router).chosen(request)
        if isinstance(chosen, Guarded):
            by, why = request.actor, request.why
            if chosen.governed and self.broker.owners.governs(by, why):
                return chosen.run
            # Before the body is looked at: a stranger's costs nothing.
            require(self.broker.grant(by, why, chosen.act, ""))
            return chosen.run
        return chosen
