"""Subscriptions to registrations, those among them that subscriptions to entities bring along.

Clause 5.8.1.4 makes one of the latter for each subscription that sources may have a part in. They
are told to its owner like any other, and change and go with it alone.
"""

from collections.abc import Callable, Sequence

from msgspec import structs

from townsquare.context.relay.relay import Relay
from townsquare.context.sources.interest import Interested
from townsquare.context.sources.subscribers import Subscribers
from townsquare.context.subscriptions.kept import Kept, Tally
from townsquare.context.subscriptions.wire import Endpoint, Params
from townsquare.model.actor import Actor, Why
from townsquare.model.errors import NotFound, NotSupported
from townsquare.store import Key

END = ":sources"  # of the id of one that another subscription brings along


class Interests:
    def __init__(self, subscribers: Subscribers, relay: Relay) -> None:
        self.subscribers = subscribers
        self.relay = relay
        self.broker = subscribers.broker
        self.under_way = subscribers.under_way

    async def load(self) -> None:
        await self.subscribers.load()
        await self.relay.book.load()

    def of(self, by: Actor, why: Why, tenant: str) -> Sequence[Interested]:
        brought = (self._brought(one.key) for one in self.relay.book.of(by, why, tenant))
        return [*self.subscribers.of(by, why, tenant), *(one for one in brought if one)]

    def own(self, key: Key, by: Actor, why: Why) -> Interested:
        """Raises NotFound, also for the subscription of somebody else."""
        if not self._is_brought(key):
            return self.subscribers.own(key, by, why)
        one = self._brought(self.relay.book.own(_whose(key), by, why).key)
        if one is None:
            raise NotFound(f"{key.id} does not exist")
        return one

    def _brought(self, key: Key) -> Interested | None:
        one = self.relay.wish(key)
        if one is None:
            return None
        endpoint = Endpoint(uri=self.relay.back)
        given = structs.replace(
            one.subscription, id=key.id + END, notification=Params(endpoint=endpoint)
        )
        return Interested(structs.replace(one.kept, subscription=given), one.questions)

    def tally(self, key: Key) -> Tally:
        return self.subscribers.tally(key)

    async def create(self, kept: Kept) -> str:
        return await self.subscribers.create(kept)

    async def amend(self, key: Key, by: Actor, why: Why, change: Callable[[Kept], Kept]) -> None:
        """Raises NotFound, NotSupported, and what `change` raises."""
        self._refuse(key)
        await self.subscribers.amend(key, by, why, change)

    async def drop(self, key: Key, by: Actor, why: Why) -> None:
        """Raises NotFound, NotSupported."""
        self._refuse(key)
        await self.subscribers.drop(key, by, why)

    def _refuse(self, key: Key) -> None:
        if self._is_brought(key):
            raise NotSupported(f"{key.id} goes with {_whose(key).id}; change or delete that one")

    def _is_brought(self, key: Key) -> bool:
        return key.id.endswith(END) and self.subscribers.get(key) is None


def _whose(key: Key) -> Key:
    return Key(key.tenant, key.kind, key.id.removesuffix(END))
