"""How clients of custodians and of askers say who they are: they sign what they ask for.

Always holds: a challenge is used once, within two minutes, by the key that it was signed with, for
exactly one request; whoever asks for challenges takes none from others, since none is remembered
before it is used.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from townsquare.model.errors import Denied
from townsquare.trust.seal.keys import CustodianKey

RUNS = timedelta(minutes=2)
SIGNED = "townsquare custody 1"


class Challenges:
    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._used: dict[str, datetime] = {}

    def fresh(self) -> str:
        until = self._clock() + RUNS
        return self._made(f"{until.timestamp():.0f}.{secrets.token_hex(16)}")

    def require(self, key: CustodianKey, asked: "Asked", signature: bytes) -> None:
        """Raises Denied."""
        now = self._clock()
        self._used = {name: until for name, until in self._used.items() if until > now}
        if not self._runs(asked.challenge, now):
            raise Denied("this challenge was used or has ended; ask for another one")
        if not key.signed(asked.said, signature):
            raise Denied("the signature is not of this key, or of another request")
        self._used[asked.challenge] = now + 2 * RUNS

    def _runs(self, challenge: str, now: datetime) -> bool:
        told = challenge.rpartition(".")[0]
        known = hmac.compare_digest(challenge.encode(), self._made(told).encode())
        return known and challenge not in self._used and float(told.split(".")[0]) > now.timestamp()

    def _made(self, told: str) -> str:
        sum = hmac.digest(self._secret, told.encode(), "sha256").hex()
        return f"{told}.{sum}"


class Asked:
    """One request, as it is signed."""

    def __init__(self, challenge: str, method: str, path: str, body: bytes) -> None:
        self.challenge = challenge
        told = (SIGNED, challenge, method, path, hashlib.sha256(body).hexdigest())
        self.said = "\n".join(told).encode()
