"""The control room's live connection: server-sent events with catch-up.

A client that reconnects names the last event it has (Last-Event-ID, a sequence number of the
broker) and gets the present state of what changed since; one that is too old gets a snapshot.
A slow client loses intermediate states, never the latest. The connection ends with its session.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.query import Query
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Changed
from townsquare.model.declaration import PUBLISHED
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import NotFound
from townsquare.web.auth import Session

TYPES = ("Camera", "CameraHealth", "CrowdFlowObserved", "TrafficFlowObserved", "Alert")
PING_S = 15.0
PING = b"event: ping\ndata: {}\n\n"  # not a comment: the page cannot see those
MOST = 1000  # entities in a snapshot


async def events(
    broker: Broker, by: Actor, why: Why, session: Session | None, last_id: str
) -> AsyncGenerator[bytes, None]:
    """Server-sent events until the session ends."""
    with broker.watch(by, why, TYPES) as news:  # before the snapshot, so that nothing falls between
        seq = await broker.last_seq()
        for name, data in await missed(broker, by, why, last_id):
            yield sse(name, data, seq)
        following = aiter(news)
        step: asyncio.Task[Changed] | None = None
        ended = asyncio.create_task(session.ended.wait() if session else asyncio.Event().wait())
        try:
            while not ended.done() and (left_s := session.left_s() if session else PING_S) > 0:
                step = step or asyncio.ensure_future(anext(following))
                done, _ = await asyncio.wait(
                    {step, ended}, timeout=min(PING_S, left_s), return_when=asyncio.FIRST_COMPLETED
                )
                if step in done:
                    changed, step = step.result(), None
                    if event := told(changed):
                        yield sse(*event, changed.seq)
                elif not done:
                    yield PING
            yield sse("bye", {"reason": "the session ended"}, seq)
        finally:
            ended.cancel()
            if step:
                step.cancel()


async def missed(broker: Broker, by: Actor, why: Why, last_id: str) -> list[tuple[str, Json]]:
    """What the client does not know yet: changes, or everything."""
    since = int(last_id) if last_id.isascii() and last_id.isdigit() and len(last_id) < 19 else -1
    changed = await broker.changed_since(since) if since >= 0 else None
    found = (
        None if changed is None or len(changed) > MOST else await present(broker, by, why, changed)
    )
    if found is None:
        query = Query(types=TYPES, not_scope=PUBLISHED, limit=MOST)
        page = await broker.find(query, by, why)
        return [("snapshot", {"entities": [shown(e) for e in page.entities]})]
    return [("change", shown(entity)) for entity in found]


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


def shown(entity: Entity) -> dict[str, Json]:
    """The simplified form, with the time of the newest observation as `at`."""
    instances = [a for name in entity.attributes if (a := entity.get(name))]
    observed = [a.observed_at for a in instances if a.observed_at]
    at: datetime | None = max(observed, default=entity.modified_at)
    known: dict[str, Json] = {"id": entity.id, "type": entity.types[0], "at": at}
    if entity.scope:
        known["scope"] = list(entity.scope)
    values = {name: entity.value(name) for name in entity.attributes}
    return {**values, **known, "modifiedAt": entity.modified_at}


def sse(event: str, data: Json, seq: int) -> bytes:
    body = msgspec.json.encode(data).decode()
    return f"event: {event}\nid: {seq}\ndata: {body}\n\n".encode()
