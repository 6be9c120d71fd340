"""Attributes in: append, update, partial update, replace, delete (clauses 5.6.2 to 5.6.5, 6.6)."""

from townsquare.context.api.change import EntityWriter, types
from townsquare.context.commit import Outcome
from townsquare.context.contexts import Contexts
from townsquare.context.form.attribute import (
    UPDATE,
    WHOLE,
    read_attribute,
    read_dataset,
    read_name,
    read_patch,
)
from townsquare.context.form.read import read_entity, read_id, read_removed
from townsquare.context.http import Answer, Request
from townsquare.context.jsonld import Terms, iri
from townsquare.context.routes import Routes, write
from townsquare.context.sources.provision import Deed
from townsquare.model.change import Change, Operation
from townsquare.model.entity import NULL, Attribute, Entity, Json
from townsquare.model.errors import Invalid, InvalidRequest


class AttributeProvision:
    def __init__(self, writer: EntityWriter, contexts: Contexts) -> None:
        self.writer = writer
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "entities/*/attrs": {
                "POST": write(self.append),
                "PATCH": write(self.update),
            },
            "entities/*/attrs/*": {
                "PATCH": write(self.patch),
                "PUT": write(self.replace),
                "DELETE": write(self.delete),
            },
        }

    async def append(self, request: Request) -> Answer:
        request.known("options", "type", "local")
        overwrite = not request.options(("noOverwrite",))
        id = read_id(request.path[1])
        body = request.json()
        terms = await self.contexts.of(request, body)
        given = read_entity(body, terms, id=id, need_type=False)
        change = Change("append", given, overwrite=overwrite, types=types(request, terms))
        deed = Deed(request, terms, change, body)
        return await self.writer.write(deed, lambda outcome: updated(given, outcome))

    async def update(self, request: Request) -> Answer:
        request.known("type", "local")
        id = read_id(request.path[1])
        body = request.json()
        terms = await self.contexts.of(request, body)
        given = read_entity(body, terms, id=id, need_type=False, rules=UPDATE)
        removed = read_removed(body)
        change = Change("update", given, removed=removed, types=types(request, terms))
        deed = Deed(request, terms, change, body)
        return await self.writer.write(deed, lambda outcome: updated(given, outcome))

    async def patch(self, request: Request) -> Answer:
        """Partial update (clause 5.6.4)."""
        request.known("type", "local")
        body = request.json()
        terms = await self.contexts.of(request, body)
        name = attribute(request)
        given = read_patch(name, bare(body), terms)
        return await self._one(request, terms, "patch", given, body)

    async def replace(self, request: Request) -> Answer:
        request.known("type", "local")
        body = request.json()
        terms = await self.contexts.of(request, body)
        name = attribute(request)
        given = read_attribute(name, bare(body), terms, WHOLE)
        return await self._one(request, terms, "put", given, body)

    async def delete(self, request: Request) -> Answer:
        request.known("datasetId", "deleteAll", "type", "local")
        terms = await self.contexts.of(request)
        dataset = request.parameters.get("datasetId") or None
        every = request.flag("deleteAll")
        if every and dataset:
            raise InvalidRequest("deleteAll=true removes all instances; leave out datasetId")
        if request.path[3] == "scope":
            return await self._one(request, terms, "remove", None)
        gone = None if every else Attribute(NULL, dataset_id=dataset and read_dataset(dataset))
        return await self._one(request, terms, "remove", gone)

    async def _one(
        self,
        request: Request,
        terms: Terms,
        operation: Operation,
        given: Attribute | None,
        body: Json = None,
    ) -> Answer:
        """A change of one attribute; without `given` of all its instances."""
        id, name = read_id(request.path[1]), read_name(request.path[3])
        scope = name == "scope"
        instances = (given,) if given else ()
        change = Change(
            operation,
            Entity(id, (), {} if scope else {terms.expand(name): instances}),
            removed=frozenset({"scope"} if scope else ()),
            types=types(request, terms),
        )
        return await self.writer.write(Deed(request, terms, change, body))


def attribute(request: Request) -> str:
    """The name of the attribute that a fragment is for. Raises Invalid."""
    read_id(request.path[1])
    name = read_name(request.path[3])
    if name in ("scope", "id", "type"):
        raise Invalid(f"{name} is no attribute with members; change it with the entity")
    return name


def bare(body: Json) -> Json:
    """An attribute without the @context that the media type wanted in the body."""
    if not isinstance(body, dict):
        return body
    part = {name: part for name, part in body.items() if name != "@context"}
    if not part:
        raise Invalid("the fragment of an attribute is empty")
    return part


def updated(given: Entity, outcome: Outcome) -> Answer:
    """204, or 207 with what was done and what not (clauses 5.2.18 and 5.2.19)."""
    if not outcome.undone:
        return Answer(204)
    named = [*given.attributes, *(["scope"] if given.scope else [])]
    done = [iri(name) for name in named if name not in outcome.undone]
    left = [{"attributeName": iri(name), "reason": REASON} for name in outcome.undone]
    return Answer(207, {"updated": done, "notUpdated": left})


REASON = "it exists and may not be overwritten, or is a scope that the entity does not have"
