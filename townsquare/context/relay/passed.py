"""Subscriptions that were passed on, kept until their sources have let go of them.

Always holds: a row is there before its source hears of it, so no copy is ever forgotten there. The
id of a copy cannot be guessed: who knows it may tell its subscriber something, and nobody else.
"""

import secrets
from collections import defaultdict

import msgspec
from msgspec import Struct

from townsquare.context.broker import Broker
from townsquare.context.once import Once
from townsquare.context.sources.registration import Registration
from townsquare.store import Key

ROW = "passed on "  # begins the id of its row


class Passed(Struct, frozen=True, omit_defaults=True):
    """The copy `id` of a subscription at a source, which is kept as it was when it was told.

    `said` is the mark of what it was told last, with these `members`; none: it may not have heard
    of it.
    """

    id: str
    tenant: str
    subscription: str
    source: Registration
    said: str = ""
    members: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Of the subscription."""
        return Key(self.tenant, "subscription", self.subscription)

    @property
    def row(self) -> Key:
        return Key(self.tenant, "private", ROW + self.id)


class Passages:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self._all: dict[str, Passed] = {}
        self._of: defaultdict[Key, dict[str, Passed]] = defaultdict(dict)  # by their sources
        self.load = Once(self._load)

    async def _load(self) -> None:
        for row in await self.broker.documents.listed("private", None):
            if row.key.id.startswith(ROW):
                self._put(msgspec.json.decode(row.body, type=Passed))

    def _put(self, one: Passed) -> None:
        self._all[one.id] = one
        self._of[one.key][one.source.id] = one

    def get(self, id: str) -> Passed | None:
        return self._all.get(id)

    def of(self, key: Key) -> list[Passed]:
        return list(self._of[key].values()) if key in self._of else []

    def to(self, key: Key, source: str) -> Passed | None:
        return self._of[key].get(source) if key in self._of else None

    def subscriptions(self) -> list[Key]:
        return list(self._of)

    async def keep(self, one: Passed) -> None:
        await self.broker.documents.note({one.row: msgspec.json.encode(one)})
        self._put(one)

    async def drop(self, one: Passed) -> None:
        await self.broker.documents.note({one.row: None})
        self._all.pop(one.id, None)
        self._of[one.key].pop(one.source.id, None)
        if not self._of[one.key]:
            del self._of[one.key]


def fresh_id() -> str:
    return f"urn:ngsi-ld:Subscription:{secrets.token_urlsafe(24)}"
