"""What a custodian gives out: their share of some segments, sealed to who asked, and signed. Pure.

Always holds: what is released opens for the one-time key that the request named and for nothing
else; whoever passes it on can see who released it, and that it is whole, and not open it.
"""

import hashlib
from base64 import b64decode
from collections.abc import Mapping, Sequence

from msgspec import Struct

from townsquare.model.entity import Json
from townsquare.model.errors import Invalid
from townsquare.trust.seal.keys import CustodianKey, OpeningKey
from townsquare.trust.seal.sharing import FalseShare, commitment

SIGNED = b"townsquare release 1\n"


class Release(Struct, frozen=True):
    """`shares` are base64 by the digest of the segment; `signature` is base64."""

    opening: str
    custodian: str
    shares: Mapping[str, str]
    signature: str = ""


def said(release: Release) -> bytes:
    """What is signed."""
    lines = [f"{digest} {sum}" for digest, sum in sorted(_sums(release).items())]
    return SIGNED + "\n".join((release.opening, release.custodian, *lines)).encode()


def statement(release: Release) -> dict[str, Json]:
    """That it was released, for who may not have the shares: what was signed, and how."""
    sums: dict[str, Json] = {**_sums(release)}
    return {"custodian": release.custodian, "sums": sums, "signature": release.signature}


def _sums(release: Release) -> dict[str, str]:
    return {digest: _hash(share) for digest, share in release.shares.items()}


def _hash(share: str) -> str:
    return hashlib.sha256(b64decode(share)).hexdigest()


def info(opening: str, digest: str, custodian: str) -> bytes:
    return f"townsquare release 1\n{opening}\n{digest}\n{custodian}".encode()


def require(release: Release, key: CustodianKey, digests: Sequence[str]) -> None:
    """Raises Invalid for what is not of this custodian, or not of just these segments."""
    require_signed(release, key)
    if missing := set(digests).symmetric_difference(release.shares):
        raise Invalid(f"the release is not of the segments that were asked for: {min(missing)}")


def require_signed(release: Release, key: CustodianKey) -> None:
    """Raises Invalid."""
    try:
        signed = key.signed(said(release), b64decode(release.signature, validate=True))
    except ValueError:
        signed = False
    if release.custodian != key.name or not signed:
        raise Invalid(f"this was not signed by the custodian {key.name!r}")


def share(release: Release, digest: str, index: int, committed: str, key: OpeningKey) -> bytes:
    """What the custodian released of one segment. Raises FalseShare, which names the custodian, or
    NotOpened.
    """
    sealed = b64decode(release.shares[digest])
    found = key.open(sealed, info(release.opening, digest, release.custodian))
    if commitment(index, found) != committed:
        raise FalseShare(index)
    return found
