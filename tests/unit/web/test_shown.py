"""What is written of a row for the control room is what its entity says."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from townsquare.context.glance import glanced
from townsquare.model.entity import Attribute, Entity, relationship
from townsquare.web.shown import glimpsed, shown

NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)
SOON = NOON + timedelta(microseconds=250_000)  # the same second, a longer text
ID = "urn:ngsi-ld:Alert:full:b0"


def alert(**attributes: Attribute) -> Entity:
    named = {name: (a,) for name, a in attributes.items()}
    return Entity(ID, ("Alert",), named, modified_at=NOON - timedelta(hours=1))


@pytest.mark.parametrize(
    ("one", "at"),
    [
        (Entity(ID, ("Alert",)), None),
        (Entity(ID, ("Alert", "Other"), scope=("/north", "/live"), modified_at=NOON), NOON),
        (alert(name=Attribute('Bin is "full"'), value=Attribute(0.5)), NOON - timedelta(hours=1)),
        (alert(a=Attribute(1, observed_at=NOON), b=Attribute(2, observed_at=SOON)), SOON),
        (alert(a=Attribute(1, observed_at=SOON), b=Attribute(2, observed_at=NOON)), SOON),
        (alert(asset=relationship("urn:ngsi-ld:Bin:b0", NOON)), NOON),
        (
            alert(other=Attribute(1, dataset_id="urn:d:1", observed_at=NOON)),
            NOON - timedelta(hours=1),
        ),
        (
            alert(
                location=Attribute(
                    {"type": "Point", "coordinates": [13.4, 52.3]}, kind="GeoProperty"
                )
            ),
            NOON - timedelta(hours=1),
        ),
        (alert(id=Attribute("never this"), at=Attribute(1)), NOON - timedelta(hours=1)),
    ],
)
def test_a_row_is_told_as_its_entity(one: Entity, at: datetime | None) -> None:
    glance = glanced(msgspec.json.encode(one))
    assert glance is not None
    told = json.loads(bytes(glimpsed(glance)))
    assert told == json.loads(msgspec.json.encode(shown(one)))
    assert told["id"] == one.id
    assert told["at"] == (at and json.loads(msgspec.json.encode(at)))
