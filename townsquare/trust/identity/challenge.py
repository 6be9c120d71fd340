"""Challenges for passkeys: each is for one purpose, for a few minutes, and for one signature.

Nothing is kept of a challenge before it is used, so nobody can push out those of others by asking
for many. Only somebody with a passkey can use one, and that is remembered until it would have
ended anyway.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from townsquare.model.errors import Denied

RUNS = timedelta(minutes=5)
NONCE, STAMP = 24, 8  # bytes
AGAIN = "this took too long, or was done before; try again"


class Challenges:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)  # a restart ends all challenges
        self._used: dict[bytes, datetime] = {}

    def issue(self, purpose: str) -> bytes:
        until = int((self._clock() + RUNS).timestamp())
        body = secrets.token_bytes(NONCE) + until.to_bytes(STAMP, "big")
        return body + self._seal(body, purpose)

    def check(self, challenge: bytes, purpose: str) -> None:
        """Raises Denied for one that is not ours, for something else, too old or used."""
        body, seal = challenge[: NONCE + STAMP], challenge[NONCE + STAMP :]
        ours = hmac.compare_digest(seal, self._seal(body, purpose))
        if not ours or _until(body) <= self._clock() or challenge in self._used:
            raise Denied(AGAIN)

    def spend(self, challenge: bytes, purpose: str) -> None:
        """Once its signature is verified. Raises Denied."""
        self.check(challenge, purpose)
        now = self._clock()
        self._used = {used: until for used, until in self._used.items() if until > now}
        self._used[challenge] = _until(challenge[: NONCE + STAMP])

    def _seal(self, body: bytes, purpose: str) -> bytes:
        return hmac.digest(self._key, body + purpose.encode(), hashlib.sha256)


def _until(body: bytes) -> datetime:
    return datetime.fromtimestamp(int.from_bytes(body[NONCE:], "big"), UTC)
