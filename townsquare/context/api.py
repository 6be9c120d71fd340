"""`/ngsi-ld/v1`: the doors for any NGSI-LD client (ETSI GS CIM 009 V1.9.1, clause 6).

A thin ASGI dispatcher: path and method choose one operation, the operation makes typed input of
the request, asks the broker and answers. Every answer comes from here, errors too.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

import httpx
from starlette.types import Receive, Scope, Send

from townsquare.context import representation as form
from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.http import (
    GEO,
    JSON,
    LD,
    ROOT,
    Answer,
    Refused,
    Request,
    answer_json,
    path_below,
    problem,
    read_request,
    refuse_method,
    send_answer,
)
from townsquare.context.jsonld import Terms
from townsquare.context.query import LIMIT, Near, Query, TemporalQuery, parse, read_pattern
from townsquare.context.subscriptions import Subscriptions
from townsquare.model import geometry
from townsquare.model.change import Change, Operation
from townsquare.model.entity import Entity
from townsquare.model.errors import Invalid, NotFound, TownsquareError
from townsquare.trust.policy import Act, require

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
Run = Callable[[Request], Awaitable[Answer]]


class Api:
    """The ASGI application below /ngsi-ld/v1. Needs `actor` and `why` in the scope's state."""

    def __init__(self, broker: Broker, client: httpx.AsyncClient) -> None:
        self.broker = broker
        self.contexts = Contexts(client)
        self.subscriptions = Subscriptions(broker, self.contexts, client)
        self.routes = self._routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = None
        try:
            request = await read_request(scope, receive, path_below(scope, ROOT))
            answer = await self.chosen(request)(request)
        except Refused as refused:
            answer = Answer(refused.status, headers=refused.headers)
        except TownsquareError as error:
            answer = problem(error)
        await send_answer(send, request, answer)

    def chosen(self, request: Request) -> Run:
        """The operation of a path and method. Raises Refused 404 or 405, Denied."""
        operations = self.routes.get(shape(request.path), {})
        if not operations:
            raise Refused(404)
        if request.method not in operations:
            refuse_method(list(operations))
        if request.method != "GET":
            # Before the body is looked at: a stranger's costs nothing.
            act: Act = "watch" if request.path[0] == "subscriptions" else "write"
            require(self.broker.grant(request.actor, request.why, act, ""))
        return operations[request.method]

    def _routes(self) -> Mapping[str, Mapping[str, Run]]:
        one: dict[str, Run] = {"GET": self.retrieve, "DELETE": self.delete}
        one |= {"PATCH": self.changing("merge"), "PUT": self.changing("replace")}
        attributes = {"POST": self.changing("append"), "PATCH": self.changing("update")}
        of = self.subscriptions
        return {
            "entities": {"GET": self.query, "POST": self.create},
            "entities/*": one,
            "entities/*/attrs": attributes,
            "temporal/entities": {"GET": self.query_temporal},
            "temporal/entities/*": {"GET": self.retrieve_temporal},
            "subscriptions": {"GET": of.listed, "POST": of.create},
            "subscriptions/*": {"GET": of.retrieve, "DELETE": of.delete},
        }

    # --- entities

    async def create(self, request: Request) -> Answer:
        body = request.json()
        terms = await self.contexts.of(request, body)
        made = form.read_entity(body, terms)
        await self._apply(request, Change("create", made))
        return Answer(201, headers={"location": f"{ROOT}/entities/{quote(made.id)}"})

    def changing(self, operation: Operation) -> Run:
        async def change(request: Request) -> Answer:
            body = request.json()
            terms = await self.contexts.of(request, body)
            replacing = operation == "replace"
            given = form.read_entity(body, terms, id=request.path[1], need_type=replacing)
            await self._apply(request, Change(operation, given))
            return Answer(204)

        return change

    async def delete(self, request: Request) -> Answer:
        await self._apply(request, Change("delete", Entity(request.path[1], ())))
        return Answer(204)

    async def _apply(self, request: Request, change: Change) -> None:
        await self.broker.apply(
            [change],
            request.actor,
            request.why,
            request.headers.get("idempotency-key"),
            tenant=request.tenant,
        )

    async def retrieve(self, request: Request) -> Answer:
        request.known("options", "format", "attrs", "local", "type")
        media = request.accepts(JSON, LD, GEO)
        terms = await self.contexts.of(request)
        found = await self.broker.read(
            request.path[1], request.actor, request.why, tenant=request.tenant
        )
        seen = form.only(found, names(request, terms))
        return answer_json(request, written(request, [seen], terms, media)[0], terms, media)

    async def query(self, request: Request) -> Answer:
        request.known(*SELECTORS)
        media = request.accepts(JSON, LD, GEO)
        terms = await self.contexts.of(request)
        query = selector(request, terms)
        page = await self.broker.find(query, request.actor, request.why, tenant=request.tenant)
        wanted = names(request, terms)
        found = written(request, [form.only(e, wanted) for e in page.entities], terms, media)
        headers = paging(request, query, len(page.entities))
        if page.count is not None:
            headers["NGSILD_Results_Count"] = str(page.count)
        body = {"type": "FeatureCollection", "features": found} if media == GEO else found
        return answer_json(request, body, terms, media, **headers)

    # --- the past

    async def query_temporal(self, request: Request) -> Answer:
        request.known(*SELECTORS, "timerel", "timeAt", "endTimeAt", "lastN")
        terms = await self.contexts.of(request)
        return await self._temporal(request, selector(request, terms), terms, single=False)

    async def retrieve_temporal(self, request: Request) -> Answer:
        request.known("timerel", "timeAt", "endTimeAt", "lastN", "attrs", "options", "format")
        terms = await self.contexts.of(request)
        id = request.path[2]
        # Through `read`, so that a missing and a hidden entity are told alike.
        await self.broker.read(id, request.actor, request.why, tenant=request.tenant)
        return await self._temporal(request, Query(ids=(id,)), terms, single=True)

    async def _temporal(
        self, request: Request, query: Query, terms: Terms, *, single: bool
    ) -> Answer:
        media = request.accepts(JSON, LD)
        after, before = period(request)
        last = request.number("lastN", 0) or None
        ask = TemporalQuery(query, names(request, terms), after, before, last)
        found = await self.broker.history(ask, request.actor, request.why, tenant=request.tenant)
        if single and not found:
            raise NotFound(f"{query.ids[0]} has no past that is open to you")
        values = "temporalValues" in (request.parameters.get("format"), *request.listed("options"))
        bodies = [form.write_temporal(e, terms, values=values) for e in found]
        return answer_json(request, bodies[0] if single else bodies, terms, media)


