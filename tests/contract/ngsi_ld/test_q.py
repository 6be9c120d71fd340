"""What `q` selects, in every store (clause 4.9)."""

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Query
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, Kind
from townsquare.model.errors import TooComplex

WHY = Why("integration")
BY = Actor("machine:link", "machine", roles=frozenset({"integrator"}))
ROAD, LAKE = "urn:ngsi-ld:Road:1", "urn:ngsi-ld:Lake:1"
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


def a(value: Json, kind: Kind = "Property", **more: Json) -> Attribute:
    return Attribute(value, kind=kind, **more)


ENTITIES: dict[str, dict[str, Any]] = {
    "number": {"x": a(5)},
    "fraction": {"x": a(5.5, unit_code="CEL", observed_at=NOON)},
    "text": {"x": a("five", observed_at=NOON.replace(hour=13))},
    "digits": {"x": a("5")},
    "truth": {"x": a(True)},
    "list": {"x": a(["red", 5, [7]])},
    "object": {"x": a({"city": "Rome", "no": 5, "tags": ["old", "new"], "none": None})},
    "road": {"x": a(ROAD, "Relationship")},
    "roads": {"x": a([ROAD, LAKE], "Relationship")},
    "route": {"x": a([LAKE, ROAD], "ListRelationship")},
    "spoken": {"x": a({"en": "red", "fr": ["rouge", "roux"], "@none": "five"}, "LanguageProperty")},
    "word": {"x": a("https://w.example/Red", "VocabProperty")},
    "short": {"x": a("hue", "VocabProperty"), "z": a("hue")},
    "json": {"x": a({"id": "x1", "value": "over"}, "JsonProperty")},
    "day": {"x": a("2030-06-01")},
    "moment": {"x": a("2030-06-01T12:00:00.5Z")},
    "clock": {"x": a("12:30:00Z")},
    "typed": {"x": a({"@type": "DateTime", "@value": "2030-06-02T00:00:00Z"})},
    "deep": {"x": a(1, sub={"y": a("s", sub={"z": a({"k": 2})}, observed_at=NOON)})},
    "two": {"x": (a(5), a("other", dataset_id="urn:ngsi-ld:Dataset:2"))},
    "without": {"y": a(5)},
}


async def told(broker: Broker) -> None:
    kept = [
        Entity(
            f"urn:ngsi-ld:Thing:{name}",
            ("Thing",),
            {n: i if isinstance(i, tuple) else (i,) for n, i in attributes.items()},
        )
        for name, attributes in ENTITIES.items()
    ]
    others = [
        Entity(ROAD, ("Road",), {"lanes": (a(2),), "x": (a(LAKE, "Relationship"),)}),
        Entity(LAKE, ("Lake",), {"depth": (a(30),)}),
    ]
    await broker.apply([Change("create", e) for e in kept + others], BY, WHY)


