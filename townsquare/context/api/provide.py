"""Entities in: create, merge, replace, delete (clauses 5.6.1, 5.6.6, 5.6.17, 5.6.18, 6.4, 6.5)."""

from urllib.parse import quote

from townsquare.context.api.change import applied, types
from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.form.attribute import MERGE, SIMPLIFIED_MERGE
from townsquare.context.form.read import read_entity, read_id, read_removed
from townsquare.context.http import ROOT, Answer, Request
from townsquare.context.routes import Routes, write
from townsquare.context.values import LANGUAGE, read_time
from townsquare.model.change import Change, Defaults
from townsquare.model.entity import Entity
from townsquare.model.errors import InvalidRequest


class Provision:
    def __init__(self, broker: Broker, contexts: Contexts) -> None:
        self.broker = broker
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
        await applied(self.broker, request, Change("create", made))
        return Answer(201, headers={"location": f"{ROOT}/entities/{quote(made.id)}"})

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
        await applied(self.broker, request, change)
        return Answer(204)

    async def replace(self, request: Request) -> Answer:
        request.known("type", "local")
        id = read_id(request.path[1])
        body = request.json()
        terms = await self.contexts.of(request, body)
        given = read_entity(body, terms, id=id)
        change = Change("replace", given, types=types(request, terms))
        await applied(self.broker, request, change)
        return Answer(204)

    async def delete(self, request: Request) -> Answer:
        request.known("type", "local")
        id = read_id(request.path[1])
        terms = await self.contexts.of(request)
        change = Change("delete", Entity(id, ()), types=types(request, terms))
        await applied(self.broker, request, change)
        return Answer(204)


def defaults(request: Request) -> Defaults:
    """What is said once for all attributes of a merge (table 6.5.3.4-1)."""
    lang, time = (request.parameters.get(name) for name in ("lang", "observedAt"))
    if lang is not None and not LANGUAGE.fullmatch(lang):
        raise InvalidRequest(f"lang must be a language (RFC 5646), is {lang[:80]!r}")
    observed_at = read_time(time)
    if time is not None and observed_at is None:
        raise InvalidRequest(f"observedAt must be a UTC time, is {time[:80]!r}")
    return Defaults(observed_at, lang)
