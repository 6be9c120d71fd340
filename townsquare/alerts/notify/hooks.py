"""Messages as requests over HTTP: webhook, ntfy, Matrix. Pure.

Always holds: each carries the message's id where its protocol has a place for one, so that a
receiver can drop what it had before.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, unquote, urlsplit

import msgspec

from townsquare.alerts.notify.message import Message
from townsquare.model.errors import Invalid

JSON = {"content-type": "application/json"}
PRIORITIES: Mapping[str, int] = {"critical": 5, "high": 4, "medium": 3, "low": 2}


@dataclass(frozen=True, slots=True)
class Order:
    """A request that is made of a message."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def webhook(message: Message, address: str, key: str, now: datetime) -> Order:
    """Signed as Standard Webhooks say: HMAC-SHA256 of `id.timestamp.body`."""
    body, at = msgspec.json.encode(message.json), str(int(now.timestamp()))
    id = message.id.rpartition(":")[2]
    headers = {**JSON, "webhook-id": id, "webhook-timestamp": at}
    if key:
        signed = b".".join((id.encode(), at.encode(), body))
        digest = hmac.new(_key(key), signed, hashlib.sha256).digest()
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return Order("POST", address, headers, body)


def _key(text: str) -> bytes:
    if not text.startswith("whsec_"):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise Invalid("the key of the webhook begins with whsec_ and is not base64") from error


def ntfy(message: Message, address: str, key: str) -> Order:
    """Raises Invalid for an address without a topic."""
    server, _, topic = address.rstrip("/").rpartition("/")
    if not urlsplit(server).hostname or not topic:
        raise Invalid("an address of ntfy is like https://ntfy.example.org/TOPIC")
    body = {
        "topic": topic,
        "title": message.title,
        "message": message.text,
        "priority": PRIORITIES.get(message.severity, 3) if message.alarms else 3,
        "click": message.link,
        "sequence_id": message.id.rpartition(":")[2],
    }
    return Order("POST", f"{server}/", {**JSON, **_bearer(key)}, msgspec.json.encode(body))


def matrix(message: Message, address: str, key: str) -> Order:
    """Client-server API v1.11, PUT …/send/{eventType}/{txnId}: the server drops a repeated one.

    Raises Invalid for an address without a room.
    """
    server, _, room = address.partition("/!")
    if not room or not urlsplit(server).hostname:
        raise Invalid("an address of matrix is like https://matrix.example.org/!ROOM:example.org")
    room_path = quote("!" + unquote(room), safe="")
    transaction = message.id.rpartition(":")[2]
    path = f"/_matrix/client/v3/rooms/{room_path}/send/m.room.message/{transaction}"
    body = {"msgtype": "m.text", "body": f"{message.title}\n\n{message.text}"}
    return Order("PUT", server + path, {**JSON, **_bearer(key)}, msgspec.json.encode(body))


def _bearer(key: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}
