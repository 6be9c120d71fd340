"""The control room's live connection: server-sent events with catch-up.

A client that reconnects names the last event it has (Last-Event-ID, a sequence number of the
broker) and gets the present state of what changed since; one that is too old gets a snapshot, in
parts, of which only the last has an id: who loses the connection between them begins anew.
A slow client loses intermediate states, never the latest. The connection ends with its session.
Its first event names its seat, by which the browser says what is selected in it. That one and pings
say what time it is here, so that a screen can tell how late it is whatever its own clock says.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from msgspec import Raw

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Query
from townsquare.context.told import Shape
from townsquare.context.watching import Watching
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Changed
from townsquare.model.declaration import PUBLISHED
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import NotFound
from townsquare.web.lookers import Looker, Lookers, Seat
from townsquare.web.sessions import Session
from townsquare.web.shown import shown, written

SEEN = (
    *("Camera", "CameraHealth", "CrowdFlowObserved", "TrafficFlowObserved", "CameraEvent"),
    "AlarmLoad",
)
TYPES = (*SEEN, "Alert")
# Alarms outlast their cause for the sake of reports; a screen needs those that somebody may act on.
MOST_SEEN = 200_000  # entities of a kind in a snapshot: beyond what a browser keeps
WHOLE = (
    Query(types=SEEN, not_scope=PUBLISHED),
    Query(types=("Alert",), not_scope=PUBLISHED, q=parse('state!="NORMAL"')),
)
PING_S = 15.0
MOST = 1000  # changes that are told one by one; more are a snapshot
PART = 500  # entities in an event
MOST_WRITTEN = 256  # events; screens that keep up read the same ones at the same time


class Live:
    """All live connections: what several see alike is written once. `named` is the name of who has
    this id, empty where it has none.
    """

    def __init__(self, broker: Broker, named: Callable[[str], str]) -> None:
        self.broker = broker
        self.named = named
        self.lookers = Lookers(broker.clock)
        self.shape = broker.own_shape(written)
        self._written: dict[tuple[int, int], tuple[Changed, bytes]] = {}

    async def events(
        self, by: Actor, why: Why, session: Session | None, last_id: str
    ) -> AsyncGenerator[bytes, None]:
        """Server-sent events until the session ends."""
        broker = self.broker
        # Before the snapshot: nothing falls between.
        with (
            broker.watch(by, why, TYPES) as news,
            self.lookers.seat(by.id, news.wake) as seat,
        ):
            yield sse("seat", {"seat": seat.name, "now": broker.clock()}, None)
            seq = await broker.last_seq()
            async for name, data, id in missed(broker, by, why, self.shape, last_id, seq):
                yield sse(name, data, id)
            with closing_with(session, news):
                while not news.closed and (left_s := session.left_s() if session else PING_S) > 0:
                    if session:
                        session.use()
                    changed = await news.next(min(PING_S, left_s))
                    looks = self.lookers.news(seat)
                    if looks is not None:
                        yield self._looking(seat, looks)
                    if changed and (event := self._event(changed)):
                        yield event
                    elif not changed and looks is None and not news.closed:
                        # Not a comment: the page cannot see those.
                        yield sse("ping", {"now": broker.clock()}, None)
            yield sse("bye", {"reason": "the session ended"}, seq)

    def _looking(self, seat: Seat, looks: Mapping[str, Sequence[Looker]]) -> bytes:
        def told(one: Looker) -> Json:
            name = self.named(one.actor) or one.actor.rsplit(":", 1)[-1]
            return {"name": name, "since": one.since, "own": one.actor == seat.actor}

        by_alarm = {id: [told(one) for one in others] for id, others in looks.items()}
        return sse("looking", {"alarms": by_alarm}, None)

    def _event(self, changed: Changed) -> bytes:
        """Empty where it is nothing to a screen."""
        key = (changed.seq, id(changed.after))
        known = self._written.get(key)
        # What it was made of is held with it, so that nothing else has that id meanwhile.
        if known is None or known[0].after is not changed.after:
            if len(self._written) >= MOST_WRITTEN:
                self._written.clear()
            event = told(changed)
            known = self._written[key] = changed, sse(*event, changed.seq) if event else b""
        return known[1]


@contextmanager
def closing_with(session: Session | None, news: Watching) -> Iterator[None]:
    if session is None:
        yield
        return
    ended = asyncio.create_task(session.ended.wait())
    ended.add_done_callback(lambda _: news.close())
    try:
        yield
    finally:
        ended.cancel()


async def missed(
    broker: Broker, by: Actor, why: Why, shape: Shape, last_id: str, seq: int
) -> AsyncIterator[tuple[str, Json, int | None]]:
    """What the client does not know yet: changes, or everything. With the id of each event."""
    since = int(last_id) if last_id.isascii() and last_id.isdigit() and len(last_id) < 19 else -1
    changed = await broker.changed_since(since) if since >= 0 else None
    found = (
        None if changed is None or len(changed) > MOST else await present(broker, by, why, changed)
    )
    if found is not None:
        for entity in found:
            yield "change", shown(entity), seq
        return
    held: list[Raw] = []
    for query in WHOLE:
        async for part in broker.parts(query, by, why, shape, MOST_SEEN, PART):
            if held:
                yield "snapshot", {"entities": held, "more": True}, None
            held = part
    yield "snapshot", {"entities": held, "more": False}, seq


async def present(broker: Broker, by: Actor, why: Why, ids: Sequence[str]) -> list[Entity] | None:
    """Those that a screen shows; None when one is gone or hidden, which only a snapshot tells."""
    try:
        found = [await broker.read(id, by, why) for id in ids]
    except NotFound:
        return None
    return [e for e in found if PUBLISHED not in e.scope and not set(TYPES).isdisjoint(e.types)]


def told(changed: Changed) -> tuple[str, Json] | None:
    if PUBLISHED in changed.subject.scope:
        return None
    if changed.after is None:
        return ("gone", {"id": changed.subject.id})
    return ("change", shown(changed.after))


def sse(event: str, data: Json, id: int | None) -> bytes:
    """Without an id the client does not name it when it reconnects."""
    body = msgspec.json.encode(data).decode()
    known = "" if id is None else f"id: {id}\n"
    return f"event: {event}\n{known}data: {body}\n\n".encode()
