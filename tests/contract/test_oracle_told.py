"""What programs outside are told over HTTP says nothing of what is hidden from them.

As in test_oracle: two cities that differ in hidden attributes alone. What a real receiver gets is
compared, with headers and times as they are told, and between which open events it comes; so is
what the subscriptions say of themselves. Not compared are milliseconds on the wire: who delivers is
one task, and how long it looks at a hidden change can be measured by whoever waits for another.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import Phase, given, settings

from tests.conftest import client, visited
from tests.contract.ngsi_ld.receiver import Receiver, Told, receiving, telling
from tests.contract.test_oracle import (
    CITIES,
    CLERK,
    FULL,
    POINT,
    ROOM,
    SECRET,
    START,
    WHY,
    Hidden,
    vault,
)
from townsquare.bus import open_bus
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity, relationship
from townsquare.store import open_store
from townsquare.trust.policy import policy

NEAR = {"georel": "near;maxDistance==10", "geoproperty": "spot"}
PLACE = {"geometry": "Point", "coordinates": POINT["coordinates"]}
ALL = {"entities": [{"type": "Vault"}]}
# Ways of being told; `told` are members of the notification.
SUBSCRIBED: dict[str, dict[str, Any]] = {
    "all": ALL,
    "times": {**ALL, "told": {"sysAttrs": True}},
    "changes": {**ALL, "told": {"showChanges": True}},
    "q": {**ALL, "q": "code>20"},
    "watched": {**ALL, "watchedAttributes": ["code", "link"]},
    "watched alone": {"watchedAttributes": ["code"]},
    "attributes": {**ALL, "told": {"attributes": ["code", "size"]}},
    "geometry": {**ALL, "geoQ": {**NEAR, **PLACE}},
    "deleted attributes": {**ALL, "notificationTrigger": ["attributeDeleted", "attributeCreated"]},
    "throttled": {**ALL, "throttling": 600},
}
NAMES = re.compile(r"http://127\.0\.0\.1:\d+|urn:ngsi-ld:Notification:[0-9a-f-]+")
QUIET_S = 0.1
DEAF = "after"  # the last word of each step


async def heard(way: str, hidden: Hidden, *, hides: bool) -> tuple[Sequence[Any], Any]:
    """What came, step by step, and what the subscription says of itself in the end."""
    secret = frozenset(SECRET if hides else ())
    kinds = [
        EntityType("Vault", "register", frozenset({"engineer"}), secret=secret),
        EntityType("Word", "register", frozenset({"engineer"})),
    ]
    broker = Broker(open_store("memory:", Path()), open_bus("memory:"), policy(kinds))
    broker.clock = lambda: START
    async with (
        outgoing.Client(outgoing.LOOPBACK_ONLY) as others,
        receiving() as receiver,
        client(visited(api := Api(broker, others), CLERK, WHY.purpose)) as clerk,
        telling(api),
    ):
        await subscribed(clerk, receiver, SUBSCRIBED[way])
        await subscribed(clerk, receiver, {"entities": [{"type": "Word"}], "id": f"urn:{DEAF}"})
        steps = [await step async for step in lived(broker, receiver, hidden)]
        own = (await clerk.get("/subscriptions/urn:way")).text
    await broker.store.close()
    return steps, NAMES.sub("name", own)


async def subscribed(clerk: httpx.AsyncClient, receiver: Receiver, asked: dict[str, Any]) -> None:
    members = {"id": "urn:way", "type": "Subscription", **asked}
    told = members.pop("told", {})
    members["notification"] = {**told, "endpoint": {"uri": receiver.url}}
    answer = await clerk.post("/subscriptions", json=members)
    assert answer.status_code == 201, answer.text


async def lived(broker: Broker, receiver: Receiver, hidden: Hidden) -> Any:
    """Open events, and the hidden ones all at once between them, each followed by a last word."""
    linked = vault(2, size=Attribute(2), next=relationship("urn:ngsi-ld:Vault:1"))
    made = [vault(1, size=Attribute(1)), linked, vault(3, size=Attribute(3))]
    secret = [Change("merge", vault(name, **{what: value})) for name, what, value in hidden]
    open_events = [
        *([Change("create", one)] for one in made),
        secret,
        [Change("merge", vault(2, size=Attribute(20)))],
        [Change("merge", vault(3, label=Attribute("three")))],
    ]
    for n, changes in enumerate(open_events):
        at = START + timedelta(hours=n)
        broker.clock = lambda at=at: at  # type: ignore[misc]  # bound as it is now
        for change in changes:
            await broker.apply([change], ROOM, WHY)
        yield until_word(broker, receiver, n)


async def until_word(broker: Broker, receiver: Receiver, n: int) -> list[Any]:
    """News are looked at in their order: with this word the others are told, or on their way."""
    word = Entity(f"urn:ngsi-ld:Word:{n}", ("Word",), {"n": (Attribute(n),)})
    await broker.apply([Change("create", word)], ROOM, WHY)
    came: list[Any] = []
    while (told := await receiver.next()).body["subscriptionId"] != f"urn:{DEAF}":
        came.append(plain(told))
    with suppress(TimeoutError):
        while True:
            came.append(plain(await asyncio.wait_for(receiver.told.get(), QUIET_S)))
    return came


def plain(told: Told) -> Any:
    headers = {k: NAMES.sub("name", v) for k, v in told.headers.items() if k.lower() != "host"}
    body = {k: v for k, v in told.body.items() if k != "id"}
    return headers, body


def both(way: str, one: Hidden, other: Hidden, *, hides: bool) -> tuple[Any, Any]:
    async def run() -> tuple[Any, Any]:
        return await heard(way, one, hides=hides), await heard(way, other, hides=hides)

    return asyncio.run(run())


@pytest.mark.parametrize("way", SUBSCRIBED)
def test_nobody_is_told_that_there_is_something_hidden(way: str) -> None:
    one, other = both(way, (), FULL, hides=True)
    assert one == other


@given(one=CITIES, other=CITIES)
@settings(max_examples=5, deadline=None, phases=[Phase.generate])
def test_nor_what_it_is(one: Hidden, other: Hidden) -> None:
    a, b = both("times", one, other, hides=True)
    assert a == b


@pytest.mark.parametrize("way", SUBSCRIBED)
def test_where_nothing_is_hidden_each_way_tells_them_apart(way: str) -> None:
    one, other = both(way, (), FULL, hides=False)
    assert one != other
