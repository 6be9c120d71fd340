"""Many entities in one request (clauses 5.5.11, 5.6.7 to 5.6.10, 5.6.20 and 6.14 to 6.17, 6.31).

All that can be done is done, in the order of the array and in one transaction; the rest is told
entity by entity, as if each had come alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from townsquare.context.commit import Outcome
from townsquare.context.contexts import Contexts, linked
from townsquare.context.form.attribute import MERGE, UPDATE, WHOLE, Rules
from townsquare.context.form.read import read_entity, read_id, read_removed
from townsquare.context.http import LD, Answer, Request, problem
from townsquare.context.jsonld import Terms, iri
from townsquare.context.routes import Routes, Run, write
from townsquare.context.sources import batches
from townsquare.context.sources.batches import SharedBatch, Told
from townsquare.context.sources.provision import Deed
from townsquare.model.change import Change, Operation
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import AlreadyExists, Invalid, TownsquareError

MOST = 10_000  # entities in one request


@dataclass(frozen=True, slots=True)
class Kind:
    """What one batch operation does with each of its entities."""

    operation: Operation
    shared: batches.Kind  # how sources are asked for it
    rules: Rules = WHOLE
    upsert: bool = False
    overwrite: bool = True
    need_type: bool = False

    def change(self, json: Json, terms: Terms) -> Change:
        given = read_entity(json, terms, need_type=self.need_type, rules=self.rules)
        removed = read_removed(json) if self.rules.null else frozenset[str]()
        return Change(
            self.operation, given, upsert=self.upsert, overwrite=self.overwrite, removed=removed
        )


CREATE = Kind("create", batches.CREATE, need_type=True)
REPLACE = Kind("replace", batches.UPSERT_REPLACE, upsert=True, need_type=True)
UPSERT = Kind("update", batches.UPSERT_UPDATE, UPDATE, upsert=True, need_type=True)
APPEND = Kind("append", batches.UPDATE)
APPEND_NEW = Kind("append", batches.APPEND_NEW, overwrite=False)
MERGED = Kind("merge", batches.MERGE, MERGE)


class Batch:
    def __init__(self, sharing: SharedBatch, contexts: Contexts) -> None:
        self.sharing = sharing
        self.broker = sharing.sharing.broker
        self.contexts = contexts

    def routes(self) -> Routes:
        return {
            "entityOperations/create": {"POST": write(self.doing(lambda _: CREATE))},
            "entityOperations/upsert": {"POST": write(self.doing(upserting))},
            "entityOperations/update": {"POST": write(self.doing(updating))},
            "entityOperations/merge": {"POST": write(self.doing(lambda _: MERGED))},
            "entityOperations/delete": {"POST": write(self.delete)},
        }

    def doing(self, chosen: Callable[[Request], Kind]) -> Run:
        async def run(request: Request) -> Answer:
            request.known("options", "local")
            kind = chosen(request)
            deeds = await self._deeds(request, kind)
            outcomes, told = await self._applied(request, deeds, kind.shared)
            creating = kind.operation == "create" or kind.upsert
            return answer(outcomes, told, creating=creating)

        return run

    async def delete(self, request: Request) -> Answer:
        request.known("options", "local")
        terms = await self.contexts.terms(linked(request), request.tenant)
        changes = [deletion(id) for id in parts(request.json())]
        deeds = [Deed(request, terms, c) if isinstance(c, Change) else c for c in changes]
        return answer(*await self._applied(request, deeds, batches.DELETE))

    async def _deeds(self, request: Request, kind: Kind) -> list[Deed | Outcome]:
        """Each entity with its own @context (clause 6.3.5)."""
        given = parts(request.json())
        if request.media_type() == LD and linked(request):
            raise Invalid("application/ld+json has its @context in the body, not in Link")
        deeds: list[Deed | Outcome] = []
        for json in given:
            try:
                terms = await self.contexts.of(request, json)
                deeds.append(Deed(request, terms, kind.change(json, terms), json))
            except TownsquareError as refused:
                deeds.append(failed(json, refused))
        return deeds

    async def _applied(
        self, request: Request, deeds: Sequence[Deed | Outcome], kind: batches.Kind
    ) -> tuple[list[Outcome], list[Told]]:
        """In the order of the array, with those that could not be read."""

        async def local(changes: Sequence[Change]) -> Sequence[Outcome]:
            done = await self.broker.apply_each(
                changes,
                request.actor,
                request.why,
                request.headers.get("idempotency-key"),
                tenant=request.tenant,
            )
            return done.outcomes

        good = [deed for deed in deeds if isinstance(deed, Deed)]
        done, told = await self.sharing.provide(good, kind, local)
        here = iter(done)
        outcomes = [deed if isinstance(deed, Outcome) else next(here) for deed in deeds]
        return [outcome for outcome in outcomes if outcome], told


def upserting(request: Request) -> Kind:
    chosen = request.options(("replace", "update"))
    return UPSERT if "update" in chosen else REPLACE


def updating(request: Request) -> Kind:
    return APPEND_NEW if request.options(("noOverwrite",)) else APPEND


def parts(body: Json) -> list[Json]:
    if not isinstance(body, list) or not body:
        raise Invalid("the body must be an array with at least one item")
    if len(body) > MOST:
        raise Invalid(f"the array has more than {MOST} items; send them in parts")
    if any(part is None for part in body):
        raise Invalid("an item of the array is null")
    return body


def deletion(id: Json) -> Change | Outcome:
    try:
        return Change("delete", Entity(read_id(id), ()))
    except Invalid as refused:
        return failed({"id": id}, refused)


def failed(json: Json, refused: TownsquareError) -> Outcome:
    """Without an id that could be read its error names none."""
    id = json.get("id") if isinstance(json, dict) else json
    return Outcome(
        id[:200] if isinstance(id, str) else "", error=type(refused).__name__, reason=str(refused)
    )


def answer(
    outcomes: Sequence[Outcome], told: Sequence[Told] = (), *, creating: bool = False
) -> Answer:
    """201 with the ids of new entities, 204, or 207 where not all was done (clause 5.2.16)."""
    errors: list[Json] = [
        ({"entityId": outcome.id} if outcome.id else {}) | {"error": problem(error).json}
        for outcome in outcomes
        if (error := undone(outcome))
    ]
    errors += [
        {"entityId": one.id, "error": one.problem, "registrationId": one.source}
        for one in told
        if one.problem
    ]
    if errors:
        done = [o.id for o in outcomes if undone(o) is None]
        done += [one.id for one in told if not one.problem]
        return Answer(207, {"success": list(dict.fromkeys(done)), "errors": errors})
    made = [o.id for o in outcomes if o.created] + [one.id for one in told if one.created]
    new = list(dict.fromkeys(made))
    return Answer(201, new) if creating and new else Answer(204)


def undone(outcome: Outcome) -> TownsquareError | None:
    """Why an entity of the batch counts as failed, if it does."""
    if outcome.undone:
        names = ", ".join(iri(name) for name in outcome.undone)
        return AlreadyExists(f"{outcome.id} has these already, and they were left: {names}")
    return outcome.refused