def shape(path: tuple[str, ...]) -> str:
    """The path with ids as `*`: what follows a collection is an id."""
    collections = ("entities", "subscriptions")
    before = ("", *path[:-1])
    parts = ("*" if b in collections else p for b, p in zip(before, path, strict=True))
    return "/".join(parts)


def names(request: Request, terms: Terms) -> tuple[str, ...]:
    return tuple(terms.expand(form.read_name(name)) for name in request.listed("attrs"))


def written(
    request: Request, entities: list[Entity], terms: Terms, media: str
) -> list[dict[str, object]]:
    options = (request.parameters.get("format", ""), *request.listed("options"))
    shape = form.read_format(options)
    if media == GEO:
        return [form.write_feature(e, terms, shape) for e in entities]
    sys = "sysAttrs" in options
    return [form.write_entity(e, terms, shape, sys=sys) for e in entities]


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
    name = terms.expand(form.read_name(request.parameters.get("geoproperty", "location")))
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


def period(request: Request) -> tuple[datetime | None, datetime | None]:
    """(after, before) of timerel, timeAt and endTimeAt (clause 4.11)."""
    relation = request.parameters.get("timerel")
    times = [_time_of(request, name) for name in ("timeAt", "endTimeAt")]
    if relation is None and times == [None, None]:
        return None, None
    if times[0] is None or (relation == "between") != (times[1] is not None):
        raise Invalid("timerel needs timeAt, and between needs endTimeAt too")
    if relation == "before":
        return None, times[0]
    if relation in ("after", "between"):
        return times[0], times[1]
    raise Invalid(f"timerel must be before, after or between, is {relation!r}")


def _time_of(request: Request, name: str) -> datetime | None:
    text = request.parameters.get(name)
    if text is None:
        return None
    found = form.read_time(text)
    if found is None:
        raise Invalid(f"{name} must be a UTC time like 2026-01-31T12:00:00Z, is {text!r}")
    return found


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
