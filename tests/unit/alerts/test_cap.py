"""Warnings as CAP 1.2: the documents by the standard's own schema, and drafts that break a rule."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from lxml import etree
from msgspec.structs import replace

from townsquare.alerts.warnings.cap import ATOM, CAP, Entry, Envelope, document, feed, reference
from townsquare.alerts.warnings.drafting import drafted
from townsquare.alerts.warnings.message import Area, Message, Text, checked, objections
from townsquare.model.entity import Attribute, entity
from townsquare.model.errors import Invalid
from townsquare.model.position import Position
from townsquare.model.town import Town

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
BERLIN = Town("Testtown", "Europe/Berlin")
SCHEMA = Path(__file__).parents[2] / "data" / "cap" / "CAP-v1.2.xsd"
SQUARE = "52.5,13.4 52.5,13.5 52.6,13.5 52.5,13.4"
SMOKE = Message(
    category="Fire",
    urgency="Immediate",
    severity="Severe",
    certainty="Observed",
    expires=NOON + timedelta(hours=6),
    texts=(
        Text("de", "Rauch", "Rauch <am> Platz & Tor", "Fenster & Türen zu", "Bleiben Sie drinnen"),
        Text("sr-Cyrl", "Дим", "Дим на тргу", "Затворите прозоре"),
    ),
    areas=(Area("Old town", (SQUARE,), ("52.5,13.45 0.5",)),),
    status="Actual",
    response="Shelter",
    onset=NOON,
    note="First message",
)
FIRST = Envelope("urn:ngsi-ld:Warning:1", "square.example.org", NOON, "Alert")


@pytest.fixture(scope="module")
def valid() -> Callable[[bytes], None]:
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    return lambda text: schema.assertValid(etree.fromstring(text))


def inside(text: bytes, path: str) -> list[str]:
    root = ET.fromstring(text)
    return [str(found.text) for found in root.findall(path, {"": CAP})]


def test_what_is_published_keeps_the_schema(valid: Callable[[bytes], None]) -> None:
    text = document(SMOKE, FIRST, BERLIN, "https://square.example.org")
    valid(text)
    assert inside(text, "sent") == ["2030-06-01T14:00:00+02:00"]
    assert inside(text, "info/language") == ["de", "sr-Cyrl"]
    assert inside(text, "info/headline") == ["Rauch <am> Platz & Tor", "Дим на тргу"]
    assert inside(text, "info/expires") == ["2030-06-01T20:00:00+02:00"] * 2
    assert inside(text, "info/area/polygon") == [SQUARE] * 2
    assert inside(text, "info/area/circle") == ["52.5,13.45 0.5"] * 2
    assert inside(text, "info/instruction") == ["Bleiben Sie drinnen"]


def test_a_message_that_follows_names_those_before_it(valid: Callable[[bytes], None]) -> None:
    named = reference(FIRST, BERLIN)
    assert named == "square.example.org,urn:ngsi-ld:Warning:1,2030-06-01T14:00:00+02:00"
    for kind in ("Update", "Cancel"):
        envelope = replace(
            FIRST, identifier="urn:ngsi-ld:Warning:2", kind=kind, references=(named,)
        )
        text = document(SMOKE, envelope, BERLIN, "")
        valid(text)
        assert inside(text, "msgType") == [kind]
        assert inside(text, "references") == [named]


def test_utc_is_written_as_the_standard_wants_it(valid: Callable[[bytes], None]) -> None:
    text = document(SMOKE, replace(FIRST, draft=True), Town("T", "UTC"), "")
    valid(text)
    assert inside(text, "sent") == ["2030-06-01T12:00:00-00:00"]
    assert inside(text, "status") == ["Draft"]


def test_an_incident_becomes_a_draft_that_could_be_published(
    valid: Callable[[bytes], None],
) -> None:
    where = Position(13.45, 52.5).attribute()
    incident = entity(
        "urn:ngsi-ld:Incident:1",
        "Incident",
        name=Attribute("Gas leak"),
        severity=Attribute("critical"),
        place=Attribute("Mill Lane"),
        report=Attribute("Smell of gas"),
        location=where,
    )
    message = checked(drafted(incident, BERLIN, NOON), NOON)
    assert (message.severity, message.urgency, message.status) == (
        "Extreme",
        "Immediate",
        "Exercise",
    )
    assert message.areas == (Area("Mill Lane", circles=("52.50000,13.45000 0.5",)),)
    (text,) = message.texts
    assert (text.headline, text.description) == ("Gas leak, Mill Lane", "Smell of gas")
    valid(document(message, FIRST, BERLIN, ""))


def of_text(**changed: str) -> dict[str, Any]:
    return {"texts": (replace(SMOKE.texts[0], **changed),)}


def of_area(*polygons: str, circles: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"areas": (Area("Old town", polygons, circles),)}


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"expires": NOON}, "expires: it must end"),
        ({"expires": NOON + timedelta(days=8)}, "expires: it must end"),
        ({"onset": NOON + timedelta(hours=7)}, "onset: it must begin before"),
        ({"texts": ()}, "texts: 1 to 12"),
        ({"texts": (SMOKE.texts[0], SMOKE.texts[0])}, "texts: each language once"),
        (of_text(language="German"), "texts[0].language: 'German'"),
        (of_text(headline=" "), "texts[0]: headline is empty"),
        (of_text(headline="x" * 161), "texts[0]: headline has 161"),
        (of_text(description="a\x00b"), "texts[0]: description cannot be read"),
        ({"areas": ()}, "areas: 1 to 20"),
        (of_area(), "areas[0]: 1 to 20 polygons and circles"),
        (of_area("52.5,13.4 52.5,13.5 52.6,13.5"), "areas[0].polygons[0]: a polygon has 4"),
        (of_area("52.5,13.4 52.5,13.5 52.6,13.5 52.5,13.41"), "areas[0].polygons[0]: a polygon"),
        (of_area("52.5,13.4 52.5,13.4 52.5,13.4 52.5,13.4"), "three different corners"),
        (of_area(SQUARE, "91,13.4 52.5,13.5 52.6,13.5 91,13.4"), "areas[0].polygons[1]: position"),
        (of_area(circles=("52.5,13.4",)), "areas[0].circles[0]: a circle is"),
        (of_area(circles=("52.5 13.4 1",)), "areas[0].circles[0]: a circle is"),
        (of_area(circles=("52.5;13.4 1",)), "areas[0].circles[0]: '52.5;13.4' is no 'lat,lon'"),
        (of_area(circles=("52.5,13.4 0",)), "areas[0].circles[0]: a circle is"),
        (of_area(circles=("52.5,13.4 nan",)), "areas[0].circles[0]: a circle is"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_place(changed: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked(replace(SMOKE, **changed), NOON)
    assert place in str(refused.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(list(objections(replace(SMOKE, areas=(), texts=(), expires=NOON), NOON))) == 4


def test_the_feed_leads_to_the_documents() -> None:
    entry = Entry("urn:ngsi-ld:Warning:1", "Rauch & Feuer", "x", NOON, NOON + timedelta(hours=6))
    root = ET.fromstring(feed([entry], BERLIN, "https://square.example.org", NOON))
    names = {"": ATOM}
    assert root.findtext("updated", "", names) == "2030-06-01T12:00:00Z"
    assert root.findtext("entry/title", "", names) == "Rauch & Feuer"
    link = root.find("entry/link", names)
    assert link is not None
    assert link.get("href", "").endswith("/open-data/warnings/urn:ngsi-ld:Warning:1.xml")
    empty = ET.fromstring(feed([], BERLIN, "https://square.example.org", NOON))
    assert empty.findtext("updated", "", names) == "2030-06-01T12:00:00Z"
