"""Entities in: create, merge, replace, delete (clauses 5.6.1, 5.6.6, 5.6.17, 5.6.18, 6.4, 6.5)."""

from townsquare.context.api.change import EntityWriter, types
from townsquare.context.contexts import Contexts
from townsquare.context.form.attribute import MERGE, SIMPLIFIED_MERGE
from townsquare.context.form.read import read_entity, read_id, read_removed
from townsquare.context.http import Answer, Request, address
from townsquare.context.routes import Routes, write
from townsquare.context.sources.provision import Deed
from townsquare.context.values import LANGUAGE, read_time
from townsquare.model.change import Change, Defaults
from townsquare.model.entity import Entity
from townsquare.model.errors import InvalidRequest


class Provision:
    def __init__(self, writer: EntityWriter, contexts: Contexts) -> None:
        self.writer = writer
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "entities": {"POST": write(self.create)},
            "entities/*": {
                "PATCH": write(self.merge),
                "PUT": write(self.replace),
                "DELETE": write(self.delete),
            },
        }

    async def create(self, request: Request) -> Answer:
        request.known("local")
        body = request.json()
        if body in ({}, []):
            raise InvalidRequest("the body is empty; it must be an entity")
        terms = await self.contexts.of(request, body)
        made = read_entity(body, terms)
        where = {"location": address("entities", made.id)}
        deed = Deed(request, terms, Change("create", made), body)
        return await self.writer.write(deed, lambda _: Answer(201, headers=where))

    async def merge(self, request: Request) -> Answer:
        request.known("options", "format", "lang", "observedAt", "type", "local")
        id = read_id(request.path[1])
        simplified = bool(request.options(("simplified", "keyValues")))
        body = request.json()
        terms = await self.contexts.of(request, body)
        rules = SIMPLIFIED_MERGE if simplified else MERGE
        change = Change(
            "merge",
            read_entity(body, terms, id=id, need_type=False, rules=rules),
            removed=read_removed(body),
            types=types(request, terms),
            defaults=defaults(request),
        )
        return await self.writer.write(Deed(request, terms, change, body))

    async def replace(self, request: Request) -> Answer:
        request.known("type", "local")
        id = read_id(request.path[1])
        body = request.json()
        terms = await self.contexts.of(request, body)
        given = read_entity(body, terms, id=id)
        change = Change("replace", given, types=types(request, terms))
        return await self.writer.write(Deed(request, terms, change, body))

    async def delete(self, request: Request) -> Answer:
        request.known("type", "local")
        id = read_id(request.path[1])
        terms = await self.contexts.of(request)
        change = Change("delete", Entity(id, ()), types=types(request, terms))
        return await self.writer.write(Deed(request, terms, change))


def defaults(request: Request) -> Defaults:
    """What is said once for all attributes of a merge (table 6.5.3.4-1)."""
    lang, time = (request.parameters.get(name) for name in ("lang", "observedAt"))
    if lang is not None and not LANGUAGE.fullmatch(lang):
        raise InvalidRequest(f"lang must be a language (RFC 5646), is {lang[:80]!r}")
    observed_at = read_time(time)
    if time is not None and observed_at is None:
        raise InvalidRequest(f"observedAt must be a UTC time, is {time[:80]!r}")
    return Defaults(observed_at, lang)
