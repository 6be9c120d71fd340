"""Keys of custodians, of requesters and of hours: what is sealed to somebody, and what they sign.

Sealing is HPKE (RFC 9180) with ML-KEM-768 and X25519 together (X-Wing), so that what is copied
today stays shut when one of both is broken. Signatures are Ed25519.

Always holds: a public key is known by the first 16 hexadecimal digits of SHA-256 over it, which
two people can read to each other.
"""

import hashlib
import os
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from functools import cached_property

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from townsquare.model.errors import Invalid

SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
SEED_BYTES = 96  # ML-KEM-768 64, X25519 32
PUBLIC_BYTES = 1216  # ML-KEM-768 1184, X25519 32
MLKEM_SEED, MLKEM_PUBLIC = 64, 1184
SIGNING_BYTES = 32
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class NotOpened(Invalid):
    """Sealed to another key, for something else, or not as it was sealed."""


@dataclass(frozen=True)
class SealingKey:
    """Public: whoever holds the other half opens what is sealed to it."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_BYTES:
            raise Invalid(
                f"a key to seal to has {PUBLIC_BYTES} bytes; this one has {len(self.raw)}"
            )
        try:
            _ = self._key
        except ValueError as error:
            raise Invalid("this is no key of ML-KEM-768 and X25519") from error

    @cached_property
    def _key(self) -> MLKEM768X25519PublicKey:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(self.raw[:MLKEM_PUBLIC]),
            X25519PublicKey.from_public_bytes(self.raw[MLKEM_PUBLIC:]),
        )

    def seal(self, secret: bytes, info: bytes) -> bytes:
        """`info` says what for; who opens it must say the same."""
        return SUITE.encrypt(secret, self._key, info)

    @property
    def thumbprint(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()[:16]


@dataclass(frozen=True)
class OpeningKey:
    """Secret. `seed` is all of it."""

    seed: bytes

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise Invalid(f"a key that opens has {SEED_BYTES} bytes; this one has {len(self.seed)}")

    def __repr__(self) -> str:
        return "OpeningKey(…)"

    @cached_property
    def _key(self) -> MLKEM768X25519PrivateKey:
        return MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(self.seed[:MLKEM_SEED]),
            X25519PrivateKey.from_private_bytes(self.seed[MLKEM_SEED:]),
        )

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Raises NotOpened."""
        try:
            return SUITE.decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError) as error:
            raise NotOpened("this was sealed to another key, or changed since") from error

    @cached_property
    def public(self) -> SealingKey:
        mlkem = MLKEM768PrivateKey.from_seed_bytes(self.seed[:MLKEM_SEED]).public_key()
        x25519 = X25519PrivateKey.from_private_bytes(self.seed[MLKEM_SEED:]).public_key()
        return SealingKey(mlkem.public_bytes_raw() + x25519.public_bytes_raw())


def fresh() -> OpeningKey:
    return OpeningKey(os.urandom(SEED_BYTES))


@dataclass(frozen=True)
class CustodianKey:
    """What a custodian's own client prints: `NAME+THUMBPRINT+BASE64` of both public halves."""

    name: str
    sealing: SealingKey
    signing: bytes  # Ed25519

    def __str__(self) -> str:
        raw = self.sealing.raw + self.signing
        return f"{self.name}+{_thumbprint(raw)}+{b64encode(raw).decode()}"

    @property
    def thumbprint(self) -> str:
        return _thumbprint(self.sealing.raw + self.signing)

    def signed(self, said: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.signing).verify(signature, said)
        except (InvalidSignature, ValueError):
            return False
        return True


def custodian_key(text: str) -> CustodianKey:
    """Raises Invalid."""
    name, _, rest = text.strip().partition("+")
    thumbprint, _, told = rest.partition("+")
    try:
        raw = b64decode(told, validate=True)
    except ValueError as error:
        raise Invalid("the key of a custodian is NAME+THUMBPRINT+BASE64, in one line") from error
    if not NAME.fullmatch(name):
        raise Invalid(f"the name of a custodian {name[:60]!r}: use a-z, 0-9 and -, up to 40")
    if len(raw) != PUBLIC_BYTES + SIGNING_BYTES or _thumbprint(raw) != thumbprint:
        raise Invalid(f"the key of custodian {name!r} is not whole: copy it again, all of the line")
    return CustodianKey(name, SealingKey(raw[:PUBLIC_BYTES]), raw[PUBLIC_BYTES:])


def _thumbprint(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:16]
