"""Who decides about devices, on what grounds, and many at once."""

import pytest

from tests.contract.devices.conftest import BIN, ENGINEER, OPERATOR, WORK, Town
from townsquare.context.query import Query
from townsquare.devices import device
from townsquare.devices.device import Acceptance
from townsquare.model.errors import Denied, Invalid, NotFound

ID = device.device_id("city", "bin-12")
HEAD = "source,address,kind,thing,owner,purpose,longitude,latitude\n"


async def test_only_engineers_accept_and_refuse(town: Town) -> None:
    told = Acceptance("elsys", BIN, "Waste department", "operations", (13.4, 52.5))
    with pytest.raises(Denied):
        await town.desk.accept(ID, told, OPERATOR, WORK)
    await town.accept()
    with pytest.raises(Denied):
        await town.desk.refuse(ID, "because", OPERATOR, WORK)
    with pytest.raises(NotFound):
        await town.desk.refuse(device.device_id("city", "x"), "because", ENGINEER, WORK)


@pytest.mark.parametrize(
    ("id", "change", "why"),
    [
        (device.device_id("elsewhere", "a"), {}, "is no way in; there are city, lora, orion"),
        ("urn:ngsi-ld:DeviceRegistration:city:../a", {}, "no id of a device"),
        ("urn:ngsi-ld:Alert:city:a", {}, "no way in"),
        (ID, {"kind": "radium"}, "kind 'radium' is unknown; there are cayenne-lpp"),
        (ID, {"purpose": "safety"}, "is no purpose"),
        (ID, {"thing": "urn:ngsi-ld:Alert:1"}, "devices tell nothing to a Alert"),
        (ID, {"thing": "urn:ngsi-ld:Camera:square"}, "devices tell nothing to a Camera"),
    ],
)
async def test_what_cannot_be_accepted_is_refused_with_what_is_wrong(
    town: Town, id: str, change: dict[str, str], why: str
) -> None:
    given = {"kind": "elsys", "thing": BIN, "purpose": "operations", **change}
    told = Acceptance(
        given["kind"], given["thing"], "Waste department", given["purpose"], (13.4, 52.5)
    )
    with pytest.raises(Invalid, match=why):
        await town.desk.accept(id, told, ENGINEER, WORK)


async def test_two_devices_do_not_tell_one_thing_the_same(town: Town) -> None:
    await town.accept()
    with pytest.raises(Invalid, match="bin-12 tells urn:ngsi-ld:WasteContainer:12 the same"):
        await town.accept("bin-99")
    await town.accept("bin-99", kind="elsys")  # it measures something else
    await town.desk.refuse(ID, "replaced by another", ENGINEER, WORK)
    await town.accept("bin-100")


async def test_a_device_can_be_given_another_thing(town: Town) -> None:
    await town.accept()
    await town.accept(thing="urn:ngsi-ld:WasteContainer:13")
    await town.say()
    assert (await town.thing("urn:ngsi-ld:WasteContainer:13")).value("distance") == 257
    await town.accept("bin-99")  # the first one is free again


async def test_a_file_of_devices_is_accepted_as_a_whole(town: Town) -> None:
    rows = [
        f"city,bin-{n},elsys,urn:ngsi-ld:Room:{n},Works,operations,13.{n:03},52.5"
        for n in range(700)
    ]
    number, wrong = await town.desk.accept_file(HEAD + "\n".join(rows), ENGINEER, WORK)
    assert (number, wrong) == (700, [])
    page = await town.broker.find(Query(types=("DeviceRegistration",), limit=1000), OPERATOR, WORK)
    assert len(page.entities) == 700
    assert await town.say("0100e2", "bin-699") == 1


async def test_a_file_with_anything_wrong_accepts_nothing_and_tells_each_line(town: Town) -> None:
    rows = [
        "city,bin-1,elsys,urn:ngsi-ld:Room:1,Works,operations,13.4,52.5",
        "city,bin-1,elsys,urn:ngsi-ld:Room:2,Works,operations,13.4,52.5",
        "city,bin-2,elsys,urn:ngsi-ld:Room:1,Works,operations,13.4,52.5",
        "city,bin-3,elsys,urn:ngsi-ld:Room:3,Works,safety,13.4,52.5",
        "city,bin-4,elsys,Room 4,Works,operations,13.4,52.5",
        "city,bin-5,elsys,urn:ngsi-ld:Room:5,Works,operations,east,52.5",
        "city,bin-6,elsys,urn:ngsi-ld:Room:6,Works,operations,13.4,99",
        "city,bin-7,elsys,urn:ngsi-ld:Room:7,,operations,13.4,52.5",
        "city",
        "nowhere,bin-8,elsys,urn:ngsi-ld:Room:8,Works,operations,13.4,52.5",
    ]
    number, wrong = await town.desk.accept_file(HEAD + "\n".join(rows), ENGINEER, WORK)
    assert number == 0
    assert [one.line for one in wrong] == [3, 4, 5, 6, 7, 8, 9, 10, 11]
    page = await town.broker.find(Query(types=("DeviceRegistration",), limit=10), OPERATOR, WORK)
    assert page.entities == []


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3", "\x00", "source,address\ncity,1"])
async def test_what_is_no_such_file_is_refused(town: Town, text: str) -> None:
    with pytest.raises(Invalid, match="the first line must name"):
        await town.desk.accept_file(text, ENGINEER, WORK)


async def test_an_eui_is_written_in_either_case_and_a_topic_is_not(town: Town) -> None:
    rows = [
        "lora,24E124713D35,elsys,urn:ngsi-ld:Room:1,Works,operations,13.4,52.5",
        "city,Bin-1,elsys,urn:ngsi-ld:Room:2,Works,operations,13.4,52.5",
    ]
    assert await town.desk.accept_file(HEAD + "\n".join(rows), ENGINEER, WORK) == (2, [])
    for source, address in (("lora", "24e124713d35"), ("city", "Bin-1")):
        kept = await town.desk.of(device.device_id(source, address))
        assert kept.value("serialNumber") == address
