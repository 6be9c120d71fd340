"""What devices say, on its way into entities.

Always holds: a message is answered for when this returns: what it says is durable, or it was
refused and counted with why and its first bytes; no message, whatever is in it, keeps those beside
it from being written.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct

from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.devices import device, uplink
from townsquare.devices.device import Known
from townsquare.devices.flood import Floods
from townsquare.devices.kind import Kind, Unreadable
from townsquare.devices.tally import Tally
from townsquare.devices.types import DEVICE, ROOM, WHY
from townsquare.devices.uplink import Form, Uplink
from townsquare.model.change import Change
from townsquare.model.errors import TownsquareError

MOST_UNDECLARED = 1000  # who invents devices fills no more than this
TELL_S = 5.0


class Message(Struct, frozen=True):
    """As it came in."""

    source: str
    form: Form
    topic: str
    content: bytes


class Taken(Struct, frozen=True):
    """How many observations were taken, and why messages were that are of no device."""

    number: int
    refused: list[str]


@dataclass(slots=True)
class Intake:
    """`unhurried` are ways in whose devices may say much at once: files of days gone by."""

    broker: Broker
    kinds: Mapping[str, Kind]
    floods: Floods = field(default_factory=Floods)
    tally: Tally = field(default_factory=Tally)
    unhurried: frozenset[str] = frozenset()
    _known: dict[tuple[str, str], Known] = field(default_factory=dict)
    _waiting: set[str] = field(default_factory=set)  # to be accepted
    _feeds: dict[tuple[str, str], str] = field(default_factory=dict)  # devices by thing and kind
    _latest: dict[str, datetime] = field(default_factory=dict)  # observation, by device

    async def open(self) -> None:
        """Reads what is known of devices."""
        offset, more = 0, True
        while more:
            query = Query(types=(DEVICE,), limit=MOST, offset=offset)
            page = await self.broker.find(query, ROOM, WHY)
            for kept in page.entities:
                self.learn(device.known(kept))
            offset, more = offset + MOST, page.more

    def learn(self, known: Known) -> None:
        """How it stands with a device from now on."""
        before = self._known.get((known.source, known.address))
        if before and self._feeds.get((before.thing, before.kind)) == before.id:
            del self._feeds[before.thing, before.kind]
        self._known[known.source, known.address] = known
        if known.state == "accepted":
            self._feeds[known.thing, known.kind] = known.id
        if known.state == "undeclared":
            self._waiting.add(known.id)
        else:
            self._waiting.discard(known.id)
        self._latest.pop(known.id, None)

    def feeding(self, thing: str, kind: str) -> str:
        """The device that tells this of it; empty where there is none."""
        return self._feeds.get((thing, kind), "")

    async def run(self) -> None:
        """As a room: tells how devices are heard; never returns."""
        while True:
            await asyncio.sleep(TELL_S)
            await self.tell()

    async def tell(self) -> None:
        changes = list(self.tally.told(self.broker.clock()))
        for at in range(0, len(changes), MOST):
            await self.broker.apply(changes[at : at + MOST], ROOM, WHY)

    async def take(self, messages: Sequence[Message]) -> Taken:
        """Raises Unavailable where the store is."""
        now, refused = self.broker.clock(), list[str]()
        made: list[tuple[Change, Uplink]] = []
        for message in messages:
            made += self._made(message, now, refused)
        try:
            await self._keep(made)
        except TownsquareError:
            self._forget(made)  # it comes again, and is met anew
            raise
        return Taken(sum(change.entity.types[0] != DEVICE for change, _ in made), refused)

    def _forget(self, made: Sequence[tuple[Change, Uplink]]) -> None:
        for change, up in made:
            if change.entity.types[0] == DEVICE:
                self._known.pop((up.source, up.address), None)
                self._waiting.discard(change.entity.id)
            else:
                self._latest.pop(device.device_id(up.source, up.address), None)

    def _made(
        self, message: Message, now: datetime, refused: list[str]
    ) -> Iterator[tuple[Change, Uplink]]:
        at_source = self.tally.at(message.source)
        at_source.heard, at_source.at = at_source.heard + 1, now
        try:
            ups = uplink.read(message.form, message.source, message.topic, message.content, now)
        except Unreadable as error:
            at_source.refuse(str(error), message.content)
            refused.append(str(error))
            return
        for up in ups:
            known = self._known.get((up.source, up.address))
            if known is None:
                yield from self._met(up, now)
            elif self._listened(known, up, now):
                yield from self._observed(known, up, now)

    def _met(self, up: Uplink, now: datetime) -> Iterator[tuple[Change, Uplink]]:
        """A device that nobody declared: it is shown, and delivers nothing."""
        if len(self._waiting) >= MOST_UNDECLARED:
            told = f"{MOST_UNDECLARED} devices wait to be accepted already; {up.address} does too"
            self.tally.at(up.source).refuse(told, up.payload)
            return
        made = device.undeclared(up.source, up.address, now)
        self.learn(device.known(made))
        count = self.tally.of(up.source, up.address)
        count.heard, count.at, count.last = 1, now, (up.payload, up.port)
        yield Change("create", made), up

    def _listened(self, known: Known, up: Uplink, now: datetime) -> bool:
        count = self.tally.of(up.source, up.address)
        count.heard, count.at = count.heard + 1, now
        if up.source not in self.unhurried and not self.floods.heard(known.id, now):
            count.quiet_until = self.floods.quiet_until(known.id)
            count.refuse("it sends too much and is in quarantine", up.payload)
            return False
        if known.state != "accepted":
            count.last = up.payload, up.port
            count.refuse(f"nobody listens to it: it is {known.state}", up.payload)
            return False
        return True

    def _observed(self, known: Known, up: Uplink, now: datetime) -> Iterator[tuple[Change, Uplink]]:
        count = self.tally.of(up.source, up.address)
        if (kind := self.kinds.get(known.kind)) is None:
            count.refuse(f"there is no kind of device {known.kind!r} any more", up.payload)
            return
        try:
            values = kind.read(up.payload, up.port)
            own = kind.timed(up.payload) if kind.timed else None
            at = up.at if own is None else uplink.credible(own, now)
        except Unreadable as error:
            count.refuse(str(error), up.payload)
            return
        if not values:
            return
        latest = self._latest.get(known.id)
        made = device.observation(known, kind, values, at, first=latest is None)
        if latest is None or at >= latest:
            self._latest[known.id] = at
            yield Change("merge", made, upsert=True), up
        else:  # it was under way for longer than the one behind it
            yield Change("record", made, upsert=True), up

    async def _keep(self, made: Sequence[tuple[Change, Uplink]]) -> None:
        if not made:
            return
        done = await self.broker.apply_each([change for change, _ in made], ROOM, WHY)
        for outcome, (change, up) in zip(done.outcomes, made, strict=True):
            if outcome.error and change.entity.types[0] != DEVICE:
                self._latest.pop(device.device_id(up.source, up.address), None)
                self.tally.of(up.source, up.address).refuse(outcome.reason, up.payload)
