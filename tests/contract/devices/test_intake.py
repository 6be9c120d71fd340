"""From what a device says to what a thing has, on each store."""

from base64 import b64encode
from datetime import timedelta

import pytest

from tests.contract.devices.conftest import BIN, ENGINEER, LEVEL, OPERATOR, WORK, Town
from townsquare.context.query import Query
from townsquare.devices import device, intake
from townsquare.devices.device import Acceptance
from townsquare.devices.intake import Message
from townsquare.devices.run import listening
from townsquare.model.errors import NotFound, Unavailable


async def test_what_an_accepted_device_says_is_what_its_thing_has(town: Town) -> None:
    await town.accept()
    assert await town.say() == 1
    found = await town.thing()
    assert found.types == ("WasteContainer",)
    distance = found.get("distance")
    assert distance
    assert (distance.value, distance.unit_code, distance.observed_at) == (257, "MMT", town.now)
    assert found.value("temperature") == 24.8
    assert found.value("tilted") is True
    assert found.value("refDevice") == "urn:ngsi-ld:DeviceRegistration:city:bin-12"
    assert found.value("location") == {"type": "Point", "coordinates": [13.4, 52.5]}


async def test_a_device_that_nobody_declared_is_shown_and_delivers_nothing(town: Town) -> None:
    assert await town.say() == 0
    assert await town.say() == 0
    with pytest.raises(NotFound):
        await town.thing()
    kept = await town.desk.of(device.device_id("city", "bin-12"))
    assert kept.value("deviceState") == "undeclared"
    status = await town.status()
    assert (status.value("messageCount"), status.value("rejectedCount")) == (2, 1)
    assert "undeclared" in status.value("lastRejection")
    assert status.value("lastRejectedBytes").startswith("01 75 64 03")


async def test_once_it_is_accepted_it_is_heard_and_the_log_says_who_accepted_it(
    town: Town,
) -> None:
    await town.say()
    kept = await town.accept()
    assert kept.value("deviceState") == "accepted"
    assert kept.value("acceptedBy") == ENGINEER.id
    assert await town.say() == 1
    assert (await town.thing()).value("distance") == 257


async def test_a_device_that_was_refused_is_not_heard_any_more(town: Town) -> None:
    await town.accept()
    await town.desk.refuse(device.device_id("city", "bin-12"), "it is broken", ENGINEER, WORK)
    assert await town.say() == 0
    status = await town.status()
    assert "refused" in status.value("lastRejection")


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("0482ffff", "distance is 65535 MMT; it can be 0 to 10000"),
        ("04", "this is not how"),
        ("ffee", "unknown"),
        ("aa" * 17_000, "says 16384 at most"),
    ],
)
async def test_what_cannot_be_is_counted_with_why_and_the_rest_goes_on(
    town: Town, payload: str, why: str
) -> None:
    await town.accept()
    await town.accept("bin-13", "urn:ngsi-ld:WasteContainer:13")
    good = Message("city", "json", "bins/bin-13", bytes.fromhex(LEVEL))
    bad = Message("city", "json", "bins/bin-12", bytes.fromhex(payload))
    assert (await town.intake.take([bad, good, bad])).number == 1
    assert (await town.thing("urn:ngsi-ld:WasteContainer:13")).value("distance") == 257
    await town.intake.tell()
    counts = [town.intake.tally.at("city"), town.intake.tally.of("city", "bin-12")]
    assert sum(count.refused for count in counts) == 2
    assert any(why in count.why for count in counts)
    assert any(count.began == bytes.fromhex(payload)[:32].hex(" ") for count in counts)


async def test_a_device_that_floods_is_put_apart_and_the_others_are_not(town: Town) -> None:
    await town.accept()
    await town.accept("bin-13", "urn:ngsi-ld:WasteContainer:13")
    flood = [Message("city", "json", "bins/bin-12", bytes.fromhex(LEVEL))] * 200
    other = Message("city", "json", "bins/bin-13", bytes.fromhex(LEVEL))
    assert (await town.intake.take([*flood, other])).number == 21
    status = await town.status()
    assert status.value("quarantined") is True
    assert status.value("rejectedCount") == 180
    town.now += timedelta(minutes=11)
    assert (await town.status()).value("quarantined") is False
    assert await town.say() == 1


