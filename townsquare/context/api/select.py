"""What a request selects: its parameters as a query (clauses 4.9, 4.10 and 6.3.10)."""

import json
from urllib.parse import urlencode

from townsquare.context.form.read import read_name
from townsquare.context.http import GEO, JSON, LD, ROOT, Request
from townsquare.context.jsonld import Terms
from townsquare.context.language import parse
from townsquare.context.query import LIMIT, Query, read_pattern
from townsquare.model import geometry
from townsquare.model.errors import Invalid
from townsquare.store.conditions import Near

SELECTORS = (
    "type",
    "id",
    "idPattern",
    "q",
    "attrs",
    "scopeQ",
    "georel",
    "geometry",
    "coordinates",
    "geoproperty",
    "limit",
    "offset",
    "count",
    "options",
    "format",
    "local",
)


def names(request: Request, terms: Terms) -> tuple[str, ...]:
    return tuple(terms.expand(read_name(name)) for name in request.listed("attrs"))


def selector(request: Request, terms: Terms) -> Query:
    """Raises Invalid where nothing narrows the query (clause 5.7.2.4)."""
    q = request.parameters.get("q", "")
    query = Query(
        types=tuple(terms.expand(t) for t in request.listed("type")),
        ids=request.listed("id"),
        pattern=read_pattern(request.parameters.get("idPattern", "")),
        attributes=names(request, terms),
        q=parse(q, terms.expand) if q else None,
        scope=request.parameters.get("scopeQ", ""),
        near=near(request, terms),
        limit=request.number("limit", LIMIT),
        offset=request.number("offset", 0),
        count=request.flag("count") or request.option("count"),
    )
    narrowed = query.types or query.attributes or query.q or query.near
    if not narrowed and not request.flag("local"):
        raise Invalid("the query is too wide; give type, attrs, q or georel")
    return query


def near(request: Request, terms: Terms) -> Near | None:
    """`georel=near;maxDistance==100` and its kin (clause 4.10)."""
    given = request.parameters.get("georel")
    if given is None:
        return None
    relation, _, modifier = given.partition(";")
    kind, coordinates = (request.parameters.get(n, "") for n in ("geometry", "coordinates"))
    try:
        reference = {"type": kind, "coordinates": json.loads(coordinates)}
    except ValueError as error:
        raise Invalid(f"coordinates must be a JSON list, is {coordinates[:80]!r}") from error
    geometry.geometry(reference)
    name = terms.expand(read_name(request.parameters.get("geoproperty", "location")))
    if relation == "near":
        bound, distance_m = distance(modifier)
        return Near(bound, json.dumps(reference), distance_m, name)
    if modifier or relation not in geometry.RELATIONS:
        raise Invalid(f"georel {given!r} is not known")
    return Near(geometry.RELATIONS[relation], json.dumps(reference), 0, name)


def distance(modifier: str) -> tuple[geometry.Relation, float]:
    bound, _, text = modifier.partition("==")
    if bound not in ("maxDistance", "minDistance"):
        raise Invalid("georel=near needs ;maxDistance==METRES or ;minDistance==METRES")
    try:
        distance_m = float(text)
    except ValueError as error:
        raise Invalid(f"{bound} must be metres, is {text!r}") from error
    if not 0 <= distance_m <= geometry.LONGEST_M:
        raise Invalid(f"{bound} must be from 0 to {geometry.LONGEST_M} m, is {text}")
    return ("near" if bound == "maxDistance" else "beyond"), distance_m


def paging(request: Request, query: Query, found: int) -> dict[str, str]:
    """Link to the page before and the page behind (clause 6.3.10)."""
    links = []
    if found == query.limit and query.limit:
        links.append((query.offset + query.limit, "next"))
    if query.offset:
        links.append((max(0, query.offset - query.limit), "prev"))
    media = LD if request.accepts(JSON, LD, GEO) == LD else JSON
    parts = []
    for offset, relation in links:
        parameters = urlencode({**request.parameters, "offset": offset, "limit": query.limit})
        parts.append(f'<{ROOT}/entities?{parameters}>; rel="{relation}"; type="{media}"')
    return {"link": ", ".join(parts)} if parts else {}
