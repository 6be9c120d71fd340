"""The ground rules of every page and every answer, whoever visits and however we were started.

A `Host` that is not ours is refused (DNS rebinding), a state-changing request from another
site is refused (CSRF), and every answer carries the policies that keep a page from loading or
sending anything elsewhere.
"""

import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from townsquare.context.http import BESIDE

BIGGEST_FORM = 65_536  # bytes
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_SITE = frozenset({b"same-origin", b"none", None})
NOT_KEPT = (b"cache-control", b"no-store")
# Data is no page: nothing in it is ever run, shown in a frame or taken by another site's page.
OF_DATA = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


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


def sent(scope: Scope) -> Mapping[bytes, bytes]:
    """The headers of a request by name in small letters; of a repeated one the first counts."""
    return dict(reversed(scope["headers"]))


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


def _guarded(
    headers: Iterable[tuple[bytes, bytes]], own: Iterable[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    told = [*headers, *own]
    return told if b"cache-control" in dict(told) else [*told, NOT_KEPT]


class Guard:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp, own: Collection[str], csp: str) -> None:
        self.app = app
        self.own = frozenset(origin.encode() for origin in own)
        self.hosts = frozenset(urlsplit(origin).netloc.encode() for origin in own)
        self.headers = [
            (b"content-security-policy", csp.encode("latin-1")),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-opener-policy", b"same-origin"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        ngsi_ld = scope["path"].startswith(BESIDE)
        bounded, own = (receive, OF_DATA) if ngsi_ld else (_bounded(receive), self.headers)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Pairs of bytes, not `MutableHeaders`: that took a third of a retrieval by id.
                message["headers"] = _guarded(message.get("headers", ()), own)
            await send(message)

        refusal = self._refusal(scope["method"], sent(scope))
        await (refusal or self.app)(scope, bounded, send_guarded)

    def _refusal(self, method: str, headers: Mapping[bytes, bytes]) -> PlainTextResponse | None:
        host = headers.get(b"host", b"")
        if host not in self.hosts:
            name = host.decode("latin-1")
            return PlainTextResponse(f"This server does not serve the host {name!r}.\n", 421)
        if method in SAFE:
            return None
        origin = headers.get(b"origin")
        site = headers.get(b"sec-fetch-site")
        # A browser says at least one of them; without a cookie there is nothing to ride on.
        silent = origin is None and site is None and b"cookie" in headers
        foreign = origin is not None and origin not in self.own
        if silent or foreign or site not in SAME_SITE:
            return PlainTextResponse("A page of another site may not change anything here.\n", 403)
        return None
