"""Entities in: create, merge, replace, delete, append and update (clauses 5.6 and 6.4 to 6.6)."""

from urllib.parse import quote

from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.form.read import read_entity
from townsquare.context.http import ROOT, Answer, Request
from townsquare.context.routes import Routes, Run, write
from townsquare.model.change import Change, Operation
from townsquare.model.entity import Entity


class Provision:
    def __init__(self, broker: Broker, contexts: Contexts) -> None:
        self.broker = broker
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "entities": {"POST": write(self.create)},
            "entities/*": {
                "PATCH": write(self.changing("merge")),
                "PUT": write(self.changing("replace")),
                "DELETE": write(self.delete),
            },
            "entities/*/attrs": {
                "POST": write(self.changing("append")),
                "PATCH": write(self.changing("update")),
            },
        }

    async def create(self, request: Request) -> Answer:
        body = request.json()
        terms = await self.contexts.of(request, body)
        made = read_entity(body, terms)
        await self._apply(request, Change("create", made))
        return Answer(201, headers={"location": f"{ROOT}/entities/{quote(made.id)}"})

    def changing(self, operation: Operation) -> Run:
        async def change(request: Request) -> Answer:
            body = request.json()
            terms = await self.contexts.of(request, body)
            replacing = operation == "replace"
            given = read_entity(body, terms, id=request.path[1], need_type=replacing)
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
