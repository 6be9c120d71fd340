"""However somebody asks, they learn nothing of what is hidden from them.

Two cities are the same but for hidden attributes: whether they are there, their values, when and
how often they changed. All answers of both are compared, with headers, as are the rows that the
store gave for them: with the same rows for the same statements, time tells nothing either. The twin
takes the hiding away, and then each way of asking must tell the cities apart.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.conftest import client, visited
from townsquare.bus import open_bus
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change, Changed
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity, relationship
from townsquare.store import Find, Row, open_store
from townsquare.trust.policy import policy

CLERK = Actor("person:clerk", "person", roles=frozenset({"engineer"}))
WHY = Why("integration")
ROOM = room("register")
SECRET = ("code", "spot", "link", "never")
START = datetime(2027, 3, 1, 12, tzinfo=UTC)
POINT = {"type": "Point", "coordinates": [13.5, 52.4]}
HERE = "georel=near;maxDistance==10&geometry=Point&coordinates=[13.5,52.4]&geoproperty=spot"
PAST = "timerel=before&timeAt=2030-01-01T00:00:00Z&timeproperty=modifiedAt"

# Ways of asking, and what is asked.
ASKED: Mapping[str, Sequence[str]] = {
    "q": ["type=Vault&q=code", "type=Vault&q=code>20", "type=Vault&q=code!=20"],
    "q over links": [
        "type=Vault&q=next{code>20}&join=flat",
        "type=Vault&q=link{size}&join=flat",
    ],
    "attrs": ["type=Vault&attrs=code", "type=Vault&pick=id,code", "type=Vault&omit=code"],
    "georel": [f"type=Vault&{HERE}"],
    "orderBy": ["type=Vault&orderBy=code", "type=Vault&orderBy=spot;dist-asc&orderFrom=[0,0]"],
    "join": ["type=Vault&join=inline", "type=Vault&join=flat&joinLevel=2"],
    "count": ["type=Vault&q=code>20&count=true&limit=0", "type=Vault&q=code|spot&count=true"],
    "times": [
        "type=Vault&options=sysAttrs",
        "type=Vault&q=modifiedAt>2027-03-01T13:00:30Z",
        "type=Vault&orderBy=modifiedAt;desc",
        "type=Vault&q=code.modifiedAt>2027-03-01T13:00:30Z",
    ],
    "forms": ["type=Vault", "type=Vault&format=simplified", "type=Vault&format=concise&limit=1"],
}
PLACES: Mapping[str, Sequence[str]] = {
    "discovery": ["/types", "/types/Vault", "/types?details=true", "/attributes?details=true"],
    "one": [f"/entities/urn:ngsi-ld:Vault:1{how}" for how in ("", "?options=sysAttrs")],
    "temporal": [
        f"/temporal/entities?type=Vault&{PAST}",
        f"/temporal/entities?type=Vault&{PAST}&q=code>20&count=true",
        f"/temporal/entities?type=Vault&{PAST}&options=sysAttrs",
        f"/temporal/entities?type=Vault&{PAST}&lastN=1",
        f"/temporal/entities/urn:ngsi-ld:Vault:1?{PAST}",
    ],
    "aggregates": [
        f"/temporal/entities?type=Vault&{PAST}&options=aggregatedValues"
        "&aggrMethods=sum,totalCount&aggrPeriodDuration=PT1H"
    ],
}
WAYS: Mapping[str, Sequence[str]] = {
    **{way: [f"/entities?{one}" for one in asked] for way, asked in ASKED.items()},
    **PLACES,
}
RANDOM = re.compile(r"urn:ngsi-ld:(Instance|EntityTypeList|AttributeList):[0-9a-f-]+")

Hidden = tuple[tuple[int, str, Attribute], ...]  # the vault, the attribute and its value, in time
VALUES = {
    "code": st.integers(0, 40).map(Attribute) | st.text("abc").map(Attribute),
    "spot": st.just(Attribute(POINT, kind="GeoProperty")),
    "link": st.sampled_from(["1", "2", "9"]).map(lambda n: relationship(vault_id(n))),
}
STEPS = st.sampled_from(sorted(VALUES)).flatmap(
    lambda name: st.tuples(st.integers(1, 3), st.just(name), VALUES[name])
)
CITIES = st.lists(STEPS, max_size=4).map(tuple)
# Which every way of asking tells apart where nothing is hidden.
FULL: Hidden = (
    (1, "code", Attribute(30)),
    (2, "code", Attribute(10)),
    (1, "spot", Attribute(POINT, kind="GeoProperty")),
    (2, "link", relationship("urn:ngsi-ld:Vault:1")),
    (3, "code", Attribute(25)),
)


def vault_id(name: str) -> str:
    return f"urn:ngsi-ld:Vault:{name}"


def vault(name: object, **attributes: Attribute) -> Entity:
    given = {n: (a,) for n, a in attributes.items()}
    return Entity(vault_id(str(name)), ("Vault",), given)


@dataclass(frozen=True, slots=True)
class Told:
    """All that somebody could learn: answers by way of asking, news, and rows that were read."""

    answers: Mapping[str, Sequence[Any]]
    news: Sequence[Any]
    rows: Sequence[Any]


async def told(hidden: Hidden, *, hides: bool) -> Told:
    secret = frozenset(SECRET if hides else ())
    declared = EntityType("Vault", "register", frozenset({"engineer"}), secret=secret)
    broker = Broker(open_store("memory:", Path()), open_bus("memory:"), policy([declared]))
    try:
        news = await lived(broker, hidden)
        rows = listened(broker)
        async with (
            outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others,
            client(visited(Api(broker, to_others), CLERK, WHY.purpose)) as clerk,
        ):
            answers = {
                way: [shown(await clerk.get(one)) for one in asked] for way, asked in WAYS.items()
            }
        return Told(answers, news, rows)
    finally:
        await broker.store.close()


async def lived(broker: Broker, hidden: Hidden) -> list[Any]:
    """What is open happens at the same times in every city; the rest between. News of it."""
    now = START
    broker.clock = lambda: now
    found: list[Any] = []
    with broker.watch(CLERK, WHY) as news:

        async def happens(*changes: Change) -> None:
            await broker.apply(changes, ROOM, WHY)
            while one := await news.next(0.0):
                found.append(heard(one))

        linked = vault(2, size=Attribute(2), next=relationship(vault_id("1")))
        made = (vault(1, size=Attribute(1)), linked, vault(3, size=Attribute(3)))
        await happens(*(Change("create", one) for one in made))
        for n, (name, attribute, value) in enumerate(hidden):
            now = START + timedelta(hours=1, minutes=n + 1)
            await happens(Change("merge", vault(name, **{attribute: value})))
        now = START + timedelta(hours=2)
        await happens(Change("merge", vault(2, size=Attribute(20))))
    return found


def heard(news: Changed) -> Any:
    """Without numbers of the house, which no door tells."""
    sides = [side and structs.replace(side, version=0) for side in (news.before, news.after)]
    text = RANDOM.sub("random", msgspec.json.encode(sides, order="sorted").decode())
    return text, news.attributes, news.at, news.by


def listened(broker: Broker) -> list[Any]:
    """What is asked of the store from now on, and how many rows it gives."""
    find, count, rows = broker.store.find, broker.store.count, list[Any]()

    async def found(tenant: str, asked: Find) -> list[Row]:
        given = await find(tenant, asked)
        rows.append((asked.where, asked.limit, asked.offset, len(given)))
        return given

    async def counted(tenant: str, asked: Find) -> int:
        given = await count(tenant, asked)
        rows.append((asked.where, given))
        return given

    store: Any = broker.store  # the same with ears
    store.find, store.count = found, counted
    return rows


def shown(answer: httpx.Response) -> Any:
    text = RANDOM.sub("random", answer.text)
    body = json.loads(text) if text else None
    return answer.status_code, body, sorted(answer.headers.items())


def both(one: Hidden, other: Hidden, *, hides: bool) -> tuple[Told, Told]:
    async def run() -> tuple[Told, Told]:
        return await told(one, hides=hides), await told(other, hides=hides)

    return asyncio.run(run())


@given(one=CITIES, other=CITIES)
@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_nothing_tells_two_cities_apart_that_differ_in_what_is_hidden(
    one: Hidden, other: Hidden
) -> None:
    a, b = both(one, other, hides=True)
    assert a == b


def test_nor_a_city_with_much_to_hide_from_one_without() -> None:
    a, b = both((), FULL, hides=True)
    assert a == b


@pytest.fixture(scope="module")
def unhidden() -> tuple[Told, Told]:
    return both((), FULL, hides=False)


@pytest.mark.parametrize("way", WAYS)
def test_where_nothing_is_hidden_each_way_tells_them_apart(
    unhidden: tuple[Told, Told], way: str
) -> None:
    a, b = unhidden
    assert a.answers[way] != b.answers[way]


def test_and_so_do_news_and_rows(unhidden: tuple[Told, Told]) -> None:
    a, b = unhidden
    assert a.news != b.news
    assert a.rows != b.rows
