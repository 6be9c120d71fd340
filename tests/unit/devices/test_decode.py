"""Each kind of device against what its maker writes, and against anything else."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from townsquare.devices.kind import Unreadable, Value
from townsquare.devices.kinds import kinds

KINDS = kinds()

# Payloads as the makers' documents give them, with what they say these mean.
DOCUMENTED: list[tuple[str, str, int, Mapping[str, Value]]] = [
    (
        "milesight-em400",
        "01756403 67f80004 82010105 0001",
        85,
        {"batteryLevel": 1.0, "temperature": 24.8, "distance": 257, "tilted": True},
    ),
    ("milesight-em400", "8482330701", 85, {"distance": 1843}),
    ("milesight-em400", "8367220101", 85, {"temperature": 29.0}),
    (
        "milesight-em400",
        "ff0bffff0101ff166329c42903640033ff090100ff0a0101ff0f00",
        85,
        {},
    ),
    ("cayenne-lpp", "03670110056700ff", 1, {"temperature": 27.2}),
    ("cayenne-lpp", "0167ffd7", 1, {"temperature": -4.1}),
    ("cayenne-lpp", "067104d2fb2e0000", 1, {}),
    (
        "dragino-lht65",
        "cbf60b0d0376010add7fff",
        2,
        {
            "batteryVoltage": 3.062,
            "temperature": 28.29,
            "relativeHumidity": 0.886,
            "cableTemperature": 27.81,
        },
    ),
    (
        "elsys",
        "0100e202290400270506060308070d62",
        5,
        {
            "temperature": 22.6,
            "relativeHumidity": 0.41,
            "illuminance": 39,
            "movements": 6,
            "co2": 776,
            "batteryVoltage": 3.426,
        },
    ),
]


@pytest.mark.parametrize(("kind", "payload", "port", "means"), DOCUMENTED)
def test_what_its_maker_writes_is_read_as_they_say(
    kind: str, payload: str, port: int, means: Mapping[str, Value]
) -> None:
    assert KINDS[kind].read(bytes.fromhex(payload), port) == pytest.approx(means)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_has_a_documented_payload(kind: str) -> None:
    assert kind in {name for name, _, _, _ in DOCUMENTED}


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(payload=st.binary(max_size=64), port=st.integers(0, 255))
@example(payload=b"", port=0)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused_and_nothing_untrue_leaves(
    kind: str, payload: bytes, port: int
) -> None:
    gives = {one.name: one for one in KINDS[kind].gives}
    try:
        found = KINDS[kind].read(payload, port)
    except Unreadable:
        return
    for name, value in found.items():
        one = gives[name]
        if one.least is None or one.most is None:
            assert isinstance(value, bool)
        else:
            assert isinstance(value, int | float)
            assert math.isfinite(value)
            assert one.least <= value <= one.most


@pytest.mark.parametrize(("kind", "payload", "port", "means"), DOCUMENTED)
def test_a_payload_that_is_cut_short_gives_no_value_that_it_does_not_have(
    kind: str, payload: str, port: int, means: Mapping[str, Value]
) -> None:
    whole = bytes.fromhex(payload)
    for length in range(len(whole)):
        try:
            found = KINDS[kind].read(whole[:length], port)
        except Unreadable:
            continue
        assert found.items() <= dict(KINDS[kind].read(whole, port)).items()


@pytest.mark.parametrize(
    ("kind", "payload", "says"),
    [
        ("milesight-em400", "0367ff7f", "3276.7 CEL"),  # 3276.7 degrees
        ("milesight-em400", "0482ffff", "distance is 65535 MMT"),
        ("elsys", "02ff", "relativeHumidity is 2.55"),
        ("cayenne-lpp", "0168ff", "relativeHumidity is 1.275"),
        ("dragino-lht65", "cbf6", "2 bytes instead of 11"),
    ],
)
def test_what_cannot_be_is_refused_with_its_value(kind: str, payload: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        KINDS[kind].read(bytes.fromhex(payload), 2)


def test_a_cable_that_is_not_there_has_no_temperature() -> None:
    found = KINDS["dragino-lht65"].read(bytes.fromhex("cbf60b0d0376017fff7fff"), 2)
    assert "cableTemperature" not in found


def test_what_a_device_says_of_itself_on_another_port_is_no_reading() -> None:
    assert KINDS["dragino-lht65"].read(b"\x01\x02", 5) == {}
