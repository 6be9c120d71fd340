"""A passkey in software, as a browser and a security key would answer together."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40
BOTH = PRESENT | VERIFIED


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """`counts` is 0 for one that does not count, as synchronised passkeys do."""

    origin: str = "http://localhost:8400"
    rp_id: str = "localhost"
    counter: int = 0
    counts: int = 1
    flags: int = BOTH
    framed: bool = False
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def but(self, **different: Any) -> "Authenticator":
        """The same passkey, on another page or in another state."""
        return replace(self, **different)

    def made(self, challenge: bytes) -> dict[str, Any]:
        """The answer of navigator.credentials.create()."""
        head = bytes(16) + len(self.id).to_bytes(2, "big") + self.id
        attested = self._head(ATTESTED) + head + self.public()
        body = {"fmt": "none", "attStmt": {}, "authData": attested}
        return self._answer("webauthn.create", challenge, {"attestationObject": cbor2.dumps(body)})

    def signed(self, challenge: bytes) -> dict[str, Any]:
        """The answer of navigator.credentials.get()."""
        self.counter += self.counts
        head = self._head(0)
        told = hashlib.sha256(self._told("webauthn.get", challenge)).digest()
        signature = self.key.sign(head + told, ec.ECDSA(hashes.SHA256()))
        parts = {"authenticatorData": head, "signature": signature}
        return self._answer("webauthn.get", challenge, parts)

    def public(self) -> bytes:
        point = self.key.public_key().public_numbers()
        x, y = (n.to_bytes(32, "big") for n in (point.x, point.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _head(self, more: int) -> bytes:
        flags = bytes([self.flags | more])
        return (
            hashlib.sha256(self.rp_id.encode()).digest() + flags + self.counter.to_bytes(4, "big")
        )

    def _told(self, what: str, challenge: bytes) -> bytes:
        told = {"type": what, "challenge": text(challenge), "origin": self.origin}
        return json.dumps({**told, "crossOrigin": self.framed}).encode()

    def _answer(self, what: str, challenge: bytes, parts: dict[str, bytes]) -> dict[str, Any]:
        response = {"clientDataJSON": self._told(what, challenge), **parts}
        return {
            "id": text(self.id),
            "rawId": text(self.id),
            "type": "public-key",
            "response": {name: text(part) for name, part in response.items()},
        }
