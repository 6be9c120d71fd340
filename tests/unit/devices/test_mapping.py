"""Devices without code: what a town writes in its settings."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from townsquare.devices.kind import Unreadable
from townsquare.devices.kinds import kinds
from townsquare.devices.mapping import Mapped, Take
from townsquare.model.errors import Invalid

FROST = Mapped(
    "frost",
    (
        Take("temperature", "data.0.temp", "CEL", scale=0.1, least=-60, most=70),
        Take("icy", "data.0.ice"),
        Take("surface", "state", words=("dry", "wet", "ice")),
    ),
)


def read(told: Any) -> dict[str, Any]:
    return dict(FROST.kind.read(json.dumps(told).encode()))


def test_values_are_found_scaled_and_named() -> None:
    told = {"data": [{"temp": -42, "ice": True}], "state": "ice"}
    assert read(told) == {"temperature": -4.2, "icy": True, "surface": "ice"}


def test_what_is_absent_is_left_out_and_is_not_zero() -> None:
    assert read({"state": "dry"}) == {"surface": "dry"}


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"data": [{"temp": 9000}]}, "900 CEL; it can be -60 to 70"),
        ({"data": [{"temp": "warm"}]}, "'warm', which is no number"),
        ({"data": [{"temp": True}]}, "no number"),
        ({"data": [{"ice": 1}]}, "neither true nor false"),
        ({"state": "molten"}, "there are dry, ice, wet"),
        ({"state": True}, "there are dry"),
        ({"other": 1}, "nothing of what is taken"),
        ([], "nothing of what is taken"),
    ],
)
def test_what_cannot_be_is_refused(told: Any, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read(told)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 5000, b'{"data":[{"temp":NaN}]}'])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(Unreadable):
        FROST.kind.read(text)


def test_a_number_without_end_is_refused() -> None:
    with pytest.raises(Unreadable):
        FROST.kind.read(b'{"data":[{"temp":' + b"9" * 400 + b"}]}")


PARTS = st.sampled_from(["data", "temp", "ice", "state", "0"])


def test_the_time_of_a_device_is_found_where_the_settings_say() -> None:
    timed = Mapped("frost", FROST.take, time="data.0.at").kind.timed
    assert timed
    noon = datetime(2026, 5, 25, 12, tzinfo=UTC)
    assert timed(b'{"data":[{"at":"2026-05-25T14:00:00+02:00"}]}') == noon
    assert timed(b'{"data":[{"at":1779710400}]}') == noon
    assert timed(b'{"data":[{}]}') is None
    with pytest.raises(Unreadable, match="no time"):
        timed(b'{"data":[{"at":"noon"}]}')


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PARTS, inner, max_size=3),
    max_leaves=12,
)


@given(told=JSON)
@settings(max_examples=300, deadline=None)
def test_any_json_is_read_or_refused(told: Any) -> None:
    try:
        found = read(told)
    except Unreadable:
        return
    assert -60 <= found.get("temperature", 0) <= 70
    assert found.get("surface", "dry") in {"dry", "wet", "ice"}


@pytest.mark.parametrize(
    ("take", "says"),
    [
        ({"attribute": "a b", "of": "x"}, "must be a name"),
        ({"attribute": "a", "of": ""}, "where the value stands"),
        ({"attribute": "a", "of": "x", "least": 1}, "belong together"),
        ({"attribute": "a", "of": "x", "least": 2, "most": 1}, "least must be below most"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(take: dict[str, Any], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        Take(**take)


def test_a_town_cannot_rename_a_kind_of_the_product() -> None:
    with pytest.raises(Invalid, match="already"):
        kinds([Mapped("elsys", FROST.take)])
