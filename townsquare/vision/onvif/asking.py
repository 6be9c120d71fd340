"""Finds cameras that speak ONVIF, and asks one what it is and which streams it has.

Always holds: what a device says is text of bounded length, cut to what can be printed; a stream's
address is at the device that was asked, whatever it says, and has no login in it; an answer of
more than 256 KiB, or one that is no answer, is an error in plain words.
"""

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct
from onveef import AsyncOnvifClient, wsdiscovery
from onveef.client import OnvifEndpoint
from onveef.exceptions import (
    OnvifAuthError,
    OnvifError,
    OnvifFaultError,
    OnvifTimeoutError,
    OnvifTransportError,
)

from townsquare.context.outgoing import Address, Allowed, CheckedTransport
from townsquare.model.camera import SCHEMES
from townsquare.model.errors import Denied, Invalid, Unavailable
from townsquare.vision.joining.registrations import Login

SERVICE = "/onvif/device_service"
MOST_ADDRESSES = 64  # of a part of the network that is asked one by one
MOST_STREAMS = 32
MOST_TEXT = 120  # characters
MOST_ANSWER = 256 * 1024  # bytes
ANSWERS_S = 5.0
UNKNOWN = "not authorized"  # in the words of a fault; some write it otherwise than the standard
REFUSED = "the camera refuses the login; it may keep users of ONVIF apart from others"
PROFILES = {"streaming": "S", "s": "S", "t": "T", "m": "M", "g": "G"}  # by the end of their scope


class Found(Struct, frozen=True, rename="camel"):
    """`onvif` is where it is asked for its streams."""

    address: str
    name: str
    hardware: str
    location: str
    onvif: str


class Stream(Struct, frozen=True, rename="camel"):
    name: str
    url: str
    codec: str = ""
    width: int = 0  # pixels
    height: int = 0
    frames_per_second: int = 0


class Told(Struct, frozen=True, rename="camel"):
    """`clock_off_s` is how far its clock is ahead of the town's; `profiles` are ONVIF's S, T, M."""

    make: str
    model: str
    firmware: str
    clock_off_s: float | None
    profiles: Sequence[str]
    events: bool
    streams: Sequence[Stream]


def near(allowed: Allowed) -> Allowed:
    """Cameras stand in networks of the town's own; any other host is one that was declared."""

    def reachable(address: Address) -> bool:
        return allowed.address(address) and address.is_private

    def literal_or_declared(host: str) -> bool:
        try:
            return ipaddress.ip_address(host).is_private or allowed.host(host)
        except ValueError:
            return allowed.host(host)

    return replace(allowed, host=literal_or_declared, address=reachable)


async def found(address: str, seconds: float, allowed: Allowed) -> Sequence[Found]:
    """Whoever answers a call to all, or at this address or part of the network, such as
    192.0.2.0/28. Raises Invalid.
    """
    if address:
        asked = [_at(one, allowed) for one in addresses(address)]
        return [one for one in await asyncio.gather(*asked) if one]
    heard = await wsdiscovery.discover_async(timeout_s=seconds)
    return [_found(one) for one in heard if one.device_service]


def addresses(text: str) -> Sequence[str]:
    """Host and port of each. Raises Invalid."""
    try:
        if "/" in text:
            part = ipaddress.ip_network(text, strict=False)
            if part.num_addresses > MOST_ADDRESSES:
                raise Invalid(
                    f"{text} has {part.num_addresses} addresses; at most {MOST_ADDRESSES} are"
                    f" asked one by one, such as {part.network_address}/26"
                )
            return [str(one) for one in part.hosts()]
        host, colon, port = text.partition(":")
        ipaddress.ip_address(host)
        if colon and not (port.isdecimal() and 0 < int(port) < 65_536):
            raise Invalid(f"{port[:20]!r} is no port")
    except ValueError as error:
        raise Invalid(
            f"{text[:80]!r} is no address, such as 192.0.2.7, 192.0.2.7:8080 or 192.0.2.0/28"
        ) from error
    return [text]


async def _at(where: str, allowed: Allowed) -> Found | None:
    """Raises Denied for an address that may not be asked."""
    url = f"http://{where}{SERVICE}"
    async with _client(url, None, allowed) as client:
        try:
            told = await client.get_system_date_time()
        except OnvifError:
            return None
    return Found(where, "", "", "", url) if told else None


