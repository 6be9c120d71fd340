"""Which types and attributes there are (clauses 5.7.5 to 5.7.10 and 6.25 to 6.28)."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import uuid4

from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.http import JSON, LD, Answer, Request, answer_json
from townsquare.context.jsonld import Terms, iri
from townsquare.context.routes import Routes
from townsquare.model.entity import Json
from townsquare.model.errors import NotFound
from townsquare.store.census import Census, Counted


class Discovery:
    def __init__(self, broker: Broker, contexts: Contexts) -> None:
        self.broker = broker
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "types": {"GET": self.types},
            "types/*": {"GET": self.type},
            "attributes": {"GET": self.attributes},
            "attributes/*": {"GET": self.attribute},
        }

    async def types(self, request: Request) -> Answer:
        request.known("details", "local", "count")
        terms = await self.contexts.of(request)
        found = by_type(await self._census(request))
        if request.flag("details"):
            details = [_type(type, attributes, terms) for type, attributes in found.items()]
            return self._listed(request, details, terms, len(found))
        return self._listed(request, _names("EntityType", found, terms), terms, len(found))

    async def type(self, request: Request) -> Answer:
        request.known("local")
        terms = await self.contexts.of(request)
        type = terms.expand(request.path[1])
        whole = await self._census(request)
        census = {what: n for what, n in whole.items() if type in what.types.split()}
        if not census:
            raise NotFound(f"there is no entity of type {request.path[1]}, or none is open to you")
        return self._answered(request, _type_in_detail(type, census, terms), terms)

    async def attributes(self, request: Request) -> Answer:
        request.known("details", "local", "count")
        terms = await self.contexts.of(request)
        found = by_attribute(await self._census(request))
        if request.flag("details"):
            details = [
                {**_attribute(name, terms), "typeNames": _compact(_types(census), terms)}
                for name, census in found.items()
            ]
            return self._listed(request, details, terms, len(found))
        return self._listed(request, _names("Attribute", found, terms), terms, len(found))

    async def attribute(self, request: Request) -> Answer:
        request.known("local")
        terms = await self.contexts.of(request)
        name = terms.expand(request.path[1])
        census = by_attribute(await self._census(request)).get(name)
        if not census:
            raise NotFound(
                f"no entity has the attribute {request.path[1]}, or none shows it to you"
            )
        body = {
            **_attribute(name, terms),
            "attributeCount": sum(census.values()),
            "attributeTypes": sorted({what.kind for what in census}),
            "typeNames": _compact(_types(census), terms),
        }
        return self._answered(request, body, terms)

    async def _census(self, request: Request) -> Census:
        request.flag("local")
        return await self.broker.census(request.actor, request.why, tenant=request.tenant)

    def _listed(self, request: Request, body: Json, terms: Terms, number: int) -> Answer:
        headers = {"NGSILD_Results_Count": str(number)} if request.flag("count") else {}
        return self._answered(request, body, terms, **headers)

    def _answered(self, request: Request, body: Json, terms: Terms, **headers: str) -> Answer:
        return answer_json(request, body, terms, request.accepts(JSON, LD), **headers)


def by_type(census: Census) -> dict[str, set[str]]:
    """Each type with the attributes that its entities have."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for what in census:
        for type in what.types.split():
            found[type] |= {what.attribute} - {""}
    return dict(sorted(found.items()))


def by_attribute(census: Census) -> dict[str, Census]:
    found: defaultdict[str, dict[Counted, int]] = defaultdict(dict)
    for what, number in census.items():
        if what.attribute:
            found[what.attribute][what] = number
    return dict(sorted(found.items()))


def _types(census: Census) -> set[str]:
    return {type for what in census for type in what.types.split()}


def _compact(names: Iterable[str], terms: Terms) -> list[str]:
    return sorted(map(terms.compact, names))


def _names(what: str, names: Iterable[str], terms: Terms) -> Json:
    member = "typeList" if what == "EntityType" else "attributeList"
    return {
        "id": f"urn:ngsi-ld:{what}List:{uuid4()}",
        "type": f"{what}List",
        member: _compact(names, terms),
    }


def _type(type: str, attributes: Iterable[str], terms: Terms) -> Json:
    return {
        "id": iri(type),
        "type": "EntityType",
        "typeName": terms.compact(type),
        "attributeNames": _compact(attributes, terms),
    }


def _type_in_detail(type: str, census: Census, terms: Terms) -> Json:
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for what in census:
        if what.attribute:
            kinds[what.attribute].add(what.kind)
    return {
        "id": iri(type),
        "type": "EntityTypeInfo",
        "typeName": terms.compact(type),
        "entityCount": sum(number for what, number in census.items() if not what.attribute),
        "attributeDetails": [
            {**_attribute(name, terms), "attributeTypes": sorted(kinds[name])}
            for name in sorted(kinds)
        ],
    }


def _attribute(name: str, terms: Terms) -> dict[str, Json]:
    return {"id": iri(name), "type": "Attribute", "attributeName": terms.compact(name)}