async def found(broker: Broker, q: str) -> str:
    query = Query(types=("Thing",), q=parse(q), limit=100, count=True)
    page = await broker.find(query, BY, WHY)
    assert page.count == len(page.entities)
    return " ".join(e.id.rpartition(":")[2] for e in page.entities)


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        # equality keeps kinds apart; a list is equal to its parts, not to parts of parts
        ("x==5", "number list two"),
        ('x=="5"', "digits"),
        ("x==true", "truth"),
        ("x==false", ""),
        ("x==7", ""),
        ("x==5..6", "number fraction list two"),
        ('x==5,"5",true', "number digits truth list two"),
        ('x=="five"', "text spoken"),
        ('x=="other"', "two"),
        # order
        ("x>5", "fraction"),
        ("x>=5", "number fraction two"),
        ("x<5", "deep"),
        ('x>"fiv";x<"five0"', "text spoken"),
        ('x=="fa".."fo"', "text spoken"),
        # patterns are for text
        ("x~=^fi", "text spoken"),
        ('x~="oug|zz"', "spoken"),
        # dates, times and both, in time
        ("x==2030-06-01", "day"),
        ("x>2030-05-31", "day"),
        ("x>2030-06-01T12:00:00Z", "moment typed"),
        ("x==2030-06-01T12:00:00.500Z", "moment"),
        ("x==2030-06-01T00:00:00Z..2030-06-01T23:00:00Z", "moment"),
        ("x<13:00:00", "clock"),
        # relationships are equal or not, and nothing else
        (f"x=={ROAD}", "road roads route"),
        (f'x=="{LAKE}"', "roads route"),
        (f"x!={ROAD};x~=urn", ""),
        ('x>"red"', "spoken"),
        ("x~=^urn", ""),
        # languages
        ('x[en]=="red"', "spoken"),
        ('x[en]=="rouge"', ""),
        ('x[fr]=="roux"', "spoken"),
        ('x[*]=="rouge"', "spoken"),
        ('x[*]!="red"', ""),
        ('x[*]!="green"', "spoken"),
        ("x[*]", "spoken"),
        ('x=="roux"', "spoken"),
        ('x=="https://w.example/Red"', "word"),
        ("x==hue", ""),
        ("z==hue", "short"),
        ("x!=hue;z", "short"),
        ('x=="https://uri.etsi.org/ngsi-ld/default-context/hue"', "short"),
        # inside values, sub-attributes, members
        ('x[city]=="Rome"', "object"),
        ('x[tags]=="new"', "object"),
        ("x[no]>4", "object"),
        ("x[none]", "object"),
        ("x[street]", ""),
        ('x[street]!="a"', ""),
        ('x[value]=="over"', "json"),
        ('x.y=="s"', "deep"),
        ("x.y.z[k]==2", "deep"),
        ("x.y", "deep"),
        ("x.y.observedAt<=2030-06-01T12:00:00Z", "deep"),
        ('x.unitCode=="CEL"', "fraction"),
        ("x.unitCode", "fraction"),
        ("x.observedAt>2030-06-01T12:00:00Z", "text"),
        ('x.observedAt>"2030-06-01T12:00:00Z"', "text"),
        # what is not equal is there, and has no equal part
        ("x!=5..9;x~=.", "text digits spoken word short day moment clock"),
        ("x!~=^fi;x~=.", "digits word short day moment clock two"),
        ("x!~=zzz;x>0", "two"),
        ("y", "without"),
        ("missing", ""),
        ("y==5|x.y", "deep without"),
        # what relationships lead to
        ("x{lanes}==2", "road roads route"),
        ("x{depth}>20", "roads route"),
        ("x{Road:lanes}", "road roads route"),
        ("x{Lake:lanes}", ""),
        ("x{Lake,Road:lanes}<3", "road roads route"),
        ("x{x{depth}}==30", "road roads route"),
        ("x{depth}>20;x{lanes}", "roads route"),
        ("y{lanes}", ""),
    ],
)
async def test_q(broker: Broker, q: str, expected: str) -> None:
    await told(broker)
    assert await found(broker, q) == expected


async def test_an_entity_has_times_of_its_own(broker: Broker) -> None:
    await told(broker)
    assert await found(broker, "createdAt>2100-01-01T00:00:00Z") == ""
    assert len((await found(broker, 'modifiedAt>"2020-01-01T00:00:00Z"')).split()) == len(ENTITIES)


@pytest.mark.parametrize("links", [0, 2, 10])
@pytest.mark.parametrize("deep", [0, 8, 16])
async def test_a_deep_q_is_answered_or_refused(broker: Broker, links: int, deep: int) -> None:
    await told(broker)
    q = "x{" * links + "x" + "}" * links + '!="a"'
    for level in range(deep):
        q = f"(y{'|' if level % 2 else ';'}{q})"
    with contextlib.suppress(TooComplex):
        assert await found(broker, q) is not None
