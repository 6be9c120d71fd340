"""What a policy keeps an actor to, as every store answers it: areas, and steps of the past."""

from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.context.query import Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity
from townsquare.trust.policy import policy
from townsquare.trust.texts import builtin

WHY = Why("operations")
BIN = EntityType("Bin", "waste", frozenset({"operator", "engineer"}))
PLACES = {
    "1": ("/north",),
    "2": ("/north/harbour",),
    "3": ("/northern",),
    "4": ("/south",),
    "5": ("/south", "/north/harbour"),
    "6": (),
    "7": ("/",),
    "8": ("/north_",),
    "9": ("/nor%h",),
}
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
HOURS = """@id("hours")
forbid (principal in Role::"engineer", action == Action::"temporal", resource)
when { context.step < 60 };"""


def clerk(*areas: str, role: str = "operator") -> Actor:
    return Actor("p", "person", "Town", frozenset({role}), areas=frozenset(areas))


@pytest.fixture
async def city(open_broker: OpenBroker, past_url: str) -> Broker:
    broker = open_broker(BIN, url=past_url)
    for minute in range(0, 120, 30):
        at = NOON + timedelta(minutes=minute)
        broker.clock = partial(datetime.fromtimestamp, at.timestamp(), UTC)
        bins = [
            Entity(
                f"urn:ngsi-ld:Bin:{name}",
                ("Bin",),
                {"level": (Attribute(minute, observed_at=at),)},
                scope=scope,
            )
            for name, scope in PLACES.items()
        ]
        await broker.apply([Change("merge", b, upsert=True) for b in bins], room("waste"), WHY)
    return broker


@pytest.mark.parametrize(
    ("areas", "seen"),
    [
        ((), "123456789"),
        (("/north",), "125"),
        (("/north/harbour",), "25"),
        (("/south",), "45"),
        (("/north", "/south"), "1245"),
        (("/nor%",), ""),
        (("/north_",), "8"),
        (("/nowhere",), ""),
    ],
)
async def test_an_area_is_kept_to_in_what_is_found_counted_and_read_of_the_past(
    city: Broker, areas: tuple[str, ...], seen: str
) -> None:
    who = clerk(*areas)
    found = await city.find(Query(types=("Bin",), count=True), who, WHY)
    assert "".join(sorted(e.id[-1] for e in found.entities)) == seen
    assert found.count == len(seen)
    async with (
        outgoing.Client(outgoing.LOOPBACK_ONLY) as others,
        client(visited(Api(city, others), who)) as visitor,
    ):
        since = "timerel=after&timeAt=2030-01-01T00:00:00Z"
        past = (await visitor.get(f"/temporal/entities?type=Bin&{since}")).json()
        assert "".join(sorted(e["id"][-1] for e in past)) == seen
        for name in PLACES:
            answer = await visitor.get(f"/entities/urn:ngsi-ld:Bin:{name}")
            assert (answer.status_code == 200) is (name in seen)


async def sums(visitor: httpx.AsyncClient, every: str, since: str = "12:00") -> httpx.Response:
    window = f"timerel=between&timeAt=2030-06-01T{since}:00Z&endTimeAt=2030-06-01T14:00:00Z"
    how = f"options=aggregatedValues&aggrMethods=sum&aggrPeriodDuration={every}"
    return await visitor.get(f"/temporal/entities?type=Bin&id=urn:ngsi-ld:Bin:1&{window}&{how}")


async def test_the_past_is_told_in_steps_and_not_finer(city: Broker) -> None:
    city.adopt(policy([BIN], {**builtin(), "own.cedar": HOURS}))
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as others:
        async with client(visited(Api(city, others), clerk(role="engineer"))) as visitor:
            (told,) = (await sums(visitor, "PT1H")).json()
            assert [value for value, *_ in told["level"]["sum"]] == [30, 150]
            window = "timerel=after&timeAt=2030-01-01T00:00:00Z"
            for refused in (
                await sums(visitor, "PT30M"),
                await sums(visitor, "PT1H", since="12:30"),
                await visitor.get(f"/temporal/entities?type=Bin&{window}"),
            ):
                assert refused.json() == [] or refused.status_code == 403, refused.text
            one = await visitor.get(f"/temporal/entities/urn:ngsi-ld:Bin:1?{window}")
            assert one.status_code in (403, 404)
            assert (await visitor.get("/entities/urn:ngsi-ld:Bin:1")).status_code == 200
        async with client(visited(Api(city, others), clerk())) as operator:
            (told,) = (await sums(operator, "PT30M")).json()
            assert len(told["level"]["sum"]) == 4
