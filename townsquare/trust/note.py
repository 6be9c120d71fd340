"""Signed notes, the checkpoints in them, and cosignatures (C2SP signed-note, tlog-checkpoint,
tlog-cosignature). Nothing is said of a note whose signature was not verified.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from townsquare.model.errors import Invalid

NOTE, COSIGNATURE = 1, 4  # kinds of Ed25519 keys
NAME = re.compile(r"[^\s+]{1,255}")
LINE = re.compile(r"— (\S+) (\S+)")
BODY = re.compile(r"([^\n]+)\n(0|[1-9]\d{0,18})\n([^\n]+)\n")
PRIVATE = "PRIVATE+KEY"


@dataclass(frozen=True, slots=True)
class Key:
    """A verifier key: its text is name+id+key."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        told = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(told).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_base64(bytes([self.kind]) + self.public)}"

    def signature(self, lines: str) -> bytes | None:
        """What stands for this key among the lines of a note, not verified."""
        for name, text in LINE.findall(lines):
            signed = _bytes(text)
            if name == self.name and signed[:4] == self.id:
                return signed[4:]
        return None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


class Signer:
    """The log's own key. Its name is the origin of the log, for as long as there is the key."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.key = Key(name, NOTE, private.public_key().public_bytes_raw())

    def note(self, root: bytes, size: int) -> str:
        text = Checkpoint(self.key.name, size, root).text
        return f"{text}\n{line(self.key, self._private.sign(text.encode()))}"

    def secret(self) -> str:
        """As it is kept, in the form that other programs for notes keep theirs in."""
        private = _base64(bytes([NOTE]) + self._private.private_bytes_raw())
        return f"{PRIVATE}+{self.key.name}+{self.key.id.hex()}+{private}"


def made(name: str) -> str:
    """A new key as it is kept."""
    return Signer(name, Ed25519PrivateKey.generate()).secret()


def signer(kept: str) -> Signer:
    """Raises Invalid."""
    start, _, rest = kept.partition(f"{PRIVATE}+")
    name, _, rest = rest.partition("+")
    _, _, private = rest.partition("+")
    seed = _bytes(private)
    if start or len(seed) != 33 or seed[0] != NOTE:
        raise Invalid("the key of the log is no Ed25519 signing key of a note")
    return Signer(name, Ed25519PrivateKey.from_private_bytes(seed[1:]))


def key(text: str, kind: int) -> Key:
    """Of a verifier key's text. Raises Invalid."""
    name, _, rest = text.partition("+")
    id, _, public = rest.partition("+")
    told = _bytes(public)
    found = Key(name, told[0] if told else 0, told[1:])
    if not NAME.fullmatch(name) or found.kind != kind or len(found.public) != HASH_BYTES:
        raise Invalid(f"{text[:80]!r} is no Ed25519 verifier key of kind {kind}: name+id+key")
    if found.id.hex() != id:
        raise Invalid(f"the key {text[:80]!r} was mistyped: its parts do not belong together")
    return found


HASH_BYTES = 32


def line(key: Key, signature: bytes) -> str:
    return f"— {key.name} {_base64(key.id + signature)}\n"


def checkpoint(note: str, key: Key) -> Checkpoint | None:
    """What this key signed; None where it did not."""
    text, _, lines = note.rpartition("\n\n")
    found = BODY.fullmatch(f"{text}\n")
    signature = key.signature(lines)
    if not found or not signature or not _verifies(key, signature, f"{text}\n"):
        return None
    origin, size, root = found.groups()
    return Checkpoint(origin, int(size), _bytes(root))


def cosigned(note: str, key: Key, lines: str = "") -> datetime | None:
    """When this witness cosigned the note, by its own lines or those given."""
    text, _, own = note.rpartition("\n\n")
    signature = key.signature(lines or own)
    if not signature or len(signature) != 72:
        return None
    at = int.from_bytes(signature[:8], "big")
    message = f"cosignature/v1\ntime {at}\n{text}\n"
    if at >= 1 << 34 or not _verifies(key, signature[8:], message):
        return None
    return datetime.fromtimestamp(at, UTC)


def _verifies(key: Key, signature: bytes, message: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message.encode())
    except InvalidSignature:
        return False
    return True


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    """Nothing where it is no base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
