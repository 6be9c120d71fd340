"""Messages to browsers: encrypted for the one that gets them (RFC 8291), and signed as ours (VAPID,
RFC 8292). Pure.

Always holds: the push service in between reads nothing of a message but how urgent it is.
"""

import base64
import binascii
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, takewhile
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.jwk import ECKey

from townsquare.alerts.notify.hooks import Order
from townsquare.alerts.notify.message import Message
from townsquare.alerts.notify.ways import require_url
from townsquare.model.errors import Invalid

CURVE = ec.SECP256R1()
POINT = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
AUTH_BYTES, SALT_BYTES = 16, 16
RECORD = 4096  # bytes, that every push service takes (RFC 8030, 7.2)
# Of JSON, that each of them take; the rest is read in the control room. Characters are no measure:
# in some scripts one has three bytes.
LONGEST_TITLE, LONGEST_TEXT = 600, 2400
KEPT = timedelta(hours=1)  # by the push service, for a browser that cannot be reached
SIGNED = timedelta(hours=12)  # RFC 8292 allows a day


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a browser says of itself. Who has it can send to it: it is a secret."""

    endpoint: str
    p256dh: bytes
    auth: bytes

    def __post_init__(self) -> None:
        require_url(self.endpoint)
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(CURVE, self.p256dh)
        except ValueError as error:
            raise Invalid("p256dh is no point of the curve P-256") from error
        if len(self.auth) != AUTH_BYTES:
            raise Invalid(f"auth has {len(self.auth)} bytes, not {AUTH_BYTES}")

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""


def require_service(one: Subscription) -> None:
    """Push services are at the port of https; another one would be something else of that host.
    Raises Invalid.
    """
    parts = urlsplit(one.endpoint)
    if parts.scheme == "https" and parts.port not in (None, 443):
        raise Invalid(f"a push service is reached at port 443, not {parts.port}")


def fresh_key() -> str:
    number = ec.generate_private_key(CURVE).private_numbers().private_value
    return text(number.to_bytes(32, "big"))


def public_key(key: str) -> str:
    return text(_private(key).public_key().public_bytes(*POINT))


def pushed(message: Message, to: Subscription, key: str, now: datetime) -> Order:
    """A message of the same `Topic` replaces one that was not delivered yet."""
    urgent = message.severity in ("critical", "high") and bool(message.alarms)
    headers = {
        "authorization": _vapid(to, key, message.link, now),
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "topic": message.id.rpartition(":")[2],
        "ttl": str(int(KEPT.total_seconds())),
        "urgency": "high" if urgent else "normal",
    }
    told = {
        "id": message.id,
        "title": _cut(message.title, LONGEST_TITLE),
        "text": _cut(message.text, LONGEST_TEXT),
        "link": message.link,
        "urgent": urgent,
    }
    return Order("POST", to.endpoint, headers, encrypted(msgspec.json.encode(told), to))


def _cut(text: str, most: int) -> str:
    """As much of it as has so many bytes when it is written as JSON."""
    sizes = accumulate(len(msgspec.json.encode(c)) - len('""') for c in text)
    return text[: sum(1 for _ in takewhile(lambda size: size <= most, sizes))]


def encrypted(
    plain: bytes,
    to: Subscription,
    own: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """RFC 8291, 3.4: one record. `own` and `salt` are fresh for each message."""
    own, salt = own or ec.generate_private_key(CURVE), salt or os.urandom(SALT_BYTES)
    ours = own.public_key().public_bytes(*POINT)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, to.p256dh)
    shared = own.exchange(ec.ECDH(), theirs)
    key = _derived(to.auth, shared, b"WebPush: info\0" + to.p256dh + ours, 32)
    content_key = _derived(salt, key, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, key, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(content_key).encrypt(nonce, plain + b"\x02", None)
    return salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours + sealed


def _derived(salt: bytes, key: bytes, what: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, what).derive(key)


def _vapid(to: Subscription, key: str, link: str, now: datetime) -> str:
    """Apple's service wants to know whom to ask: the town's own address, where it has one."""
    parts = urlsplit(to.endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int((now + SIGNED).timestamp())}
    if link.startswith("https://"):
        claims["sub"] = link
    signer = ECKey.import_key(_private(key))
    token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, signer)
    return f"vapid t={token}, k={public_key(key)}"


def _private(key: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(octets(key), "big"), CURVE)


def text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets(text: str) -> bytes:
    """Raises Invalid."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise Invalid("a key of a browser is base64url") from error
