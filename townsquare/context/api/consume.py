"""Entities out: retrieve and query (clauses 5.7.1, 5.7.2, 6.4.3.2 and 6.5.3.1)."""

from townsquare.context.api.select import SELECTORS, names, paging, selector
from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.form.read import read_format
from townsquare.context.form.write import only, write_entity, write_feature
from townsquare.context.http import GEO, JSON, LD, Answer, Request, answer_json
from townsquare.context.jsonld import Terms
from townsquare.context.routes import Routes
from townsquare.model.entity import Entity


class Consumption:
    def __init__(self, broker: Broker, contexts: Contexts) -> None:
        self.broker = broker
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "entities": {"GET": self.query},
            "entities/*": {"GET": self.retrieve},
        }

    async def retrieve(self, request: Request) -> Answer:
        request.known("options", "format", "attrs", "local", "type")
        media = request.accepts(JSON, LD, GEO)
        terms = await self.contexts.of(request)
        found = await self.broker.read(
            request.path[1], request.actor, request.why, tenant=request.tenant
        )
        seen = only(found, names(request, terms))
        return answer_json(request, written(request, [seen], terms, media)[0], terms, media)

    async def query(self, request: Request) -> Answer:
        request.known(*SELECTORS)
        media = request.accepts(JSON, LD, GEO)
        terms = await self.contexts.of(request)
        query = selector(request, terms)
        page = await self.broker.find(query, request.actor, request.why, tenant=request.tenant)
        wanted = names(request, terms)
        found = written(request, [only(e, wanted) for e in page.entities], terms, media)
        headers = paging(request, query, len(page.entities))
        if page.count is not None:
            headers["NGSILD_Results_Count"] = str(page.count)
        body = {"type": "FeatureCollection", "features": found} if media == GEO else found
        return answer_json(request, body, terms, media, **headers)


def written(
    request: Request, entities: list[Entity], terms: Terms, media: str
) -> list[dict[str, object]]:
    options = (request.parameters.get("format", ""), *request.listed("options"))
    shape = read_format(options)
    if media == GEO:
        return [write_feature(e, terms, shape) for e in entities]
    sys = "sysAttrs" in options
    return [write_entity(e, terms, shape, sys=sys) for e in entities]
