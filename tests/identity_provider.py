"""A little OpenID provider that behaves, until it is told not to."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

ISSUER = "https://login.example.org"
CLIENT, SECRET = "townsquare", "s3cret:of us"


@cache
def first_key() -> RSAKey:
    """One for all tests: to make it takes longer than to use it."""
    return RSAKey.generate_key(2048, {"kid": "first"})


@dataclass
class IdentityProvider:
    """`claims` and `header` are put over those of each token; `down` answers nothing useful."""

    clock: Callable[[], datetime]
    key: Any = field(default_factory=first_key)
    alg: str = "RS256"
    signer: Any = None  # where it is another key than the one that is shown
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    groups: list[str] = field(default_factory=lambda: ["control-room"])
    subject: str = "ada@login"
    answers_as: str | None = ISSUER  # the parameter `iss` of RFC 9207
    down: bool = False
    issuer: str = ISSUER
    says_goodbye: bool = False
    signed_out: list[str] = field(default_factory=list)  # of whom
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def app(self) -> Starlette:
        routes = [
            Route("/.well-known/openid-configuration", self.metadata),
            Route("/keys", self.keys),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
            Route("/logout", self.logout),
        ]
        return Starlette(routes=routes)

    def rotate(self) -> None:
        self.key, self.alg = ECKey.generate_key("P-256", {"kid": "second"}), "ES256"

    async def metadata(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        if self.down:
            return Response(status_code=502)
        told: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.alg],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        if self.says_goodbye:
            told["end_session_endpoint"] = f"{self.issuer}/logout"
        return JSONResponse(told)

    async def keys(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"]
        code = secrets.token_urlsafe(8)
        self._codes[code] = asked
        said = f"&iss={self.answers_as}" if self.answers_as else ""
        back = f"{asked['redirect_uri']}?code={code}&state={asked['state']}{said}"
        return RedirectResponse(back, 303)

    async def token(self, request: Request) -> Response:
        given = dict(parse_qsl((await request.body()).decode()))
        login = base64.b64encode(f"{CLIENT}:s3cret%3Aof%20us".encode()).decode()
        assert request.headers["authorization"] == f"Basic {login}"
        asked = self._codes.pop(given["code"], None)
        hashed = hashlib.sha256(given["code_verifier"].encode()).digest()
        proof = text(hashed)
        if asked is None or asked["code_challenge"] != proof:
            return JSONResponse({"error": "invalid_grant"}, 400)
        assert given["redirect_uri"] == asked["redirect_uri"]
        return JSONResponse({"id_token": self.signed(asked["nonce"]), "token_type": "Bearer"})

    async def logout(self, request: Request) -> Response:
        """RP-Initiated Logout 1.0: of whom the hint names, back to where we know."""
        asked = dict(request.query_params)
        hint = jwt.decode(asked["id_token_hint"], self.key, algorithms=[self.alg])
        assert hint.claims["aud"] == asked["client_id"] == CLIENT
        assert asked["post_logout_redirect_uri"].endswith("/signin")
        self.signed_out.append(hint.claims["sub"])
        return RedirectResponse(asked["post_logout_redirect_uri"], 303)

    def signed(self, nonce: str) -> str:
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            "name": "Ada Lovelace",
            "groups": self.groups,
            **self.claims,
        }
        header = {"alg": self.alg, "kid": self.key.kid, **self.header}
        kept = {name: value for name, value in claims.items() if value is not None}
        if header["alg"] in ("none", "HS256"):
            return forged(header, kept, self.key.as_pem(private=False))
        signer = self.signer or self.key
        return jwt.encode(header, kept, signer, algorithms=[header["alg"]])


def forged(header: dict[str, Any], claims: dict[str, Any], public_key: bytes) -> str:
    """As an attacker writes it: with no signature, or with one that takes the public key for a
    secret that is shared.
    """
    parts = [text(json.dumps(part).encode()) for part in (header, claims)]
    signed = hmac.digest(public_key, ".".join(parts).encode(), "sha256")
    return ".".join([*parts, text(signed) if header["alg"] == "HS256" else ""])


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
