"""The past in: record, correct and erase (clauses 5.6.11 to 5.6.16 and 6.18 to 6.22)."""

from townsquare.context.api.change import applied
from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.form.attribute import read_dataset, read_name
from townsquare.context.form.read import read_id
from townsquare.context.form.temporal import read_evolution, read_instance
from townsquare.context.http import Answer, Request, address
from townsquare.context.jsonld import Terms
from townsquare.context.past import recording
from townsquare.context.rewrite import Author, rewrite
from townsquare.context.routes import Routes, write
from townsquare.context.values import is_uri
from townsquare.model.change import Change, Rewrite
from townsquare.model.entity import Attribute, Entity, Json
from townsquare.model.errors import Invalid


class Record:
    def __init__(self, broker: Broker, contexts: Contexts) -> None:
        self.broker = broker
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "temporal/entities": {"POST": write(self.record)},
            "temporal/entities/*": {"DELETE": write(self.delete)},
            "temporal/entities/*/attrs": {"POST": write(self.add)},
            "temporal/entities/*/attrs/*": {"DELETE": write(self.erase)},
            "temporal/entities/*/attrs/*/*": {
                "PATCH": write(self.correct),
                "DELETE": write(self.erase_instance),
            },
        }

    async def record(self, request: Request) -> Answer:
        request.known("local")
        body = request.json()
        terms = await self.contexts.of(request, body)
        given = read_evolution(body, terms)
        outcome = await applied(self.broker, request, recording(given, upsert=True))
        if not outcome.created:
            return Answer(204)
        return Answer(201, headers={"location": address("temporal", "entities", given.id)})

    async def add(self, request: Request) -> Answer:
        id, body = entity_id(request), request.json()
        terms = await self.contexts.of(request, body)
        given = read_evolution(body, terms, id=id, need_type=False)
        await applied(self.broker, request, recording(given))
        return Answer(204)

    async def delete(self, request: Request) -> Answer:
        """Present and past are one entity: both go (clause 5.6.16)."""
        await applied(self.broker, request, Change("delete", Entity(entity_id(request), ())))
        return Answer(204)

    async def erase(self, request: Request) -> Answer:
        request.known("datasetId", "deleteAll")
        dataset = read_dataset(request.parameters.get("datasetId", "@none"))
        terms = await self.contexts.of(request)
        datasets = None if request.flag("deleteAll") else (dataset,)
        await self._rewrite(request, Rewrite(attribute_name(request, terms), datasets))
        return Answer(204)

    async def erase_instance(self, request: Request) -> Answer:
        terms = await self.contexts.of(request)
        name, instance = attribute_name(request, terms), await self._instance(request)
        await self._rewrite(request, Rewrite(name, None, instance))
        return Answer(204)

    async def correct(self, request: Request) -> Answer:
        body = request.json()
        terms = await self.contexts.of(request, body)
        name, instance = attribute_name(request, terms), await self._instance(request)
        corrected = read_only(request.path[4], body, terms)
        await self._rewrite(request, Rewrite(name, None, instance, corrected=corrected))
        return Answer(204)

    async def _instance(self, request: Request) -> str:
        """As the city numbers it. Raises Invalid."""
        return (await self.broker.naming.names()).meant(instance_id(request))

    async def _rewrite(self, request: Request, what: Rewrite) -> None:
        key = request.headers.get("idempotency-key")
        author = Author(request.actor, request.why, request.tenant, key)
        await rewrite(self.broker, entity_id(request), what, author)


def entity_id(request: Request) -> str:
    return read_id(request.path[2])


def instance_id(request: Request) -> str:
    if not is_uri(request.path[5]):
        raise Invalid(f"instanceId must be a URI, is {request.path[5][:80]!r}")
    return request.path[5]


def attribute_name(request: Request, terms: Terms) -> str:
    return terms.expand(read_name(request.path[4]))


def read_only(name: str, body: Json, terms: Terms) -> Attribute:
    """One instance, alone, in a list, or under the name of its attribute (clause 5.6.14)."""
    found = body
    if isinstance(found, dict) and isinstance(found.get(name), list):
        found = found[name]
    if isinstance(found, list):
        if len(found) != 1:
            raise Invalid(f"{name}: exactly one instance takes the place of one")
        found = found[0]
    if not isinstance(found, dict):
        raise Invalid(f"{name}: an instance must be a JSON object, is {found!r}")
    plain = {member: value for member, value in found.items() if member != "@context"}
    return read_instance(name, plain, terms)
