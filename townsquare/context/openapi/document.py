"""The document itself, put together once from operations, parameters and schemas."""

import re
from collections import defaultdict
from functools import cache

from townsquare import __version__
from townsquare.context.http import GEO, JSON, LD, MERGE, ROOT, Answer, Request
from townsquare.context.openapi.operations import LINES, Line
from townsquare.context.openapi.parameters import Parameter
from townsquare.context.openapi.schemas import SCHEMAS, TEXT, many, ref
from townsquare.context.routes import Routes
from townsquare.model.entity import Json

ABOUT = (
    "NGSI-LD (ETSI GS CIM 009 V1.9.1). Errors are RFC 7807 JSON with the types of the"
    " specification. Without a token only what is published is there. The header NGSILD-Snapshot"
    " with the id of a snapshot asks for what is in that, and changes nothing else."
)
DONE = {
    200: "what was asked for",
    201: "created; a header says where",
    204: "done",
    206: "part of the past; Content-Range says which, ask on",
    207: "done in part: the body says for which not, and why",
}


def routes() -> Routes:
    return {"openapi.json": {"GET": served}}


async def served(request: Request) -> Answer:
    request.known()
    return Answer(200, document())


@cache
def document() -> Json:
    paths: defaultdict[str, dict[str, Json]] = defaultdict(dict)
    for line in LINES:
        paths[f"/{line.path}"][line.method.lower()] = _operation(line)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Townsquare context broker",
            "version": __version__,
            "description": ABOUT,
        },
        "servers": [{"url": ROOT}],
        "security": [{}, {"token": []}],
        "paths": dict(paths),
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(line: Line) -> Json:
    named = re.findall(r"{(\w+)}", line.path)
    inside = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in named]
    paged = any(parameter.name == "entityMap" for parameter in line.parameters)
    operation: dict[str, Json] = {
        "summary": line.about,
        "operationId": _id(line),
        "tags": [line.path.split("/")[0]],
        "parameters": [
            *inside,
            *map(_parameter, line.parameters),
            *HEADERS,
            *(MAPS if paged else []),
        ],
        "responses": {str(status): _response(status, line) for status in line.done}
        | {"4XX": ERROR, "503": ERROR, "504": ERROR},
    }
    if line.body:
        kinds = [JSON, LD, *([MERGE] if line.method == "PATCH" else [])]
        schema = _schema(line.body)
        content = {kind: {"schema": schema} for kind in kinds}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _id(line: Line) -> str:
    words: list[str] = re.findall(r"\w+", line.path)
    return line.method.lower() + "".join(word[0].upper() + word[1:] for word in words)


def _schema(name: str) -> Json:
    return many(ref(name[:-2])) if name.endswith("[]") else ref(name)


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.about,
        "schema": parameter.schema,
    }


def _response(status: int, line: Line) -> Json:
    found: dict[str, Json] = {"description": DONE[status]}
    if status == 207:
        found["content"] = {JSON: {"schema": ref("PartlyDone")}}
    elif status in (200, 201, 206) and line.answer:
        schema = _schema(line.answer)
        found["content"] = {JSON: {"schema": schema}, LD: {"schema": schema}}
        if line.answer in ("Entity", "Entity[]") and 206 not in line.done:
            found["content"][GEO] = {"schema": {"type": "object"}}
    return found


MAPS: list[Json] = [
    {
        "name": "NGSILD-EntityMap",
        "in": "header",
        "description": "the entity map that an earlier answer named in this header",
        "schema": TEXT,
    }
]
ERROR: Json = {
    "description": "it was not done; the body says why",
    "content": {JSON: {"schema": ref("ProblemDetails")}},
}
HEADERS: list[Json] = [
    {
        "name": "NGSILD-Tenant",
        "in": "header",
        "description": "which tenant's city; the default one if not given",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,50}$"},
    },
    {
        "name": "Link",
        "in": "header",
        "description": "the JSON-LD context of the request, where the body has none",
        "schema": TEXT,
    },
]
