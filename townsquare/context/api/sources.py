"""Context sources: register and discover (clauses 5.9, 5.10, 5.15, 6.8, 6.9 and 6.33)."""

from uuid import uuid4

from msgspec import structs

from townsquare.context.api.select import near
from townsquare.context.choices import read_choices, read_scopes
from townsquare.context.contexts import Contexts
from townsquare.context.form.attribute import read_name
from townsquare.context.http import JSON, LD, Answer, Request, address, answer_json
from townsquare.context.jsonld import Terms
from townsquare.context.language import parse
from townsquare.context.pages import part_of
from townsquare.context.query import All, Any, Condition, Term, read_pattern
from townsquare.context.routes import Guarded, Routes, write
from townsquare.context.sources.discovery import Discovery, leads_to, read_during
from townsquare.context.sources.identity import identity
from townsquare.context.sources.matching import Wanted
from townsquare.context.sources.reading import amended, read, written
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.registry import Registry
from townsquare.context.subscriptions.doors import STOPPED
from townsquare.context.values import URI
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid

PARAMETERS = (
    *("type", "id", "idPattern", "attrs", "pick", "omit", "q", "csf", "scopeQ", "lang"),
    *("georel", "geometry", "coordinates", "geoproperty", "geometryProperty", "datasetId"),
    *("timerel", "timeAt", "endTimeAt", "timeproperty", "limit", "offset", "count", "options"),
)


class SourceDoors:
    def __init__(self, registry: Registry, contexts: Contexts) -> None:
        self.registry = registry
        self.contexts = contexts
        self.started = registry.broker.clock()

    def routes(self) -> Routes:
        return {
            "csourceRegistrations": {
                "GET": self.discover,
                "POST": write(self.register),
            },
            "csourceRegistrations/*": {
                "GET": self.retrieve,
                "PATCH": Guarded(self.amend, "write", governed=True),
                "DELETE": Guarded(self.remove, "write", governed=True),
            },
            "info/sourceIdentity": {"GET": self.identity},
        }

    async def register(self, request: Request) -> Answer:
        request.known()
        body = request.json()
        terms = await self.contexts.of(request, body)
        fresh = f"urn:ngsi-ld:ContextSourceRegistration:{uuid4()}"
        one = read(body, terms, self.registry.broker.clock(), id=fresh)
        one = structs.replace(one, by=request.actor)
        await self.registry.add(request.tenant, one, request.actor, request.why)
        where = address("csourceRegistrations", one.id)
        return Answer(201, headers={"location": where})

    async def amend(self, request: Request) -> Answer:
        request.known()
        id, fragment = _id(request), request.json()
        terms = await self.contexts.of(request, fragment)
        before = await self.registry.get(request.tenant, id)
        one = amended(before, fragment, terms, self.registry.broker.clock())
        await self.registry.replace(request.tenant, one, request.actor, request.why)
        return Answer(204)

    async def remove(self, request: Request) -> Answer:
        request.known()
        await self.registry.remove(request.tenant, _id(request), request.actor, request.why)
        return Answer(204)

    async def retrieve(self, request: Request) -> Answer:
        request.known("options")
        media = request.accepts(JSON, LD)
        terms = await self.contexts.of(request)
        one = await self.registry.get(request.tenant, _id(request))
        return answer_json(request, self._shown(request, one, terms), terms, media)

    async def discover(self, request: Request) -> Answer:
        request.known(*PARAMETERS)
        media = request.accepts(JSON, LD)
        terms = await self.contexts.of(request)
        asked = discovery(request, terms)
        known = await self.registry.all(request.tenant)
        found = [one for one in known if leads_to(asked, one)]
        # Links say JSON-LD to whom both are alike.
        part, headers = part_of(request, found, request.accepts(LD, JSON))
        shown = [self._shown(request, one, terms) for one in part]
        return answer_json(request, shown, terms, media, **headers)

    def _shown(self, request: Request, one: Registration, terms: Terms) -> dict[str, Json]:
        if not self.registry.broker.grant(request.actor, request.why, "write", "").allowed:
            one = one.masked
        told = {**written(one, terms), **self.registry.tally(request.tenant, one).told()}
        stopped = self.registry.broker.owners.stopped(one.by)
        return {**told, "status": "failed", STOPPED: stopped} if stopped else told

    async def identity(self, request: Request) -> Answer:
        request.known()
        media = request.accepts(JSON, LD)
        terms = await self.contexts.of(request)
        alias = self.registry.alias(request.tenant)
        told = identity(alias, self.started, self.registry.broker.clock())
        return answer_json(request, told, terms, media)


def _id(request: Request) -> str:
    """Raises Invalid."""
    id = request.path[1]
    if not URI.fullmatch(id):
        raise Invalid(f"the id of a registration is a URI, not {id[:200]!r}")
    return id


def discovery(request: Request, terms: Terms) -> Discovery:
    """Raises Invalid, also where nothing narrows the question (clause 5.10.2.4)."""
    given = request.parameters
    place, q = near(request, terms), given.get("q", "")
    types = read_choices(given["type"]) if given.get("type") else ()
    names = {read_name(name) for choice in types for name in choice} - {"*"}
    attributes = {terms.expand(read_name(n)) for n in _projected(request)}
    if q:
        attributes |= _named(parse(q, terms.expand))
    if place and "geoproperty" in given:
        attributes.add(place.attribute)
    ids = request.listed("id")
    if wrong := [id for id in ids if not URI.fullmatch(id)]:
        raise Invalid(f"id must be a URI, is {wrong[0][:200]!r}")
    if not (types or attributes or place or ids):
        raise Invalid("the question is too wide; give type, attrs, q, georel or id")
    return Discovery(
        Wanted(
            frozenset(map(terms.expand, names)),
            ids,
            read_pattern(given.get("idPattern", "")),
            frozenset(attributes),
            frozenset(request.listed("datasetId")),
        ),
        place,
        read_during(request.parameters),
        read_scopes(given["scopeQ"]) if given.get("scopeQ") else (),
        parse(given["csf"], terms.expand) if given.get("csf") else None,
    )


def _projected(request: Request) -> tuple[str, ...]:
    picked = [name for name in request.listed("pick") if name not in ("id", "type", "scope")]
    return (*request.listed("attrs"), *picked)


def _named(q: Condition) -> set[str]:
    """Attributes that a condition asks for."""
    if isinstance(q, All | Any):
        return set().union(*map(_named, q.terms))
    return {q.path.attribute} if isinstance(q, Term) else set()
