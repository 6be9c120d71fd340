"""What a grant hides is absent: however one asks, the answer is as if it were not there."""

import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from tests.conftest import OpenBroker, client, visited
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE, EntityType
from townsquare.model.entity import Attribute, Entity, relationship

# The roles that visit: one sees the secret of nothing, the other may not know of safes at all.
CLERK = Actor("person:clerk", "person", roles=frozenset({"engineer"}))
GUEST = Actor("person:guest", "person", roles=frozenset({"integrator"}))
VAULT = EntityType("Vault", "register", frozenset({"engineer"}), secret=frozenset({"code", "spot"}))
SAFE = EntityType("Safe", "register", frozenset({"operator"}))
ROOM = Actor("room:register", "room", roles=frozenset({"room"}), room="register")
POINT = {"type": "Point", "coordinates": [13.5, 52.4]}


def vault(name: str, **attributes: Attribute) -> Entity:
    given = {n: (a,) for n, a in attributes.items()}
    return Entity(f"urn:ngsi-ld:Vault:{name}", ("Vault",), given)


ENTITIES = [
    vault("1", size=Attribute(1), code=Attribute(30), spot=Attribute(POINT, kind="GeoProperty")),
    vault("2", size=Attribute(2), code=Attribute(20), next=relationship("urn:ngsi-ld:Vault:1")),
    vault("3", size=Attribute(3), code=Attribute(10), holds=relationship("urn:ngsi-ld:Safe:1")),
    Entity("urn:ngsi-ld:Safe:1", ("Safe",), {"gold": (Attribute(5),)}),
    Entity("urn:ngsi-ld:Vault:4", ("Vault",), {"heat": (Attribute(5),)}, scope=(LIVE,)),
]


@pytest.fixture
async def ask(
    open_broker: OpenBroker, store_url: str
) -> AsyncIterator[Callable[[Actor], httpx.AsyncClient]]:
    broker = open_broker(VAULT, SAFE, url=store_url)
    await broker.apply([Change("create", e) for e in ENTITIES], ROOM, Why("operations"))
    open_entity = {"id": "urn:ngsi-ld:Box:1", "type": "Box", "code": 40, "size": 4}
    opened = []
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        api = Api(broker, to_others)

        def as_(actor: Actor) -> httpx.AsyncClient:
            opened.append(client(visited(api, actor, "integration")))
            return opened[-1]

        made = await as_(GUEST).post("/entities", json=open_entity)
        assert made.status_code == 201, made.text
        yield as_
        for visitor in opened:
            await visitor.aclose()


@pytest.fixture
def clerk(ask: Callable[[Actor], httpx.AsyncClient]) -> httpx.AsyncClient:
    return ask(CLERK)


@pytest.mark.parametrize(
    "query",
    [
        "q=code",
        "q=code>5",
        "q=code!=5",
        "q=code.observedAt",
        "q=next{code}>5&join=flat",
        "q=holds{gold}&join=flat",
        "q=heat",
        "attrs=code",
        "pick=code",
        "georel=near;maxDistance==10&geometry=Point&coordinates=[13.5,52.4]&geoproperty=spot",
    ],
)
async def test_nothing_is_found_by_it(clerk: httpx.AsyncClient, query: str) -> None:
    answer = await clerk.get(f"/entities?type=Vault&count=true&{query}")
    assert (answer.json(), answer.headers["ngsild-results-count"]) == ([], "0")


async def test_what_is_shown_is_found(clerk: httpx.AsyncClient) -> None:
    answer = await clerk.get("/entities?type=Vault&q=size>1;!(x)".replace(";!(x)", ""))
    assert [e["id"][-1] for e in answer.json()] == ["2", "3"]
    assert all("code" not in e for e in answer.json())
    linked = await clerk.get("/entities?type=Vault&q=next{size}==1&join=inline")
    assert linked.json()[0]["next"]["entity"].keys() == {"id", "type", "size"}


@pytest.mark.parametrize("order", ["code", "code;desc", "code.modifiedAt"])
async def test_nothing_is_sorted_by_it(clerk: httpx.AsyncClient, order: str) -> None:
    answer = await clerk.get(f"/entities?type=Vault&orderBy={order}")
    assert [e["id"][-1] for e in answer.json()] == ["1", "2", "3"]


async def test_an_open_type_is_sorted_before_what_hides(clerk: httpx.AsyncClient) -> None:
    answer = await clerk.get("/entities?type=Vault,Box&orderBy=code")
    assert [e["id"].split(":")[2] for e in answer.json()] == ["Box", "Vault", "Vault", "Vault"]


async def test_nothing_is_sorted_by_a_hidden_place(clerk: httpx.AsyncClient) -> None:
    order = "orderBy=spot;dist-asc,size;desc&orderFrom=[13.5,52.4]"
    answer = await clerk.get(f"/entities?type=Vault&{order}")
    assert [e["id"][-1] for e in answer.json()] == ["3", "2", "1"]


async def test_what_is_hidden_is_not_joined(clerk: httpx.AsyncClient) -> None:
    answer = await clerk.get("/entities?type=Vault&join=flat&joinLevel=3")
    assert [e["id"][-1] for e in answer.json()] == ["1", "2", "3"]
    inline = await clerk.get("/entities/urn:ngsi-ld:Vault:3?join=inline")
    assert inline.json()["holds"] == {"type": "Relationship", "object": "urn:ngsi-ld:Safe:1"}


async def test_it_is_no_geometry_and_no_member(clerk: httpx.AsyncClient) -> None:
    place = "/entities/urn:ngsi-ld:Vault:1"
    feature = await clerk.get(
        f"{place}?geometryProperty=spot", headers={"accept": "application/geo+json"}
    )
    assert feature.json()["geometry"] is None
    assert (await clerk.get(f"{place}?pick=code")).status_code == 404
    assert (await clerk.get(f"{place}?attrs=code")).status_code == 404


async def test_it_is_not_discovered(
    ask: Callable[[Actor], httpx.AsyncClient], clerk: httpx.AsyncClient
) -> None:
    assert (await clerk.get("/types")).json()["typeList"] == ["Box", "Vault"]
    assert (await clerk.get("/types/Safe")).status_code == 404
    vaults = (await clerk.get("/types/Vault")).json()
    assert vaults["entityCount"] == 3  # and not the one of the moment
    shown = [a["attributeName"] for a in vaults["attributeDetails"]]
    assert shown == ["holds", "next", "size"]
    assert (await clerk.get("/attributes/spot")).status_code == 404
    code = (await clerk.get("/attributes/code")).json()
    assert (code["attributeCount"], code["typeNames"]) == (1, ["Box"])
    guest = ask(GUEST)
    assert (await guest.get("/types")).json()["typeList"] == ["Box"]
    assert json.loads((await guest.get("/attributes")).text)["attributeList"] == ["code", "size"]


async def test_a_hidden_type_is_not_counted_by_a_wide_query(
    ask: Callable[[Actor], httpx.AsyncClient],
) -> None:
    answer = await ask(GUEST).get("/entities?local=true&count=true")
    assert ([e["id"] for e in answer.json()], answer.headers["ngsild-results-count"]) == (
        ["urn:ngsi-ld:Box:1"],
        "1",
    )
