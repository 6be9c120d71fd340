"""What NGSI-LD says about HTTP (ETSI GS CIM 009 V1.9.1, clause 6.3): requests in, answers out.

A thin layer over ASGI, since these routes carry a city's readings. It knows no operation.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import NoReturn
from urllib.parse import parse_qsl, quote, unquote

import msgspec
from msgspec import Struct
from starlette.types import Receive, Scope, Send

from townsquare.context.core import CORE
from townsquare.context.jsonld import Terms
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Json
from townsquare.model.errors import (
    AlreadyExists,
    Conflict,
    ContextNotAvailable,
    Denied,
    Invalid,
    InvalidRequest,
    Looping,
    NonexistentTenant,
    NotFound,
    NotFoundAnywhere,
    NotSupported,
    TooComplex,
    TooManyResults,
    TooOften,
    TownsquareError,
    Unavailable,
)
from townsquare.model.texts import later

JSON, LD, GEO, MERGE = (
    "application/json",
    "application/ld+json",
    "application/geo+json",
    "application/merge-patch+json",
)
BESIDE = "/ngsi-ld/"  # what is here is for programs, the standard's API and what goes beside it
ROOT = "/ngsi-ld/v1"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
CONTEXT_REL = "http://www.w3.org/ns/json-ld#context"
MOST_LISTED = 200  # ids, types or names in one parameter
TENANT = b"ngsild-tenant"
APART = "#"  # no tenant's name has it; behind it stands what lies apart within a tenant
ECHOED = frozenset({TENANT, b"ngsild-snapshot"})
TENANT_NAME = re.compile(r"[A-Za-z0-9._:-]{1,100}")
WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
LONG = 2000  # bytes of parameters: longer ones are not remembered
BIGGEST_BODY = 8 * 2**20  # bytes; a batch of 1,000 entities of 1 kB with room to spare

# By who has to act; the first that fits.
PROBLEMS: Sequence[tuple[type[TownsquareError], int, str, str]] = (
    (ContextNotAvailable, 504, "LdContextNotAvailable", later("A context could not be loaded")),
    (TooManyResults, 403, "TooManyResults", later("The answer would be too long")),
    (TooComplex, 403, "TooComplexQuery", later("The query asks for too much")),
    (InvalidRequest, 400, "InvalidRequest", later("The request cannot be read")),
    (Invalid, 400, "BadRequestData", later("The request does not meet the specification")),
    (NotSupported, 422, "OperationNotSupported", later("This is not supported")),
    (Denied, 403, "AccessDenied", later("The policy does not allow this")),
    (NonexistentTenant, 404, "NonexistentTenant", later("There is no such tenant")),
    (NotFound, 404, "ResourceNotFound", later("There is no such resource")),
    (AlreadyExists, 409, "AlreadyExists", later("It exists already")),
    (Conflict, 409, "Conflict", later("It changed meanwhile")),
    (Looping, 508, "InternalError", later("The request came back to where it was before")),
    (TooOften, 429, "TryAgain", later("That was tried too often")),
    (Unavailable, 503, "TryAgain", later("The city cannot answer just now")),
)


class Refused(Exception):
    """An answer that HTTP itself asks for: 404, 405, 406, 411, 413, 415."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        **members: Json,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}
        self.members = members  # of the problem, beside those that each has