async def test_who_invents_devices_fills_no_store(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_UNDECLARED", 20)
    made = [Message("city", "json", f"bins/made-up-{n}", b"\x01\x75\x64") for n in range(50)]
    await town.intake.take(made)
    query = Query(types=("DeviceRegistration",), limit=100)
    page = await town.broker.find(query, OPERATOR, WORK)
    assert len(page.entities) == 20
    assert town.intake.tally.at("city").refused == 30
    await town.accept("made-up-40")  # who is wanted is heard all the same
    assert await town.say(address="made-up-40") == 1


async def test_what_comes_late_goes_into_the_past_and_not_before_what_is_newer(town: Town) -> None:
    await town.accept()

    def told(minutes: int, distance: int) -> Message:
        at = (town.now - timedelta(minutes=minutes)).isoformat()
        data = distance.to_bytes(2, "little").hex()
        payload = b64encode(bytes.fromhex("0482" + data)).decode()
        message = (
            f'{{"time":"{at}","deviceInfo":{{"devEui":"bin-12"}},"data":"{payload}","fPort":85}}'
        )
        return Message("city", "chirpstack", "", message.encode())

    assert (await town.intake.take([told(1, 300), told(9, 900), told(0, 200)])).number == 3
    found = (await town.thing()).get("distance")
    assert found
    assert (found.value, found.observed_at) == (200, town.now)


async def test_what_is_known_of_devices_outlives_the_room(town: Town) -> None:
    await town.accept()
    again = listening(
        town.broker,
        town.listening.settings,
        town.listening.allowed,
        town.listening.reveal,
    )
    await again.intake.open()
    message = Message("city", "json", "bins/bin-12", bytes.fromhex(LEVEL))
    assert (await again.intake.take([message])).number == 1
    assert (
        again.intake.feeding(BIN, "milesight-em400") == "urn:ngsi-ld:DeviceRegistration:city:bin-12"
    )


async def test_a_kind_that_the_town_took_away_is_said(town: Town) -> None:
    await town.accept()
    town.intake.kinds = {}
    assert await town.say() == 0
    assert "no kind" in (await town.status()).value("lastRejection")


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ("1970-01-01T00:00:09Z", "too long ago"),
        ("2031-01-01T00:00:00Z", "ahead"),
        ("soon", "no time"),
    ],
)
async def test_a_time_that_cannot_be_is_refused(town: Town, says: str, why: str) -> None:
    await town.accept(kind="frost")
    assert await town.say(f'{{"temp":4,"observedAt":"{says}"}}'.encode()) == 0
    assert why in (await town.status()).value("lastRejection")
    with pytest.raises(NotFound):
        await town.thing()


async def test_the_time_of_a_device_is_that_of_its_observation(town: Town) -> None:
    await town.accept(kind="frost")
    at = town.now - timedelta(hours=2)
    assert await town.say(f'{{"temp":4,"observedAt":"{at.isoformat()}"}}'.encode()) == 1
    found = (await town.thing()).get("temperature")
    assert found
    assert (found.value, found.observed_at) == (4, at)


async def test_each_entity_that_another_broker_tells_of_is_a_device(town: Town) -> None:
    told = [f'{{"id":"urn:ngsi-ld:Room:{n}","type":"Room","temp":{n}}}' for n in range(3)]
    content = f'{{"type":"Notification","data":[{",".join(told)}]}}'.encode()
    message = Message("orion", "ngsi-ld", "", content)
    assert (await town.intake.take([message])).number == 0
    acceptance = Acceptance("frost", BIN, "Works", "operations", (13.4, 52.5))
    await town.desk.accept(device.device_id("orion", "Room.2"), acceptance, ENGINEER, WORK)
    assert (await town.intake.take([message])).number == 1
    assert (await town.thing()).value("temperature") == 2


async def test_a_device_is_met_anew_where_the_store_failed(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object) -> None:
        raise Unavailable("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(type(town.broker), "apply_each", down)
        with pytest.raises(Unavailable):
            await town.say()
    assert await town.say() == 0
    kept = await town.desk.of(device.device_id("city", "bin-12"))
    assert kept.value("deviceState") == "undeclared"
