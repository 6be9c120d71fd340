"""What a custodian who leaves hands on: their shares, opened and sealed again to who follows. Pure.

Always holds: the share itself never changes, so its commitment in the log goes on to hold; whoever
hands on a false one is found by it when footage is opened.
"""

import hashlib
from base64 import b64decode
from collections.abc import Mapping

from msgspec import Struct

from townsquare.model.errors import Invalid
from townsquare.trust.seal.keys import CustodianKey

MARK = b"townsquare handed 1\n"  # no sealed share begins so by chance


class Handed(Struct, frozen=True):
    """`shares` are base64 by the name of the segment; `successor` is the line of a key."""

    custodian: str
    successor: str
    shares: Mapping[str, str]
    signature: str


def marked(successor: str, sealed: bytes) -> bytes:
    """As it takes the place of the share that was recorded."""
    return MARK + successor.encode() + b"\n" + sealed


def told(share: bytes) -> tuple[str, bytes]:
    """To whom it was handed on, "" where it was not; and the sealed share."""
    if not share.startswith(MARK):
        return "", share
    name, _, sealed = share.removeprefix(MARK).partition(b"\n")
    return name.decode(), sealed


def said(handed: Handed) -> bytes:
    """What is signed."""
    sums = {n: hashlib.sha256(b64decode(s)).hexdigest() for n, s in handed.shares.items()}
    lines = [f"{name} {sum}" for name, sum in sorted(sums.items())]
    head = ("townsquare hand-on 1", handed.custodian, handed.successor)
    return "\n".join((*head, *lines)).encode()


def require(handed: Handed, key: CustodianKey) -> None:
    """Raises Invalid for what this custodian did not sign."""
    try:
        signed = key.signed(said(handed), b64decode(handed.signature, validate=True))
    except ValueError:
        signed = False
    if not signed or handed.custodian != key.name:
        raise Invalid(f"this was not signed by the custodian {key.name!r}")
