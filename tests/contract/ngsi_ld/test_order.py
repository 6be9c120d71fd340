"""The order of answers, in every store (clause 4.23)."""

import json

import pytest

from townsquare.context.broker import Broker
from townsquare.context.language import read_path
from townsquare.context.query import Query
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.collation import read_collation, sort_key
from townsquare.model.entity import Attribute, Entity, Json
from townsquare.model.errors import Invalid
from townsquare.store.conditions import Order, Path

WHY = Why("integration")
BY = Actor("machine:link", "machine", roles=frozenset({"integrator"}))


async def kept(broker: Broker, values: dict[str, dict[str, Attribute]]) -> None:
    entities = [
        Entity(f"urn:ngsi-ld:Thing:{name}", ("Thing",), {n: (v,) for n, v in attributes.items()})
        for name, attributes in values.items()
    ]
    await broker.apply([Change("create", e) for e in entities], BY, WHY)


async def sorted_by(broker: Broker, *order: Order) -> str:
    page = await broker.find(Query(types=("Thing",), order=order), BY, WHY)
    return " ".join(e.id.rpartition(":")[2] for e in page.entities)


KINDS: dict[str, Json] = {
    "moment": "2030-06-01T12:00:00Z",
    "date": "2030-06-01",
    "time": "12:00:00Z",
    "true": True,
    "false": False,
    "list": [1],
    "object": {"a": 1},
    "b": "b",
    "a": "A",
    "10": 10,
    "9.5": 9.5,
}


@pytest.mark.parametrize(
    ("descending", "expected"),
    [
        (False, "9.5 10 a b object list false true time date moment none"),
        (True, "moment date time true false list object b a 10 9.5 none"),
    ],
)
async def test_kinds_follow_each_other(broker: Broker, descending: bool, expected: str) -> None:
    values = {name: {"x": Attribute(value)} for name, value in KINDS.items()}
    await kept(broker, {"none": {}, **values})
    assert await sorted_by(broker, Order(Path("x"), descending)) == expected


async def test_several_terms_and_paths(broker: Broker) -> None:
    def of(city: str, level: int) -> dict[str, Attribute]:
        accuracy = Attribute(-level)
        address = Attribute({"city": city})
        return {"address": address, "level": Attribute(level, sub={"accuracy": accuracy})}

    await kept(broker, {"1": of("Rome", 1), "2": of("Oslo", 2), "3": of("Rome", 3)})
    city = Order(read_path("address[city]"))
    assert await sorted_by(broker, city, Order(Path("level"), descending=True)) == "2 3 1"
    assert await sorted_by(broker, Order(read_path("level.accuracy"))) == "3 2 1"
    assert await sorted_by(broker, Order(Path("", member="id"), descending=True)) == "3 2 1"
    assert await sorted_by(broker, Order(Path("", member="createdAt"))) == "1 2 3"
    assert await sorted_by(broker, Order(read_path("level.modifiedAt"))) == "1 2 3"


async def test_by_distance(broker: Broker) -> None:
    def at(lon: float) -> dict[str, Attribute]:
        point = {"type": "Point", "coordinates": [lon, 52.4]}
        return {"location": Attribute(point, kind="GeoProperty")}

    await kept(broker, {"far": at(14), "near": at(13), "nowhere": {}, "here": at(12.9)})
    place = json.dumps({"type": "Point", "coordinates": [12.91, 52.4]})
    near = Order(Path("location"), reference=place)
    assert await sorted_by(broker, near) == "here near far nowhere"
    far = Order(Path("location"), descending=True, reference=place)
    assert await sorted_by(broker, far) == "far near here nowhere"


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("", ["_x", "1", "a", "A", "á", "ab", "b", "z", "é́"[:0] or "zz"]),
        ("und", ["cote", "coté", "côte", "côté"]),
        ("und-u-kn-true", ["a2", "a10", "a10b"]),
        ("de-u-co-phonebk", ["Ad", "Äf", "Af", "Zebra"]),
        ("und-u-kf-upper", ["A", "a", "B", "b"]),
    ],
)
def test_text_is_sorted_for_people(tag: str, words: list[str]) -> None:
    collation = read_collation(tag)
    assert sorted(reversed(words), key=lambda w: sort_key(w, collation)) == words


def test_a_weak_collation_sees_no_case() -> None:
    weak = read_collation("und-u-ks-level2")
    assert sort_key("Street", weak) == sort_key("street", weak)
    assert sort_key("sträet", weak) != sort_key("straet", weak)


@pytest.mark.parametrize("tag", ["!!nope", "sv", "und-u-kn-perhaps", "not a tag", "x" * 100])
def test_an_unknown_collation_is_refused(tag: str) -> None:
    with pytest.raises(Invalid, match="collation"):
        read_collation(tag)