class Request(Struct, frozen=True):
    method: str
    path: tuple[str, ...]  # below /ngsi-ld/v1, decoded
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    actor: Actor
    why: Why
    tenant: str
    snapshot: str = ""  # it is about this one alone

    def json(self) -> Json:
        """The body. Raises InvalidRequest, or Refused 415."""
        self.media_type()
        if not self.body:
            raise InvalidRequest("the request has no body")
        return decoded(self.body)

    def media_type(self) -> str:
        """Of the body; a merge patch is told as the JSON it is. Raises Refused 415."""
        stated = self.headers.get("content-type", JSON).split(";")[0].strip().lower()
        if stated == MERGE and self.method == "PATCH":
            return JSON
        if stated not in (JSON, LD):
            raise Refused(415)
        return stated

    def options(self, known: Collection[str]) -> tuple[str, ...]:
        """What `format` says, then `options`. Raises InvalidRequest for what is not known."""
        chosen = (*self.listed("format"), *self.listed("options"))
        if unknown := [name for name in chosen if name not in known]:
            raise InvalidRequest(
                f"unknown option {unknown[0]!r}; known here: {', '.join(sorted(known))}"
            )
        return chosen

    def option(self, name: str) -> bool:
        return name in self.listed("options")

    def number(self, name: str, default: int) -> int:
        text = self.parameters.get(name, str(default))
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise Invalid(f"{name} must be a whole number from 0, is {text!r}")
        return int(text)

    def listed(self, name: str) -> tuple[str, ...]:
        text = self.parameters.get(name)
        if not text:
            return ()
        parts = tuple(part.strip() for part in text.split(",") if part.strip())
        if len(parts) > MOST_LISTED:
            raise TooComplex(f"{name} lists more than {MOST_LISTED}")
        return parts

    def flag(self, name: str) -> bool:
        text = self.parameters.get(name)
        if text is None:
            return False
        text = text.lower()
        if text not in ("true", "false"):
            raise InvalidRequest(f"{name} must be true or false, is {text[:80]!r}")
        return text == "true"

    def known(self, *names: str) -> None:
        """Raises InvalidRequest for a parameter that the operation does not have."""
        if unknown := [name for name in self.parameters if name not in names]:
            raise InvalidRequest(
                f"unknown parameter {min(unknown)!r}; known here: {', '.join(sorted(names))}"
            )

    def accepts(self, *offered: str) -> str:
        """The media type of the answer (clause 6.3.4). Raises Refused 406."""
        found = _accepted(self.headers.get("accept", "*/*"), offered)
        if found is None:
            raise Refused(
                406, f"this is available as {', '.join(offered)}", availableRepresentations=offered
            )
        return found


class Answer(Struct, frozen=True):
    status: int
    json: Json = None
    headers: Mapping[str, str] = {}
    media: str = JSON


def decoded(body: bytes) -> Json:
    """Raises InvalidRequest."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidRequest("the body nests too deeply") from error


def answer_json(request: Request, json: Json, terms: Terms, media: str, **headers: str) -> Answer:
    """200 with the @context where the media type wants it (clause 6.3.6)."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if media == LD or (media == GEO and "body=json" not in request.headers.get("prefer", "")):
        return Answer(200, _labelled(json, terms), named, media)
    link = f'<{terms.url or CORE}>; rel="{CONTEXT_REL}"; type="{LD}"'
    named["link"] = f"{link}, {named['link']}" if "link" in named else link
    return Answer(200, json, named, media)


def _labelled(json: Json, terms: Terms) -> Json:
    """A list has it in each of its elements."""
    if isinstance(json, list):
        return [{**body, "@context": terms.source} for body in json]
    return {**json, "@context": terms.source}


def problem(error: TownsquareError) -> Answer:
    """RFC 7807, with the types of clause 6.3.2."""
    for kind, status, name, title in PROBLEMS:
        if isinstance(error, kind):
            json = {"type": ERRORS + name, "title": title, "detail": str(error), "status": status}
            return Answer(status, {**error.members, **json}, _headers_of(error))
    raise error


def _headers_of(error: TownsquareError) -> Mapping[str, str]:
    if isinstance(error, Unavailable):
        return {"retry-after": str(error.retry_after_s)}
    if isinstance(error, NotFoundAnywhere) and error.warnings:
        return {"NGSILD-Warning": ", ".join(error.warnings)}
    return {}


def refusal(refused: Refused) -> Answer:
    """Bare where clause 6.3.4 wants that, else a problem like the others."""
    if refused.status in (411, 415):
        return Answer(refused.status)
    name = "ResourceNotFound" if refused.status == 404 else "InvalidRequest"
    json = {
        "type": ERRORS + name,
        "title": HTTPStatus(refused.status).phrase,
        "detail": str(refused),
        "status": refused.status,
    }
    return Answer(refused.status, json | refused.members, refused.headers)


def address(*parts: str) -> str:
    """The path of something here. A colon may stand as it is (RFC 3986, 3.3), a slash may not."""
    return "/".join((ROOT, *(quote(part, safe=":") for part in parts)))