def _found(one: wsdiscovery.DiscoveredDevice) -> Found:
    return Found(
        text(one.address), text(one.name), text(one.hardware), text(one.location), _url(one)
    )


def _url(one: wsdiscovery.DiscoveredDevice) -> str:
    """At who answered: some devices say an address that they no longer have."""
    parts = urlsplit(one.device_service)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(("http", f"{one.address}{port}", parts.path or SERVICE, "", ""))


async def streams(url: str, login: Login | None, allowed: Allowed) -> Told:
    """What the device at `url` is, and how it is seen. Raises Invalid, Denied or Unavailable."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise Invalid(f"{url[:80]!r} is no address of ONVIF, such as http://192.0.2.7{SERVICE}")
    try:
        async with asyncio.timeout(6 * ANSWERS_S), _client(url, login, allowed) as client:
            return await _told(client, parts.hostname)
    except OnvifAuthError as error:
        raise Denied(REFUSED) from error
    except (OnvifTimeoutError, TimeoutError) as error:
        raise Unavailable(f"{parts.hostname} does not answer by ONVIF") from error
    except OnvifTransportError as error:
        raise Unavailable(f"{parts.hostname} cannot be asked: {text(str(error))}") from error
    except (OnvifError, ValueError) as error:
        if UNKNOWN in str(error).lower():
            raise Denied(REFUSED) from error
        raise Unavailable(f"{parts.hostname} answers oddly: {text(str(error))}") from error


async def _told(client: AsyncOnvifClient, host: str) -> Told:
    clock = await client.get_system_date_time()
    info = await client.get_device_information()
    services = await client.discover_services()
    found = []
    for profile in (await client.get_profiles())[:MOST_STREAMS]:
        try:
            url = await client.get_stream_uri(profile_token=profile["token"])
            at = urlsplit(url)
        except (OnvifFaultError, ValueError):
            continue  # such as one without video
        if at.hostname == host and at.scheme in SCHEMES and "@" not in at.netloc:
            found.append(_stream(profile, url))
    return Told(
        text(info.get("Manufacturer")),
        text(info.get("Model")),
        text(info.get("FirmwareVersion")),
        off_s(clock, datetime.now(UTC)),
        await _profiles(client),
        "events" in services,
        found,
    )


async def _profiles(client: AsyncOnvifClient) -> Sequence[str]:
    scopes = [one.get("scope_item", "") for one in await client.get_scopes()]
    ends = {one.rsplit("/", 1)[1].lower() for one in scopes if "/Profile/" in one}
    return sorted({PROFILES[end] for end in ends if end in PROFILES})


def _stream(profile: Mapping[str, Any], url: str) -> Stream:
    video = profile.get("video_encoder") or {}
    return Stream(
        text(profile.get("name")),
        text(url, 1000),
        text(video.get("encoding")),
        number(video.get("width")),
        number(video.get("height")),
        number(video.get("fps_limit")),
    )


def off_s(clock: Mapping[str, Any], now: datetime) -> float | None:
    """None where it says no time that there is."""
    at = clock.get("UTCDateTime") or {}
    try:
        day = datetime(at["year"], at["month"], at["day"], tzinfo=UTC)
        told = day.replace(hour=at["hour"], minute=at["minute"], second=at["second"])
        return round((told - now).total_seconds(), 1)
    except (KeyError, TypeError, ValueError):
        return None


def text(value: object, most: int = MOST_TEXT) -> str:
    """What can be printed of it, on one line."""
    return "".join(sign for sign in str(value or "") if sign.isprintable())[:most]


def number(value: object) -> int:
    """0 for what no picture has."""
    return value if isinstance(value, int) and 0 < value <= 100_000 else 0


def _client(url: str, login: Login | None, allowed: Allowed) -> AsyncOnvifClient:
    return AsyncOnvifClient(
        endpoint=OnvifEndpoint(url, services={}),
        username=login.user if login else "",
        password=login.password if login else "",
        auto_discover=True,
        timeout_s=ANSWERS_S,
        retries=0,
        max_response_bytes=MOST_ANSWER,
        transport=CheckedTransport(near(allowed)),
    )
