"""How clients of custodians and of askers say who they are: they sign what they ask for.

Always holds: a challenge is used once, within two minutes, by the key that it was signed with, for
exactly one request.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from townsquare.model.errors import Denied, Unavailable
from townsquare.trust.seal.keys import CustodianKey

RUNS = timedelta(minutes=2)
MOST = 1000  # that are open at once
SIGNED = "townsquare custody 1"


class Challenges:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._open: dict[str, datetime] = {}

    def fresh(self) -> str:
        """Raises Unavailable."""
        now = self._clock()
        self._open = {name: until for name, until in self._open.items() if until > now}
        if len(self._open) >= MOST:
            raise Unavailable("too many challenges are open; try again later", retry_after_s=60)
        name = secrets.token_hex(16)
        self._open[name] = now + RUNS
        return name

    def require(self, key: CustodianKey, asked: "Asked", signature: bytes) -> None:
        """Raises Denied."""
        until = self._open.pop(asked.challenge, None)
        if until is None or until <= self._clock():
            raise Denied("this challenge was used or has ended; ask for another one")
        if not key.signed(asked.said, signature):
            raise Denied("the signature is not of this key, or of another request")


class Asked:
    """One request, as it is signed."""

    def __init__(self, challenge: str, method: str, path: str, body: bytes) -> None:
        self.challenge = challenge
        told = (SIGNED, challenge, method, path, hashlib.sha256(body).hexdigest())
        self.said = "\n".join(told).encode()
