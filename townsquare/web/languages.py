"""In which language a visitor reads: the one they chose, or the first their browser asks for."""

import json
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from townsquare.model.errors import Invalid
from townsquare.model.texts import ENGLISH, Language, reading

HERE = Path(__file__).parent
TEXTS = (HERE / "static" / "texts", HERE / "texts")  # of scripts, and of what the server writes
NAMES = {"de": "Deutsch", "fr": "Français", "es": "Español", "sr-Latn": "Srpski"}
COOKIE = "townsquare-language"
YEAR_S = 365 * 24 * 3600
MOST_ASKED = 20  # languages of one browser


@cache
def languages() -> dict[str, Language]:
    """All that the product speaks, by tag; English first."""
    others = {tag: Language(tag, name, _texts(tag)) for tag, name in NAMES.items()}
    return {ENGLISH.tag: ENGLISH, **others}


def _texts(tag: str) -> dict[str, str | dict[str, str]]:
    files = [json.loads((folder / f"{tag}.json").read_text()) for folder in TEXTS]
    return {english: told for file in files for english, told in file.items()}


def chosen(headers: Headers) -> Language:
    """What stands in the cookie, else the best that the browser accepts, else English."""
    spoken = languages()
    cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    if cookie in spoken:
        return spoken[cookie]
    # Serbian is asked for as "sr", whatever its letters; "de-AT" is German.
    by_start = {tag.split("-")[0]: language for tag, language in spoken.items()}
    for tag in _accepted(headers.get("accept-language", "")):
        if language := by_start.get(tag.split("-")[0]):
            return language
    return ENGLISH


def _accepted(header: str) -> list[str]:
    """Tags in small letters, the best first (RFC 9110, 12.5.4); what cannot be read is left out."""
    ranked: list[tuple[float, int, str]] = []
    for part in header.split(",")[:MOST_ASKED]:
        tag, _, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if quality > 0:
            ranked.append((-quality, len(ranked), tag.strip().lower()))
    return [tag for _, _, tag in sorted(ranked)]


class Speaking:
    """ASGI middleware: what is written for this visit is written in its language."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        before = reading.set(chosen(Headers(scope=scope)) if scope["type"] == "http" else ENGLISH)
        try:
            await self.app(scope, receive, send)
        finally:
            reading.reset(before)


def routes() -> list[Route]:
    return [Route("/language", choose, methods=["POST"])]


async def choose(request: Request) -> Response:
    """Keeps it in this browser and leads back. Raises Invalid."""
    form = await request.form(max_files=0)
    tag = str(form.get("language", ""))
    if tag not in languages():
        raise Invalid(f"language {tag!r} is none of {', '.join(languages())}")
    response = RedirectResponse(_back(request.headers.get("referer", "")), 303)
    response.set_cookie(COOKIE, tag, YEAR_S, samesite="lax", httponly=True)
    return response


def _back(referer: str) -> str:
    """To the page they came from, on this server whatever the address says."""
    came = urlsplit(referer)
    path = "/" + came.path.lstrip("/\\")
    return f"{path}?{came.query}" if came.query else path
