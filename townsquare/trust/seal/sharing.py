"""A key in three shares of which any two give it back (Shamir), and a commitment to each share.

Always holds: a share that is not the one that was committed to is found before it is used, and
whose it was: combining a false one would give another key without a word.
"""

import hashlib
from collections.abc import Mapping, Sequence

from Crypto.Protocol.SecretSharing import Shamir

from townsquare.model.errors import Invalid

SHARES, QUORUM = 3, 2
KEY_BYTES, HALF = 32, 16  # the library shares 16 bytes at a time


class FalseShare(Invalid):
    """`index` tells whose: 1, 2 or 3 in the order of the terms."""

    def __init__(self, index: int) -> None:
        super().__init__(f"share {index} is not the one that was committed to")
        self.index = index


def split(key: bytes) -> tuple[bytes, bytes, bytes]:
    """Shares 1, 2 and 3, each as long as the key."""
    first, second = (Shamir.split(QUORUM, SHARES, half) for half in (key[:HALF], key[HALF:]))
    one, two, three = (a + b for (_, a), (_, b) in zip(first, second, strict=True))
    return one, two, three


def commitment(index: int, share: bytes) -> str:
    """Of a share: it is random and as long as a key, so its hash tells nothing of it."""
    return hashlib.sha256(b"townsquare share %d\n" % index + share).hexdigest()


def combine(shares: Mapping[int, bytes], commitments: Sequence[str]) -> bytes:
    """Raises FalseShare, or Invalid for fewer than two."""
    for index, share in shares.items():
        known = 1 <= index <= len(commitments)
        if not known or commitment(index, share) != commitments[index - 1]:
            raise FalseShare(index)
    if len(shares) < QUORUM:
        raise Invalid(f"{len(shares)} of {QUORUM} shares that it takes are here")
    used = sorted(shares.items())[:QUORUM]
    halves = [[(i, s[at : at + HALF]) for i, s in used] for at in (0, HALF)]
    return b"".join(bytes(Shamir.combine(half)) for half in halves)