def path_below(scope: Scope, root: str) -> tuple[str, ...]:
    """The parts of the path below `root`, decoded; a part may hold an escaped slash."""
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    path = raw.decode("latin-1").split("?")[0].removeprefix(root)
    parts = path.strip("/").split("/")
    return tuple(map(unquote, parts) if "%" in path else parts)


async def read_request(scope: Scope, receive: Receive, path: tuple[str, ...]) -> Request:
    """Raises Refused or Invalid."""
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    return Request(
        method=scope["method"],
        path=path,
        parameters=_parameters(scope["query_string"]),
        headers=headers,
        body=await _body(scope["method"], headers, receive),
        actor=scope["state"]["actor"],
        why=scope["state"]["why"],
        tenant=_tenant(headers),
    )


def _tenant(headers: Mapping[str, str]) -> str:
    tenant = headers.get("ngsild-tenant", "")
    if tenant and not TENANT_NAME.fullmatch(tenant):
        raise InvalidRequest(
            "NGSILD-Tenant must be up to 100 letters, digits or the signs . _ : -,"
            f" is {tenant[:120]!r}"
        )
    return tenant


def _parameters(query: bytes) -> Mapping[str, str]:
    if not query:
        return {}
    return _read_parameters(query) if len(query) > LONG else _remembered_parameters(query)


def _read_parameters(query: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise InvalidRequest(f"the parameters cannot be read: {error}") from error
    if len(dict(pairs)) < len(pairs):
        raise InvalidRequest("a parameter is given twice")
    return dict(pairs)


_remembered_parameters = lru_cache(maxsize=1024)(_read_parameters)


async def _body(method: str, headers: Mapping[str, str], receive: Receive) -> bytes:
    if method in ("POST", "PATCH", "PUT") and "content-length" not in headers:
        raise Refused(411)
    length = headers.get("content-length")
    if length is None and "transfer-encoding" not in headers:
        return b""  # RFC 9112, 6.3: there is none to wait for
    if length and length.isdigit() and int(length) > BIGGEST_BODY:
        raise too_large()
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > BIGGEST_BODY:
            raise too_large()
    return b"".join(parts)


def too_large() -> Refused:
    return Refused(413, f"a body has at most {BIGGEST_BODY} bytes; send less at once")


async def send_answer(send: Send, scope: Scope, answer: Answer) -> None:
    """Tenant and snapshot are told back, in errors too (clauses 6.3.14 and 6.3.22)."""
    body = b"" if answer.json is None else msgspec.json.encode(answer.json)
    headers = {"content-type": answer.media} if body else {}
    headers |= answer.headers
    if answer.status != 204:
        headers["content-length"] = str(len(body))
    pairs = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
    pairs += [(name, value) for name, value in scope["headers"] if name in ECHOED]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


@lru_cache(maxsize=1024)
def _accepted(accept: str, offered: tuple[str, ...]) -> str | None:
    """The heaviest of what is offered, the earlier one where two weigh the same."""
    wanted = _wanted(accept)
    ranked = [(_weight(media, wanted), -order, media) for order, media in enumerate(offered)]
    weight, _, media = max(ranked)
    return media if weight else None


def _wanted(accept: str) -> dict[str, float]:
    wanted: dict[str, float] = {}
    for part in accept.split(","):
        media, *parameters = (p.strip() for p in part.split(";"))
        quality = next((p[2:] for p in parameters if p.lower().startswith("q=")), "1")
        # What is no weight (RFC 9110, 12.4.2) does not decide anything.
        wanted[media.lower()] = float(quality) if WEIGHT.fullmatch(quality) else 1.0
    return wanted


def _weight(media: str, wanted: Mapping[str, float]) -> float:
    """Of the most specific range that has it (RFC 9110, 12.5.1)."""
    for name in (media, "application/*", "*/*"):
        if name in wanted:
            return wanted[name]
    return 0.0


def refuse_method(method: str, allowed: Sequence[str]) -> NoReturn:
    methods = ", ".join(sorted(allowed))
    raise Refused(405, f"{method} is not known here; there is {methods}", {"allow": methods})
