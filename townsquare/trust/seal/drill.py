"""A drill of custodians: a secret of nobody's footage, sealed to them as a key of footage is. Pure.

Each custodian's client opens its share, seals it to the key of the drill and signs that. Any two
shares must give the secret back, and one must not.

Always holds: no share of footage passes for one of a drill, since what a share is sealed with says
what it is for; so whoever runs a drill learns nothing but that the keys are alive.
"""

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal

from msgspec import Struct

from townsquare.model.errors import Invalid
from townsquare.trust.seal import keys, sharing
from townsquare.trust.seal.keys import CustodianKey, NotOpened, OpeningKey
from townsquare.trust.seal.sharing import KEY_BYTES, FalseShare, commitment
from townsquare.trust.seal.terms import Terms

Found = Literal["opened", "false", "missing"]


class Test(Struct, frozen=True):
    """What custodians are given. `key` is that of the drill, as a custodian's; `shares` (base64,
    sealed) and `commitments` are in the order of `custodians`, their names; `sum` is SHA-256 of the
    secret.
    """

    id: str
    custodians: tuple[str, ...]
    key: str
    shares: tuple[str, ...]
    commitments: tuple[str, ...]
    sum: str


class Answer(Struct, frozen=True):
    """`share` is sealed to the drill's key; both are base64."""

    drill: str
    custodian: str
    share: str
    signature: str


class Outcome(Struct, frozen=True):
    """By custodian, and the pairs that gave the secret back."""

    found: Mapping[str, Found]
    pairs: tuple[tuple[str, str], ...]

    @property
    def result(self) -> Literal["passed", "partly", "failed"]:
        if len(self.pairs) == sharing.SHARES:
            return "passed"
        return "partly" if self.pairs else "failed"


def made(id: str, terms: Terms, own: CustodianKey) -> Test:
    """`own` is the public half of the drill's key."""
    secret = os.urandom(KEY_BYTES)
    shares, named = sharing.split(secret), [one.public for one in terms.custodians]
    return Test(
        id,
        tuple(one.name for one in named),
        str(own),
        tuple(
            b64encode(one.sealing.seal(share, share_info(id, one.name))).decode()
            for one, share in zip(named, shares, strict=True)
        ),
        tuple(commitment(n, share) for n, share in enumerate(shares, 1)),
        hashlib.sha256(secret).hexdigest(),
    )


def share_info(id: str, custodian: str) -> bytes:
    return f"townsquare drill share 1\n{id}\n{custodian}".encode()


def answer_info(id: str, custodian: str) -> bytes:
    return f"townsquare drill answer 1\n{id}\n{custodian}".encode()


def said(answer: Answer) -> bytes:
    """What is signed."""
    sum = hashlib.sha256(b64decode(answer.share)).hexdigest()
    return f"townsquare drill 1\n{answer.drill}\n{answer.custodian}\n{sum}".encode()


def require(answer: Answer, test: Test, key: CustodianKey) -> None:
    """Raises Invalid for what this custodian did not sign for this drill."""
    try:
        signed = key.signed(said(answer), b64decode(answer.signature, validate=True))
    except ValueError:
        signed = False
    if not signed or answer.custodian != key.name or answer.drill != test.id:
        raise Invalid(f"this was not signed by the custodian {key.name!r} for this drill")
    if key.name not in test.custodians:
        raise Invalid(f"{key.name!r} is no custodian of this drill")


def outcome(test: Test, answers: Sequence[Answer], own: OpeningKey) -> Outcome:
    """What the answers are worth."""
    shares: dict[str, bytes] = {}
    found: dict[str, Found] = dict.fromkeys(test.custodians, "missing")
    for one in answers:
        try:
            opened = own.open(b64decode(one.share), answer_info(test.id, one.custodian))
            _require_committed(test, one.custodian, opened)
        except (NotOpened, FalseShare, ValueError):
            found[one.custodian] = "false"
        else:
            found[one.custodian], shares[one.custodian] = "opened", opened
    pairs = combinations((name for name in test.custodians if name in shares), 2)
    return Outcome(found, tuple(pair for pair in pairs if _gives_back(test, pair, shares)))


def _require_committed(test: Test, name: str, share: bytes) -> None:
    index = test.custodians.index(name)
    if commitment(index + 1, share) != test.commitments[index]:
        raise FalseShare(index + 1)


def _gives_back(test: Test, pair: tuple[str, str], shares: Mapping[str, bytes]) -> bool:
    numbered = {test.custodians.index(name) + 1: shares[name] for name in pair}
    secret = sharing.combine(numbered, test.commitments)
    return hmac.compare_digest(hashlib.sha256(secret).hexdigest(), test.sum)


def fresh() -> OpeningKey:
    """For one drill."""
    return keys.fresh()
