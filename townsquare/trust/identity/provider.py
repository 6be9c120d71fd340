"""What the town's identity provider says of somebody (OpenID Connect Core 1.0, RFC 9207, RFC 9700).

Always holds: a token is of the one issuer that the settings name, signed by one of its keys with
one of two algorithms, made for us, for this very sign-in and just now. Anything else is refused.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from townsquare.model.entity import Json
from townsquare.model.errors import Denied, Invalid

ALGORITHMS = ("RS256", "ES256")
SKEW_S = 60  # between their clock and ours
OLDEST_S = 600  # of a token, when it comes


@dataclass(frozen=True, slots=True)
class Settings:
    """[oidc] in townsquare.toml. `roles` are pairs of a value in `claim` and a role here."""

    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    claim: str = "groups"
    roles: tuple[tuple[str, str], ...] = ()
    organisation: str = ""

    def __post_init__(self) -> None:
        if not self.issuer:
            return
        url = urlsplit(self.issuer)
        if url.scheme != "https" or not url.hostname or url.query or url.fragment or "@" in url[1]:
            raise Invalid(f"issuer {self.issuer!r} must be like https://login.example.org")
        if not (self.client_id and self.client_secret and self.roles):
            raise Invalid("an identity provider needs client_id, client_secret and roles")

    @property
    def host(self) -> str:
        return urlsplit(self.issuer).hostname or ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who came, as the provider knows them. `subject` tells people apart and tells nothing else."""

    subject: bytes
    name: str
    roles: frozenset[str]


class UnknownKey(Denied):
    """The provider may have new keys: ask it once more."""


def endpoints(metadata: Json, settings: Settings) -> Mapping[str, str]:
    """Where to send people and codes. Raises Denied for those of somebody else."""
    if not isinstance(metadata, dict) or metadata.get("issuer") != settings.issuer:
        raise Denied("the identity provider says that it is another one")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    found = {name: metadata.get(name) for name in names}
    for name, url in found.items():
        if not isinstance(url, str) or urlsplit(url).scheme != "https":
            raise Denied(f"the identity provider has no {name} with https")
    return {name: str(url) for name, url in found.items()}


def require_issuer(metadata: Json, given: str | None, settings: Settings) -> None:
    """An answer of another provider is none (RFC 9207, 2.4). Raises Denied."""
    promised = metadata.get("authorization_response_iss_parameter_supported") is True
    if (given is None and promised) or (given is not None and given != settings.issuer):
        raise Denied("this answer is of another identity provider")


def claimed(token: Json, keys: KeySet, nonce: str, settings: Settings, now: datetime) -> Claimed:
    """Raises Denied; UnknownKey where a key that came since might do."""
    if not isinstance(token, str):
        raise Denied("the identity provider sent no token")
    try:
        signed = jwt.decode(token, keys, algorithms=ALGORITHMS)
        claims = CodeIDToken(
            signed.claims,
            signed.header,
            {"iss": {"value": settings.issuer}, "aud": {"value": settings.client_id}},
            {"nonce": nonce, "client_id": settings.client_id},
        )
        claims.validate(int(now.timestamp()), SKEW_S)
    except InvalidKeyIdError as error:
        raise UnknownKey(
            "the identity provider's answer is signed by a key that it does not show"
        ) from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Denied(_plainly(error)) from error
    return _claimed(signed.claims, settings, now)


CLOCKS = (
    "the clocks of the town and of the identity provider are too far apart, or this sign-in took"
    " too long; try again, and if it stays so ask who runs the server to set its clock"
)
WRONG = {
    "nonce": "this answer of the identity provider belongs to another sign-in; begin again",
    **dict.fromkeys(("exp", "iat", "nbf"), CLOCKS),
    **dict.fromkeys(
        ("aud", "azp"),
        "the identity provider's answer is meant for another program; ask your administrator"
        " whether client_id is right",
    ),
    "iss": "this answer is of another identity provider",
    "sub": "the identity provider does not say who this is",
}


def _plainly(error: Exception) -> str:
    """For whoever wants to sign in, not for who wrote the provider."""
    claim = getattr(error, "claim", None)
    return WRONG.get(claim or "", "the identity provider's answer is not signed as it must be")


def farewell(metadata: Json, settings: Settings, token: str, back: str) -> str:
    """Where somebody signs out there too, and comes back from (OpenID Connect RP-Initiated Logout
    1.0); empty where the provider has no such place.
    """
    url = metadata.get("end_session_endpoint") if isinstance(metadata, dict) else None
    if not isinstance(url, str) or urlsplit(url).scheme != "https":
        return ""
    asked = {
        "id_token_hint": token,
        "client_id": settings.client_id,
        "post_logout_redirect_uri": back,
    }
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"


def _claimed(claims: Mapping[str, Json], settings: Settings, now: datetime) -> Claimed:
    made, subject = claims["iat"], claims["sub"]
    if not (isinstance(made, int | float) and now.timestamp() - made < OLDEST_S + SKEW_S):
        raise Denied(CLOCKS)
    if not (isinstance(subject, str) and subject):
        raise Denied("the identity provider does not say who this is")
    values = claims.get(settings.claim, [])
    has = {values} if isinstance(values, str) else set(_texts(values))
    roles = frozenset(role for value, role in settings.roles if value in has)
    name = claims.get("name") or claims.get("preferred_username") or ""
    return Claimed(subject_digest(settings.issuer, subject), str(name), roles)


def _texts(values: Json) -> list[str]:
    return [v for v in values if isinstance(v, str)] if isinstance(values, list) else []


def subject_digest(issuer: str, subject: str) -> bytes:
    return hashlib.sha256(f"{issuer}\0{subject}".encode()).digest()
