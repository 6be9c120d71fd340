"""What came in from a device, whichever network carried it. Pure.

Always holds: what cannot be attributed to a device is Unreadable, with why; a time that cannot be
true is not taken for the time of an observation.
"""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from townsquare.devices.kind import Unreadable

Form = Literal["json", "chirpstack", "the-things-stack", "ngsi-ld"]
RADIO: frozenset[Form] = frozenset({"chirpstack", "the-things-stack"})  # addresses are EUIs
MOST_BYTES = 65_536  # of one message, with what its network says about it
MOST_PAYLOAD = 16_384
MOST_ENTITIES = 1000  # of one notification
ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
AHEAD, BEHIND = timedelta(minutes=5), timedelta(days=30)
FIRST_BYTES = 32  # of what is refused, kept to look at


class Uplink(Struct, frozen=True):
    """`address` is the device's id at its network, `payload` its own bytes. `at` is when it was
    heard, by the network if that says so.
    """

    source: str
    address: str
    at: datetime
    payload: bytes
    port: int = 0


Read = Callable[[str, str, bytes, datetime], list[Uplink]]


def read(form: Form, source: str, topic: str, message: bytes, now: datetime) -> list[Uplink]:
    """Empty for what is no observation, such as a device that joins. Raises Unreadable."""
    if len(message) > MOST_BYTES:
        raise Unreadable(f"this has {len(message)} bytes; a message has {MOST_BYTES} at most")
    return FORMS[form](source, topic, message, now)


def _json(source: str, topic: str, message: bytes, now: datetime) -> list[Uplink]:
    """The last part of the topic that is not empty is the device."""
    last = [part for part in topic.split("/") if part]
    return [_uplink(source, last[-1] if last else "", now, message)]


def _chirpstack(source: str, topic: str, message: bytes, now: datetime) -> list[Uplink]:
    """Version 4, events of devices in JSON: application/ID/device/EUI/event/up."""
    if topic and not topic.endswith("/event/up"):
        return []
    told = _object(message)
    address = _of(told, "deviceInfo").get("devEui")
    if "data" not in told:
        return []  # a frame without a payload
    return [_radio(source, address, told.get("time"), told, ("data", "fPort"), now)]


def _the_things_stack(source: str, topic: str, message: bytes, now: datetime) -> list[Uplink]:
    """Version 3: v3/APPLICATION@TENANT/devices/ID/up."""
    told = _object(message)
    if "uplink_message" not in told:
        return []
    up = _of(told, "uplink_message")
    if "frm_payload" not in up:
        return []
    address = _of(told, "end_device_ids").get("dev_eui")
    at = up.get("received_at") or told.get("received_at")
    return [_radio(source, address, at, up, ("frm_payload", "f_port"), now)]


def _ngsi_ld(source: str, topic: str, message: bytes, now: datetime) -> list[Uplink]:
    """A notification of another broker, such as Orion-LD (clause 5.3.1): each entity of it is a
    device, by its id without urn:ngsi-ld: and with . for each colon.
    """
    told = _object(message)
    data = told.get("data")
    if told.get("type") != "Notification" or not isinstance(data, list):
        raise Unreadable("this is no notification: it needs the type Notification, and data")
    if len(data) > MOST_ENTITIES:
        raise Unreadable(f"this has {len(data)} entities; a notification has {MOST_ENTITIES} here")
    return [_entity(source, one, now) for one in data]


def _entity(source: str, told: Any, now: datetime) -> Uplink:
    if not isinstance(told, dict) or not isinstance(told.get("id"), str):
        raise Unreadable("an entity of this notification has no id")
    address = told["id"].removeprefix("urn:ngsi-ld:").replace(":", ".")
    return _uplink(source, address, now, json.dumps(told).encode())


FORMS: Mapping[Form, Read] = {
    "json": _json,
    "chirpstack": _chirpstack,
    "the-things-stack": _the_things_stack,
    "ngsi-ld": _ngsi_ld,
}


def _radio(
    source: str,
    address: Any,
    at: Any,
    told: Mapping[str, Any],
    names: tuple[str, str],
    now: datetime,
) -> Uplink:
    payload, port = told.get(names[0]), told.get(names[1], 0)
    if not isinstance(payload, str) or not isinstance(port, int) or not 0 <= port <= 255:
        raise Unreadable(f"{names[0]} must be base64 and {names[1]} 0 to 255")
    try:
        raw = b64decode(payload, validate=True)
    except ValueError as error:
        raise Unreadable(f"{names[0]} is no base64") from error
    if not isinstance(address, str):
        raise Unreadable("it does not say of which device it is")
    made = _uplink(source, address.lower(), credible(time_of(at), now) if at else now, raw)
    return Uplink(made.source, made.address, made.at, made.payload, port)


def _uplink(source: str, address: str, at: datetime, payload: bytes) -> Uplink:
    if not ADDRESS.fullmatch(address):
        raise Unreadable(f"{address[:80]!r} is no id of a device")
    if len(payload) > MOST_PAYLOAD:
        raise Unreadable(f"this has {len(payload)} bytes; a device says {MOST_PAYLOAD} at most")
    return Uplink(source, address, at, payload)


def credible(at: datetime, now: datetime) -> datetime:
    """Raises Unreadable for a clock that was never set, or runs ahead."""
    if at > now + AHEAD:
        raise Unreadable(f"it says that it is of {at.isoformat()}, which is ahead")
    if at < now - BEHIND:
        raise Unreadable(f"it says that it is of {at.isoformat()}, which is too long ago")
    return min(at, now)


def time_of(value: Any) -> datetime:
    """ISO 8601 with a zone, or seconds or milliseconds since 1970. Raises Unreadable."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) > 1e11 else value
            return datetime.fromtimestamp(seconds, UTC)
        at = datetime.fromisoformat(_micro(value))
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise Unreadable(f"{str(value)[:60]!r} is no time") from error
    if at.tzinfo is None:
        raise Unreadable(f"{value!r} is a time without its zone, such as 2026-11-23T09:00:00Z")
    return at.astimezone(UTC)


def _micro(text: str) -> str:
    """Networks say nanoseconds; a time here has microseconds."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text)


def _object(message: bytes) -> dict[str, Any]:
    """Raises Unreadable."""
    try:
        told = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"this is no JSON: {error}") from error
    if not isinstance(told, dict):
        raise Unreadable("this is no JSON object")
    return told


def _of(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = told.get(name)
    if not isinstance(found, dict):
        raise Unreadable(f"there is no {name} in it")
    return found
