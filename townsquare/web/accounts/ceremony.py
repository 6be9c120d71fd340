"""What a page asks a passkey for, and what comes back (W3C Web Authentication, Level 3, 7.1, 7.2).

Always holds: what comes back answers a challenge that was issued here for exactly this, minutes
ago, and that was not answered before.
"""

from datetime import timedelta
from typing import TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from webauthn.helpers import bytes_to_base64url

from townsquare.model.entity import Json
from townsquare.model.errors import Denied, Invalid
from townsquare.trust.identity import Passkey, credential_id, registered, signed_challenge
from townsquare.trust.identity.account import Account, require_new
from townsquare.trust.identity.challenge import RUNS, Challenges
from townsquare.web.accounts.people import People

ALGORITHMS = (-8, -7, -257)  # Ed25519, ECDSA over P-256, RSA: what authenticators have
TIMEOUT_MS = int(RUNS.total_seconds() * 1000)
FRESH = timedelta(minutes=10)  # after a sign-in
MOST_NAMED = 1000  # passkeys that an authenticator is asked about
T = TypeVar("T")


class Ceremonies:
    def __init__(self, people: People) -> None:
        self.people = people
        self._challenges = Challenges(people.broker.clock)

    def creation(self, one: Account, name: str) -> Json:
        """For navigator.credentials.create(). An authenticator that has any account's passkey is
        asked to say no: one authenticator is not two people.
        """
        site = self.people.site
        known = list(self.people.passkeys())[-MOST_NAMED:]
        return {
            "challenge": self._issued(_making(one)),
            "rp": {"id": site.rp_id, "name": site.title},
            "user": {"id": bytes_to_base64url(one.id.encode()), "name": name, "displayName": name},
            "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in ALGORITHMS],
            "excludeCredentials": [{"type": "public-key", "id": _text(p)} for p in known],
            "authenticatorSelection": {
                "residentKey": "required",
                "requireResidentKey": True,
                "userVerification": "required",
            },
            "attestation": "none",
            "timeout": TIMEOUT_MS,
        }

    def request(self, purpose: str) -> Json:
        """For navigator.credentials.get(). Names nobody: the authenticator knows whose it is."""
        return {
            "challenge": self._issued(purpose),
            "rpId": self.people.site.rp_id,
            "userVerification": "required",
            "timeout": TIMEOUT_MS,
        }

    def made(self, credential: Json, one: Account) -> Passkey:
        """Raises Denied."""
        challenge = signed_challenge(credential)
        self._challenges.check(challenge, _making(one))
        site = self.people.site
        now = self.people.broker.clock()
        passkey = registered(credential, challenge, site.origin, site.rp_id, now)
        require_new(passkey, self.people.passkeys())
        self._challenges.spend(challenge, _making(one))
        return passkey

    async def signed(self, credential: Json, purpose: str) -> Account:
        """Who signed. Raises Denied."""
        challenge = signed_challenge(credential)
        self._challenges.check(challenge, purpose)
        one = await self.people.signed(credential_id(credential), credential, challenge)
        self._challenges.spend(challenge, purpose)
        return one

    def _issued(self, purpose: str) -> str:
        return bytes_to_base64url(self._challenges.issue(purpose))


def _making(one: Account) -> str:
    return f"make a passkey of {one.id}"


def _text(passkey: Passkey) -> str:
    return bytes_to_base64url(passkey.id)


async def wished(request: Request, into: type[T]) -> T:
    """The JSON that one of our pages sent. Raises Invalid, HTTPException 415."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise HTTPException(415, "JSON is needed here")  # a form of another site cannot send it
    try:
        return msgspec.json.decode(await request.body(), type=into)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"this is not what the page sends: {error}") from error


def require_fresh(request: Request) -> str:
    """Somebody who showed their passkey just now: not whoever found their browser open."""
    id, session = require_person(request), request.state.session
    if session.clock() - session.since >= FRESH:
        raise Denied("sign in again first: passkeys change within minutes of a sign-in only")
    return id


def require_person(request: Request) -> str:
    """The id of somebody who signed in with an account of the town. Raises Denied."""
    session = request.state.session
    if session is None or session.actor.kind != "person":
        raise Denied("sign in first")
    return str(session.actor.id)
