"""The ground rules of every page and every answer, whoever visits and however we were started.

A `Host` that is not ours is refused (DNS rebinding), a state-changing request from another
site is refused (CSRF), and every answer carries the policies that keep a page from loading or
sending anything elsewhere.
"""

import base64
import hashlib
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from townsquare.context.http import ROOT

BIGGEST_FORM = 65_536  # bytes
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_SITE = frozenset({"same-origin", "none"})


def origins(port: int, public_url: str) -> frozenset[str]:
    """Addresses under which this server is itself."""
    own = {f"http://{host}:{port}" for host in ("localhost", "127.0.0.1", "[::1]")}
    return frozenset(own | ({public_url.rstrip("/")} if public_url else set()))


def content_security_policy(import_map: str) -> str:
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    return (
        f"default-src 'self'; script-src 'self' 'sha256-{digest}'; object-src 'none';"
        " base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


def _bounded(receive: Receive) -> Receive:
    """Forms and orders are small; NGSI-LD bounds its own bodies. Raises HTTPException 413."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > BIGGEST_FORM:
            raise HTTPException(413, "The body is too large")
        return message

    return counted


class Guard:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp, own: Collection[str], csp: str) -> None:
        self.app = app
        self.own = frozenset(own)
        self.hosts = frozenset(urlsplit(origin).netloc for origin in own)
        self.headers = {
            "content-security-policy": csp,
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self.headers)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        bounded = receive if scope["path"].startswith(f"{ROOT}/") else _bounded(receive)
        await (refusal or self.app)(scope, bounded, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if host not in self.hosts:
            return PlainTextResponse(f"This server does not serve the host {host!r}.\n", 421)
        if method in SAFE:
            return None
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site", "none")
        if (origin is not None and origin not in self.own) or site not in SAME_SITE:
            return PlainTextResponse("A page of another site may not change anything here.\n", 403)
        return None
