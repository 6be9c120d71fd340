"""One sign-in at the identity provider, from leaving to coming back.

Always holds: it belongs to the browser in which it began. All that must not be guessed follows
from one random value in that browser's cookie and from a key of this server, so that nothing is
kept of those who never come back, and nothing of it works in another browser.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from townsquare.model.errors import Denied

# It comes back with a link from another site, so it cannot be SameSite=Strict.
COOKIE = "townsquare-provider"
PATH = "/session/provider"
RUNS = timedelta(minutes=10)


class Attempt:
    """`state` ties the answer to this browser, `nonce` the token, `verifier` the code (PKCE)."""

    def __init__(self, key: bytes, seed: str) -> None:
        self.seed = seed
        self.state, self.nonce, self.verifier = (
            hmac.new(key, f"{what} {seed}".encode(), hashlib.sha256).hexdigest()
            for what in ("state", "nonce", "verifier")
        )


class Attempts:
    def __init__(self, clock: Callable[[], datetime], *, secure: bool) -> None:
        self._clock = clock
        self._secure = secure
        self._key = secrets.token_bytes(32)
        self._used: dict[str, datetime] = {}

    def begin(self) -> Attempt:
        until = int((self._clock() + RUNS).timestamp())
        return Attempt(self._key, f"{until}.{secrets.token_urlsafe(24)}")

    def remember(self, attempt: Attempt, response: Response) -> None:
        response.set_cookie(
            COOKIE,
            attempt.seed,
            int(RUNS.total_seconds()),
            path=PATH,
            httponly=True,
            samesite="lax",
            secure=self._secure,
        )

    def of(self, seed: str, state: str) -> Attempt:
        """Raises Denied for an answer to no question of this browser."""
        attempt = Attempt(self._key, seed)
        ours = hmac.compare_digest(attempt.state.encode(), state.encode())
        # Only a seed that we made has a time in it.
        if not ours or self._until(seed) <= self._clock() or seed in self._used:
            raise Denied("this sign-in took too long, or was begun elsewhere; begin again")
        return attempt

    def spend(self, attempt: Attempt) -> None:
        """Once the provider has answered for it."""
        now = self._clock()
        self._used = {seed: until for seed, until in self._used.items() if until > now}
        self._used[attempt.seed] = now + RUNS

    def _until(self, seed: str) -> datetime:
        return datetime.fromtimestamp(int(seed.partition(".")[0]), UTC)
