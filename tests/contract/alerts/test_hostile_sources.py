"""What somebody who may connect a device can send must not keep the room from its work."""

import random
from datetime import UTC, datetime

import pytest

from tests.contract.alerts.town import SENSOR, Clock, Town
from townsquare.context.form.read import read_id
from townsquare.model.actor import Why
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, entity
from townsquare.model.errors import Invalid
from townsquare.model.rule import Rule

BIN, ALARM = "urn:ngsi-ld:WasteContainer:7", "urn:ngsi-ld:Alert:full:7"
LEVEL = Rule("full", "Bin is full", "WasteContainer", "level", 80, 60, scope="")
BY_DAY = Rule(
    "full", "Bin is full", "WasteContainer", "level", 80, 60, scope="", schedule="Sat 08:00-18:00"
)


async def sent(town: Town, observed_at: datetime, level: float = 90) -> None:
    told = Attribute(level, observed_at=observed_at)
    change = Change("merge", entity(BIN, "WasteContainer", level=told), upsert=True)
    await town.broker.apply([change], SENSOR, Why("integration"))


@pytest.mark.parametrize("year", [1, 2, 1970])
async def test_an_observation_of_long_ago_opens_no_window_of_centuries(
    town: Town, clock: Clock, year: int
) -> None:
    async with town.alerting(BY_DAY):
        await sent(town, datetime(year, 1, 1, tzinfo=UTC))
        (alarm,) = await town.several(1)
        await town.caught_up()
        (alarm,) = await town.alerts()
        assert alarm.value("active") is True
        assert int(str(alarm.value("count"))) <= 6, "the Saturdays of a month"


@pytest.mark.parametrize("name", ["dependsOn", "refDevice"])
@pytest.mark.parametrize("value", [5, True, [[1]], [{"a": 1}], {"a": 1}])
async def test_what_names_no_device_stops_no_alarm(town: Town, name: str, value: Json) -> None:
    """While something silences, the room follows what its neighbours say they hang on."""
    power = Rule("power", "No power", "Gate", "dead", 1, 0, scope="", silences=True)
    gate = entity("urn:ngsi-ld:Gate:1", "Gate", dead=Attribute(1))
    said = {"level": (Attribute(90),), name: (Attribute(value),)}
    full = Entity(BIN, ("WasteContainer",), said)
    async with town.alerting(LEVEL, power):
        for one in (gate, full):
            await town.broker.apply([Change("create", one)], SENSOR, Why("integration"))
        found = await town.several(2)
    assert ALARM in {alarm.id for alarm in found}


async def test_the_longest_id_that_is_taken_has_an_alarm_on_every_store(town: Town) -> None:
    """Of letters of three bytes each that no index can make shorter."""
    letters = random.Random(3)
    rest = "".join(chr(letters.randrange(0x4E00, 0x9F00)) for _ in range(664))
    longest = read_id(f"urn:x:aa{rest}")
    full = entity(longest, "WasteContainer", level=Attribute(90))
    async with town.alerting(LEVEL):
        await town.broker.apply([Change("create", full)], SENSOR, Why("integration"))
        (alarm,) = await town.several(1)
    assert alarm.value("alertSource") == longest
    with pytest.raises(Invalid, match="must be a URI"):
        read_id(f"{longest}a")
