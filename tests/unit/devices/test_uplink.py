"""Messages of networks, as their documents give them, and others."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from townsquare.devices.kind import Unreadable
from townsquare.devices.uplink import FORMS, MOST_BYTES, Form, Uplink, read

NOW = datetime(2026, 5, 25, 13, 43, tzinfo=UTC)

# In the form of the documents: ChirpStack 4 "Event types, up" and The Things Stack "Data formats".
CHIRPSTACK = {
    "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
    "time": "2026-05-25T13:42:09.771215431+00:00",
    "deviceInfo": {
        "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
        "tenantName": "Town",
        "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97",
        "applicationName": "Bins",
        "deviceProfileId": "14855bf7-d10d-4aee-b618-ebfcb64dc7ad",
        "deviceProfileName": "Level",
        "deviceName": "Bin 12",
        "devEui": "0101010101010101",
        "tags": {"key": "value"},
    },
    "devAddr": "00189440",
    "dr": 1,
    "fPort": 85,
    "data": "AXVkA2f4AASCAQEFAAE=",
    "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -48, "snr": 9.0}],
}
THE_THINGS_STACK = {
    "end_device_ids": {
        "device_id": "dev1",
        "application_ids": {"application_id": "app1"},
        "dev_eui": "0004A30B001C0530",
        "join_eui": "800000000000000C",
        "dev_addr": "00BCB929",
    },
    "correlation_ids": ["as:up:01E0WJJZ9V7K8D8C9MHQ4V2FZB"],
    "received_at": "2026-05-25T13:42:11.412345678Z",
    "uplink_message": {
        "session_key_id": "AXBSH1Pk6Z0G166RlH16CQ==",
        "f_port": 15,
        "frm_payload": "AQDiAik=",
        "rx_metadata": [{"gateway_ids": {"gateway_id": "gtw1"}, "rssi": -35, "snr": 5}],
        "received_at": "2026-05-25T13:42:11.100Z",
    },
}
DOCUMENTED: dict[Form, dict[str, Any]] = {
    "chirpstack": CHIRPSTACK,
    "the-things-stack": THE_THINGS_STACK,
}


def told(form: Form, message: Any, topic: str = "") -> Uplink | None:
    found = read(form, "lora", topic, json.dumps(message).encode(), NOW)
    assert len(found) <= 1
    return found[0] if found else None


def test_an_uplink_of_chirpstack() -> None:
    found = told("chirpstack", CHIRPSTACK, "application/17c8/device/0101010101010101/event/up")
    at = datetime(2026, 5, 25, 13, 42, 9, 771215, tzinfo=UTC)
    payload = bytes.fromhex("0175640367f80004820101050001")
    assert found == Uplink("lora", "0101010101010101", at, payload, 85)


def test_an_uplink_of_the_things_stack() -> None:
    found = told("the-things-stack", THE_THINGS_STACK)
    at = datetime(2026, 5, 25, 13, 42, 11, 100_000, tzinfo=UTC)
    payload = bytes.fromhex("0100e20229")
    assert found == Uplink("lora", "0004a30b001c0530", at, payload, 15)


def test_a_message_of_a_plain_broker_is_of_the_device_its_topic_ends_with() -> None:
    found = read("json", "city", "sensors/bridge/frost-3/", b'{"t":1}', NOW)
    assert found == [Uplink("city", "frost-3", NOW, b'{"t":1}')]


def test_each_entity_of_a_notification_is_of_a_device() -> None:
    rooms = [
        {"id": f"urn:ngsi-ld:Room:{n}", "type": "Room", "temperature": {"value": n}}
        for n in range(3)
    ]
    message = {"id": "urn:ngsi-ld:Notification:1", "type": "Notification", "data": rooms}
    found = read("ngsi-ld", "orion", "", json.dumps(message).encode(), NOW)
    assert [one.address for one in found] == ["Room.0", "Room.1", "Room.2"]
    assert [json.loads(one.payload) for one in found] == rooms


@pytest.mark.parametrize(
    "message",
    [
        {"data": []},
        {"type": "Notification"},
        {"type": "Notification", "data": [{"type": "Room"}]},
        {"type": "Notification", "data": [5]},
        {"type": "Notification", "data": [{"id": "urn:ngsi-ld:Room:../a"}]},
        {"type": "Notification", "data": [{"id": "urn:ngsi-ld:Room:1"}] * 1001},
    ],
)
def test_what_is_no_notification_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read("ngsi-ld", "orion", "", json.dumps(message).encode(), NOW)


def test_what_is_no_observation_is_passed_over() -> None:
    assert told("chirpstack", {}, "application/17c8/device/01/event/join") is None
    assert told("chirpstack", CHIRPSTACK, "x/event/status") is None
    joined: dict[str, Any] = {"end_device_ids": {}, "join_accept": {}}
    assert told("the-things-stack", joined) is None
    without = {name: value for name, value in CHIRPSTACK.items() if name != "data"}
    assert told("chirpstack", without) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"time": "1970-01-01T00:00:00Z"}, "too long ago"),
        ({"time": "2031-01-01T00:00:00Z"}, "ahead"),
        ({"time": "yesterday"}, "no time"),
        ({"time": "2026-05-25T13:42:09"}, "without its zone"),
        ({"time": 1e300}, "no time"),
        ({"data": "not base64!"}, "no base64"),
        ({"data": 5}, "must be base64"),
        ({"fPort": 900}, "0 to 255"),
        ({"fPort": "85"}, "0 to 255"),
        ({"deviceInfo": []}, "no deviceInfo"),
        ({"deviceInfo": {}}, "of which device"),
        ({"deviceInfo": {"devEui": "../../etc"}}, "no id of a device"),
        ({"deviceInfo": {"devEui": "a" * 65}}, "no id of a device"),
        ({"data": "AAAA" * 8000}, "bytes; a device says"),
    ],
)
def test_what_cannot_be_is_refused_with_why(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        told("chirpstack", {**CHIRPSTACK, **change})


def test_a_clock_that_is_a_little_ahead_is_set_right() -> None:
    soon = (NOW + timedelta(minutes=4)).isoformat()
    found = told("chirpstack", {**CHIRPSTACK, "time": soon})
    assert found
    assert found.at == NOW


def test_seconds_and_milliseconds_since_1970_are_times() -> None:
    for value in (NOW.timestamp() - 60, (NOW.timestamp() - 60) * 1000):
        found = told("chirpstack", {**CHIRPSTACK, "time": value})
        assert found
        assert found.at == NOW - timedelta(seconds=60)


def test_a_message_that_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(Unreadable, match="bytes"):
        read("json", "city", "a", b" " * (MOST_BYTES + 1), NOW)


@pytest.mark.parametrize("form", FORMS)
@given(message=st.binary(max_size=200), topic=st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_message_is_read_or_refused(form: Form, message: bytes, topic: str) -> None:
    try:
        found = read(form, "lora", topic, message, NOW)
    except Unreadable:
        return
    assert all(one.at == NOW for one in found)


PARTS = st.sampled_from([*CHIRPSTACK, *THE_THINGS_STACK, "devEui", "dev_eui", "frm_payload"])
SOME = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(PARTS, inner, max_size=4),
    max_leaves=10,
)


@given(change=st.dictionaries(PARTS, SOME, max_size=3))
@settings(max_examples=300, deadline=None)
def test_a_message_with_anything_else_in_it_is_read_or_refused(change: dict[str, Any]) -> None:
    for form, base in DOCUMENTED.items():
        try:
            found = told(form, {**base, **change})
        except Unreadable:
            continue
        assert found is None or found.at <= NOW
