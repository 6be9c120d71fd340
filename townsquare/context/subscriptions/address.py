"""Where a subscriber is told: the addresses, headers and MQTT settings that are accepted.

Pure. A host is checked again when it is called, by the rules of `outgoing`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import SplitResult, unquote, urlsplit

from townsquare.context.subscriptions.wire import Endpoint, Pair
from townsquare.model.errors import Invalid

MqttVersion = Literal["mqtt3.1.1", "mqtt5.0"]
PORTS = {"mqtt": 1883, "mqtts": 8883}
LONGEST_TOPIC = 65_535  # bytes (MQTT 5.0, 1.5.4)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# Headers that frame or label the message.
OURS = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "link",
        "ngsild-tenant",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """What a connection is made with, apart from the topic."""

    host: str
    port: int
    tls: bool
    version: MqttVersion
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def is_mqtt(endpoint: Endpoint) -> bool:
    return urlsplit(endpoint.uri).scheme.lower() in PORTS


def check(endpoint: Endpoint) -> None:
    """Raises Invalid for what cannot be told."""
    parts = split(endpoint.uri)
    if parts.scheme in PORTS:
        mqtt_address(endpoint)
        quality(endpoint)
        topic(endpoint)
    elif parts.scheme in ("http", "https"):
        if "@" in parts.netloc:
            raise Invalid("an http address has no login; give Authorization in receiverInfo")
        headers(endpoint)
    else:
        raise Invalid("notification.endpoint.uri must be an http, https, mqtt or mqtts address")


def split(uri: str) -> SplitResult:
    """Raises Invalid. The message leaves out the address, which may hold a password."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise Invalid("notification.endpoint.uri is no address") from error
    if not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", uri):
        raise Invalid("notification.endpoint.uri is no address with a host")
    return parts


def headers(endpoint: Endpoint) -> dict[str, str]:
    """`receiverInfo` as headers (clause 6.3.8). Raises Invalid."""
    for pair in endpoint.receiver_info or ():
        if not (_TOKEN.fullmatch(pair.key) and _VALUE.fullmatch(pair.value)):
            raise Invalid(f"receiverInfo: {pair.key[:80]!r} or its value cannot stand in a header")
        if pair.key.lower() in OURS:
            raise Invalid(f"receiverInfo: the header {pair.key} is set by the broker")
    return {pair.key: pair.value for pair in endpoint.receiver_info or ()}


def mqtt_address(endpoint: Endpoint) -> MqttAddress:
    """Raises Invalid."""
    parts = split(endpoint.uri)
    version = _value(endpoint.notifier_info, "MQTT-Version", "mqtt5.0")
    if version not in get_args(MqttVersion):
        raise Invalid(f"notifierInfo: MQTT-Version is mqtt3.1.1 or mqtt5.0, not {version[:80]!r}")
    return MqttAddress(
        host=str(parts.hostname),
        port=parts.port or PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        version="mqtt3.1.1" if version == "mqtt3.1.1" else "mqtt5.0",
        user=unquote(parts.username) if parts.username is not None else None,
        password=unquote(parts.password) if parts.password is not None else None,
    )


def quality(endpoint: Endpoint) -> int:
    """MQTT quality of service. Raises Invalid."""
    text = _value(endpoint.notifier_info, "MQTT-QoS", "0")
    if text not in ("0", "1", "2"):
        raise Invalid(f"notifierInfo: MQTT-QoS is 0, 1 or 2, not {text[:80]!r}")
    return int(text)


def topic(endpoint: Endpoint) -> str:
    """Raises Invalid."""
    found = unquote(split(endpoint.uri).path.removeprefix("/"))
    if not found or re.search(r"[+#\x00]", found) or len(found.encode()) > LONGEST_TOPIC:
        raise Invalid("an mqtt address ends in a topic without + and #")
    return found


def _value(pairs: Iterable[Pair] | None, key: str, usual: str) -> str:
    return next((pair.value for pair in pairs or () if pair.key == key), usual)
