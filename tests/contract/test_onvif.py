"""Cameras that speak ONVIF: found, asked, and whatever else a device may answer."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import onvif
from townsquare.context.outgoing import LOOPBACK_ONLY, declared
from townsquare.context.outgoing import Settings as Outgoing
from townsquare.model.errors import Denied, Invalid, TownsquareError, Unavailable
from townsquare.vision.joining.registrations import Login
from townsquare.vision.onvif import asking

LOGIN = Login("town", "s3cret")


async def test_a_camera_says_what_it_is_and_how_it_is_seen() -> None:
    with onvif.serving(onvif.Device()) as device:
        told = await asking.streams(device.url, LOGIN, LOOPBACK_ONLY)
    assert (told.make, told.model, told.firmware) == ("Maker", "X-1", "1.2.3")
    assert told.profiles == ["M", "S", "T"]
    assert told.events is True
    assert [(one.name, one.codec, one.width, one.height) for one in told.streams] == [
        ("main", "H264", 1920, 1080),
        ("small", "JPEG", 640, 360),
    ]
    # It says an address of its own that is not the one at which it was asked.
    assert [one.url for one in told.streams] == [f"rtsp://127.0.0.1:554/live/P{n}" for n in (1, 2)]


async def test_a_camera_whose_clock_is_off_is_asked_by_its_clock() -> None:
    with onvif.serving(onvif.Device(clock_off=timedelta(hours=-5))) as device:
        told = await asking.streams(device.url, LOGIN, LOOPBACK_ONLY)
    assert told.clock_off_s == pytest.approx(-5 * 3600, abs=30)


async def test_a_wrong_login_is_said() -> None:
    with onvif.serving(onvif.Device()) as device:
        for login in (Login("town", "wrong"), None):
            with pytest.raises(Denied, match="refuses the login"):
                await asking.streams(device.url, login, LOOPBACK_ONLY)


async def test_one_is_found_at_its_address() -> None:
    with onvif.serving(onvif.Device()) as device:
        where = urlsplit(device.url).netloc
        (found,) = await asking.found(where, 1, LOOPBACK_ONLY)
        assert (found.address, found.onvif) == (where, device.url)
    assert await asking.found(where, 1, LOOPBACK_ONLY) == []


async def test_cameras_are_asked_in_networks_of_the_town_only() -> None:
    for url in ("http://93.184.215.14/onvif", "http://camera.example.org/onvif"):
        with pytest.raises(Denied, match="not declared"):
            await asking.streams(url, LOGIN, declared(Outgoing()))


@pytest.mark.parametrize("address", ["camera", "192.0.2.7:x", "10.0.0.0/8", "1.2.3.4/99", "::1/64"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Invalid):
        asking.addresses(address)


def test_a_part_of_the_network_is_its_addresses() -> None:
    assert asking.addresses("192.0.2.4/30") == ["192.0.2.5", "192.0.2.6"]


BOMB = b"""<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<s>&c;</s>"""
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><s>&x;</s>'
STREAM = onvif.SOAP.format(
    "<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{}</tt:Uri></trt:MediaUri>"
    "</trt:GetStreamUriResponse>"
)
HOSTILE = {
    "nothing": b"",
    "no XML": b"<html>404",
    "a bomb": BOMB,
    "a file of the reader": OUTSIDE,
    "deep": b"<a>" * 50_000,
    "long": b"<s>" + b"x" * 400_000 + b"</s>",
    "binary": bytes(range(256)) * 10,
    "nulls": b"\x00" * 1000,
}


@pytest.mark.parametrize("operation", ["GetSystemDateAndTime", "GetProfiles", "GetStreamUri"])
@pytest.mark.parametrize("hostile", HOSTILE)
async def test_a_hostile_device_gives_nothing_but_a_sentence(operation: str, hostile: str) -> None:
    device = onvif.Device(answers={operation: HOSTILE[hostile]})
    with onvif.serving(device), contextlib.suppress(Unavailable, Denied):
        told = await asking.streams(device.url, LOGIN, LOOPBACK_ONLY)
        assert "root:" not in repr(told)
        assert operation == "GetSystemDateAndTime" or not told.streams


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "rtsp://", "javascript:alert(1)", "http://[::1", "//", "x" * 5000]
)
async def test_an_address_that_is_none_is_no_stream(url: str) -> None:
    answer = STREAM.replace("{}", url).encode()
    with onvif.serving(onvif.Device(answers={"GetStreamUri": answer})) as device:
        try:
            told = await asking.streams(device.url, LOGIN, LOOPBACK_ONLY)
        except Unavailable:
            return
        for one in told.streams:
            assert urlsplit(one.url).hostname == "127.0.0.1"
            assert urlsplit(one.url).scheme in ("rtsp", "rtsps", "http", "https")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
async def test_whatever_is_answered_is_an_error_in_words(
    answering: onvif.Device, answer: bytes
) -> None:
    answering.answers = dict.fromkeys(("GetDeviceInformation", "GetProfiles", "GetScopes"), answer)
    try:
        told = await asking.streams(answering.url, LOGIN, LOOPBACK_ONLY)
    except TownsquareError:
        return
    assert told.streams == []


@pytest.fixture
def answering() -> Iterator[onvif.Device]:
    with onvif.serving(onvif.Device()) as device:
        yield device
