"""Where sources tell what was subscribed to in somebody's name (clause 5.8.6).

Who knows the id of a copy may tell its subscriber, if its host may still be called. A notification
is answered once it is kept; one that comes twice is told once.
"""

from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import urlsplit

from msgspec import structs

from townsquare.context.contexts import Contexts
from townsquare.context.http import Answer, Request
from townsquare.context.outgoing import Client
from townsquare.context.relay import told
from townsquare.context.relay.passed import Passages, Passed
from townsquare.context.routes import Routes
from townsquare.context.sources.matching import Wanted
from townsquare.context.sources.received import Reader
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.registry import Registry
from townsquare.context.subscriptions.desk import Desk
from townsquare.context.subscriptions.letters import Letter, Part
from townsquare.context.subscriptions.matching import Compiled
from townsquare.context.values import is_uri
from townsquare.model.entity import Json
from townsquare.model.errors import Denied, Invalid, NotFound, TooComplex, Unavailable

LONGEST = 2**20  # bytes of a notification
MOST_WAITING = 100  # notifications for one subscriber who cannot be told just now
MOST_REMEMBERED = 10_000  # ids of notifications, so that none is told twice


@dataclass(frozen=True, slots=True)
class Sender:
    passed: Passed
    source: Registration  # as it is now
    one: Compiled


class RelayDoor:
    def __init__(
        self, passages: Passages, registry: Registry, desk: Desk, contexts: Contexts, client: Client
    ) -> None:
        self.passages = passages
        self.registry = registry
        self.broker = registry.broker
        self.desk = desk
        self.contexts = contexts
        self.client = client
        self._taken: OrderedDict[str, None] = OrderedDict()

    def routes(self) -> Routes:
        return {"ex/remote-notify": {"POST": self.take}}

    async def take(self, request: Request) -> Answer:
        """Raises NotFound, Denied, Invalid, or Unavailable where too much waits already."""
        if len(request.body) > LONGEST:
            raise TooComplex(f"a notification has at most {LONGEST} bytes; send less at once")
        body = request.json()
        if not isinstance(body, dict):
            raise Invalid("a notification must be a JSON object")
        sender = await self._sender(body.get("subscriptionId"))
        letter = await self._letter(request, body, sender)
        if letter.parts and letter.id not in self._taken:
            if self.desk.waiting(letter.key) >= MOST_WAITING:
                raise Unavailable("the subscriber cannot be told just now; send it again later")
            await self.desk.mail.keep(letter)
            self._remember(letter.id)
            self.desk.post(letter)
        return Answer(200)

    async def _sender(self, id: Json) -> Sender:
        """Raises NotFound, Denied."""
        await self.passages.load()
        await self.desk.book.load()
        passed = self.passages.get(id) if isinstance(id, str) else None
        one = self.desk.book.get(passed.key) if passed else None
        if passed is None or one is None:
            raise NotFound("nobody here subscribed under this subscriptionId")
        source = await self.registry.get(passed.tenant, passed.source.id)
        host = urlsplit(source.endpoint).hostname or ""
        if not self.client.allowed.host(host):
            raise Denied(f"{host} may tell nobody here; list the host in [outgoing] hosts")
        return Sender(passed, source, one)

    async def _letter(self, request: Request, body: dict[str, Json], sender: Sender) -> Letter:
        tenant, now = sender.passed.tenant, self.broker.clock()
        words = await self.contexts.of(structs.replace(request, tenant=tenant), body)
        house = self.broker.policy.types.keys()
        reader = Reader(sender.source, words, Wanted(), house, now)
        parts = told.parts(body, reader, sender.one)
        taken = tuple([part for part in parts if not await self._is_ours(part, tenant)])
        id = body.get("id")
        mark = f"{sender.passed.id} {id if is_uri(id) else now.isoformat()}"
        return Letter(mark, tenant, sender.passed.subscription, sender.source.id, now, taken)

    async def _is_ours(self, part: Part, tenant: str) -> bool:
        """What a room of the house declares is told by nobody else."""
        types = await self.broker.types_of(part.entity.id, tenant=tenant)
        return not self.broker.policy.types.keys().isdisjoint(types)

    def _remember(self, id: str) -> None:
        self._taken[id] = None
        if len(self._taken) > MOST_REMEMBERED:
            self._taken.popitem(last=False)
