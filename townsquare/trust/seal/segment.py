"""A sealed segment: some seconds of one camera as a file that holds ciphertext only.

    TSQSEAL1 · length of header (4 bytes) · header (JSON) · length of envelope (4) · envelope
    · AES-256-GCM of [length (8) · container · zeros]

The key is random, used once, and split; share i is sealed to custodian i (HPKE). The three sealed
shares together are the envelope, which is sealed once more to the key of the hour, so that nothing
opens when that key is destroyed. The header is the associated data of the ciphertext.

Always holds: what is known of a segment without a key is its camera, its time and its size class;
the digest stands for header and ciphertext, and stays when the envelope is sealed to other keys.
"""

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from townsquare.model.errors import Invalid
from townsquare.trust.seal.keys import CustodianKey, NotOpened, OpeningKey, SealingKey
from townsquare.trust.seal.sharing import KEY_BYTES, commitment, split

MAGIC = b"TSQSEAL1"
NONCE_BYTES, TAG_BYTES, LENGTH, PREFIX = 12, 16, 8, 4
LEAST_CLASS = 1 << 18  # bytes
MOST_BYTES = 1 << 28  # of one segment
MOST_HEADER = 1 << 16
MOST_HEAD = 2 * MOST_HEADER + 16  # header and envelope, with their lengths


class Header(Struct, frozen=True, rename="camel"):
    """`since` and `until` are UTC, ISO 8601; `hour` names the key that the envelope is sealed to
    first; `terms` and `policy` are hashes; `commitments` and `shares` are SHA-256 of shares 1 to 3
    and of the same as they were sealed.
    """

    camera: str
    since: datetime
    until: datetime
    codec: str
    container: str
    hour: str
    terms: str
    policy: str
    nonce: str
    commitments: tuple[str, ...]
    shares: tuple[str, ...]


class Segment(Struct, frozen=True):
    """As it lies in a file. `told` are the bytes of the header."""

    told: bytes
    envelope: bytes
    ciphertext: bytes

    @property
    def header(self) -> Header:
        return msgspec.json.decode(self.told, type=Header)

    @property
    def digest(self) -> str:
        return digest(self.told, hashlib.sha256(self.ciphertext).digest())


class Of(Struct, frozen=True):
    """What a segment is of."""

    camera: str
    since: datetime
    until: datetime
    codec: str
    container: str
    hour: str
    terms: str
    policy: str


def digest(told: bytes, ciphertext: bytes) -> str:
    """Of a segment, by the bytes of its header and SHA-256 of its ciphertext."""
    return hashlib.sha256(hashlib.sha256(told).digest() + ciphertext).hexdigest()


def sealed(
    of: Of, content: bytes, custodians: Sequence[CustodianKey], hour: SealingKey, least: int = 0
) -> Segment:
    """`least` is the size class to fill up to at least, so that sizes do not tell what moved."""
    key, nonce = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
    shares = split(key)
    closed = [
        custodian.sealing.seal(share, share_info(of.camera, of.since, of.terms, custodian.name))
        for custodian, share in zip(custodians, shares, strict=True)
    ]
    header = Header(
        of.camera,
        of.since,
        of.until,
        of.codec,
        of.container,
        of.hour,
        of.terms,
        of.policy,
        b64encode(nonce).decode(),
        tuple(commitment(n, share) for n, share in enumerate(shares, 1)),
        tuple(hashlib.sha256(one).hexdigest() for one in closed),
    )
    told = msgspec.json.encode(header, order="sorted")
    envelope = hour.seal(msgspec.msgpack.encode(closed), envelope_info(told))
    return Segment(told, envelope, AESGCM(key).encrypt(nonce, padded(content, least), told))


def padded(content: bytes, least: int = 0) -> bytes:
    filled = max(size_class(len(content)), least)
    return len(content).to_bytes(LENGTH) + content + bytes(filled - LENGTH - len(content))


def size_class(length: int) -> int:
    """The next power of two: sizes in between would tell how much moved."""
    return max(LEAST_CLASS, 1 << (length + LENGTH - 1).bit_length())


def share_info(camera: str, since: datetime, terms: str, custodian: str) -> bytes:
    return f"townsquare share 1\n{camera}\n{since.isoformat()}\n{terms}\n{custodian}".encode()


def envelope_info(told: bytes) -> bytes:
    return b"townsquare envelope 1\n" + hashlib.sha256(told).digest()


def shares_of(segment: Segment, hour: OpeningKey) -> list[bytes]:
    """The sealed shares 1 to 3. Raises NotOpened where the key of the hour is another."""
    return msgspec.msgpack.decode(
        hour.open(segment.envelope, envelope_info(segment.told)), type=list[bytes]
    )


def enveloped(segment: Segment, shares: Sequence[bytes], key: SealingKey) -> Segment:
    """With its shares sealed to another key: that of a hold, of which it says nothing."""
    envelope = key.seal(msgspec.msgpack.encode(list(shares)), envelope_info(segment.told))
    return msgspec.structs.replace(segment, envelope=envelope)


def opened(segment: Segment, key: bytes) -> bytes:
    """What was sealed. Raises NotOpened."""
    try:
        plain = AESGCM(key).decrypt(
            b64decode(segment.header.nonce), segment.ciphertext, segment.told
        )
    except (InvalidTag, ValueError) as error:
        raise NotOpened("the segment was changed, or this is not its key") from error
    return plain[LENGTH : LENGTH + int.from_bytes(plain[:LENGTH])]


def encoded(segment: Segment) -> bytes:
    told, envelope = segment.told, segment.envelope
    lengths = len(told).to_bytes(PREFIX), len(envelope).to_bytes(PREFIX)
    return b"".join((MAGIC, lengths[0], told, lengths[1], envelope, segment.ciphertext))


def decoded(raw: bytes) -> Segment:
    """Raises Invalid for what is no segment, or not whole."""
    told, rest = _cut(raw.removeprefix(MAGIC) if raw.startswith(MAGIC) else b"")
    envelope, ciphertext = _cut(rest)
    found = Segment(told, envelope, ciphertext)
    try:
        header = found.header
    except msgspec.DecodeError as error:
        raise Invalid("this is no sealed segment") from error
    whole = len(ciphertext) - TAG_BYTES
    if whole < LEAST_CLASS or whole & (whole - 1) or len(header.commitments) != len(header.shares):
        raise Invalid("this sealed segment is not whole")
    return found


def head(raw: bytes) -> Segment:
    """Of the beginning of a file: without ciphertext. Raises Invalid."""
    told, rest = _cut(raw.removeprefix(MAGIC) if raw.startswith(MAGIC) else b"")
    return Segment(told, _cut(rest)[0], b"")


def bytes_before(segment: Segment) -> int:
    """Of its file, before the ciphertext."""
    return len(MAGIC) + 2 * PREFIX + len(segment.told) + len(segment.envelope)


def _cut(raw: bytes) -> tuple[bytes, bytes]:
    length = int.from_bytes(raw[:PREFIX])
    if len(raw) < PREFIX or not 0 < length <= min(MOST_HEADER, len(raw) - PREFIX):
        raise Invalid("this is no sealed segment, or not whole")
    return raw[PREFIX : PREFIX + length], raw[PREFIX + length :]
