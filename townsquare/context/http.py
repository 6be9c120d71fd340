"""What NGSI-LD says about HTTP (ETSI GS CIM 009 V1.9.1, clause 6.3): requests in, answers out.

A thin layer over ASGI, since these routes carry a city's readings. It knows no operation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import parse_qsl, quote, unquote

import msgspec
from starlette.types import Receive, Scope, Send

from townsquare.context.jsonld import CORE, Terms
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Json
from townsquare.model.errors import (
    AlreadyExists,
    Conflict,
    ContextNotAvailable,
    Denied,
    Invalid,
    NotFound,
    TooComplex,
    TownsquareError,
    Unavailable,
)

JSON, LD, GEO, MERGE = (
    "application/json",
    "application/ld+json",
    "application/geo+json",
    "application/merge-patch+json",
)
ROOT = "/ngsi-ld/v1"
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
CONTEXT_REL = "http://www.w3.org/ns/json-ld#context"
MOST_LISTED = 200  # ids, types or names in one parameter
BIGGEST_BODY = 8 * 2**20  # bytes; a batch of 1,000 entities of 1 kB with room to spare

# By who has to act; the first that fits.
PROBLEMS: Sequence[tuple[type[TownsquareError], int, str, str]] = (
    (ContextNotAvailable, 504, "LdContextNotAvailable", "A context could not be loaded"),
    (TooComplex, 403, "TooComplexQuery", "The query asks for too much"),
    (Invalid, 400, "BadRequestData", "The request does not meet the specification"),
    (Denied, 403, "AccessDenied", "The policy does not allow this"),
    (NotFound, 404, "ResourceNotFound", "There is no such resource"),
    (AlreadyExists, 409, "AlreadyExists", "It exists already"),
    (Conflict, 409, "Conflict", "It changed meanwhile"),
    (Unavailable, 503, "TryAgain", "The city cannot answer just now"),
)


class Refused(Exception):
    """An answer that HTTP itself asks for: 405, 406, 411, 413, 415."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: tuple[str, ...]  # below /ngsi-ld/v1, decoded
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    actor: Actor
    why: Why
    tenant: str

    def json(self) -> Json:
        if not self.body:
            raise Invalid("the request has no body")
        return decoded(self.body)

    def media_type(self) -> str:
        """Of the body. Raises Refused 415."""
        stated = self.headers.get("content-type", JSON).split(";")[0].strip().lower()
        if stated not in (JSON, LD, MERGE):
            raise Refused(415)
        return stated

    def option(self, name: str) -> bool:
        return name in self.parameters.get("options", "").split(",")

    def number(self, name: str, default: int) -> int:
        text = self.parameters.get(name, str(default))
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise Invalid(f"{name} must be a whole number from 0, is {text!r}")
        return int(text)

    def listed(self, name: str) -> tuple[str, ...]:
        text = self.parameters.get(name, "")
        parts = tuple(part.strip() for part in text.split(",") if part.strip())
        if len(parts) > MOST_LISTED:
            raise TooComplex(f"{name} lists more than {MOST_LISTED}")
        return parts

    def flag(self, name: str) -> bool:
        return self.parameters.get(name, "false").lower() == "true"

    def known(self, *names: str) -> None:
        """Raises Invalid for a parameter that the operation does not have."""
        if unknown := sorted(set(self.parameters) - set(names)):
            raise Invalid(
                f"unknown parameter {unknown[0]!r}; known here: {', '.join(sorted(names))}"
            )

    def accepts(self, *offered: str) -> str:
        """The media type of the answer (clause 6.3.4). Raises Refused 406."""
        wanted = _wanted(self.headers.get("accept", "*/*"))
        ranked = [
            (weight, -order, m) for order, m in enumerate(offered) if (weight := _weight(m, wanted))
        ]
        if not ranked:
            raise Refused(406)
        return max(ranked)[2]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    json: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = JSON


def decoded(body: bytes) -> Json:
    """Raises Invalid."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise Invalid(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise Invalid("the body nests too deeply") from error


def answer_json(request: Request, json: Json, terms: Terms, media: str, **headers: str) -> Answer:
    """200 with the @context where the media type wants it (clause 6.3.6)."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if media == LD:
        bodies = json if isinstance(json, list) else [json]
        labelled = [{**body, "@context": terms.source} for body in bodies]
        return Answer(200, labelled if isinstance(json, list) else labelled[0], named, LD)
    url = terms.source if isinstance(terms.source, str) else CORE
    link = f'<{url}>; rel="{CONTEXT_REL}"; type="{LD}"'
    named["link"] = f"{link}, {named['link']}" if "link" in named else link
    return Answer(200, json, named, media)


def problem(error: TownsquareError) -> Answer:
    """RFC 7807, with the types of clause 6.3.2."""
    for kind, status, name, title in PROBLEMS:
        if isinstance(error, kind):
            json = {"type": ERRORS + name, "title": title, "detail": str(error), "status": status}
            retry = (
                {"retry-after": str(error.retry_after_s)} if isinstance(error, Unavailable) else {}
            )
            return Answer(status, json, retry)
    raise error


def path_below(scope: Scope, root: str) -> tuple[str, ...]:
    """The parts of the path below `root`, decoded; a part may hold an escaped slash."""
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    path = raw.decode("latin-1").split("?")[0].removeprefix(root)
    return tuple(unquote(part) for part in path.strip("/").split("/"))


async def read_request(scope: Scope, receive: Receive, path: tuple[str, ...]) -> Request:
    """Raises Refused or Invalid."""
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    return Request(
        method=scope["method"],
        path=path,
        parameters=_parameters(scope["query_string"]),
        headers=headers,
        body=await _body(headers, receive),
        actor=scope["state"]["actor"],
        why=scope["state"]["why"],
        tenant=headers.get("ngsild-tenant", ""),
    )


def _parameters(query: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise Invalid(f"the parameters cannot be read: {error}") from error
    if len(dict(pairs)) < len(pairs):
        raise Invalid("a parameter is given twice")
    return dict(pairs)


async def _body(headers: Mapping[str, str], receive: Receive) -> bytes:
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > BIGGEST_BODY:
        raise Refused(413)
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > BIGGEST_BODY:
            raise Refused(413)
    return b"".join(parts)


async def send_answer(send: Send, request: Request | None, answer: Answer) -> None:
    body = b"" if answer.json is None else msgspec.json.encode(answer.json)
    headers = {"content-type": answer.media} if body else {}
    headers |= answer.headers
    if answer.status != 204:
        headers["content-length"] = str(len(body))
    if request and request.tenant:
        headers["ngsild-tenant"] = request.tenant
    pairs = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def _wanted(accept: str) -> dict[str, float]:
    wanted: dict[str, float] = {}
    for part in accept.split(","):
        media, *parameters = (p.strip() for p in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            wanted[media.lower()] = float(quality)
        except ValueError:
            wanted[media.lower()] = 0.0
    return wanted


def _weight(media: str, wanted: Mapping[str, float]) -> float:
    for name in (media, "application/*", "*/*"):
        if name in wanted:
            return wanted[name]
    return 0.0


def refuse_method(allowed: Sequence[str]) -> NoReturn:
    raise Refused(405, {"allow": ", ".join(sorted(allowed))})
