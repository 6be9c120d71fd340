"""Many entities out at once, or some of their attributes (clauses 5.6.21 and 6.4.3.3).

What cannot be found cannot be purged, and what changes while the purge goes on stays and is told.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from townsquare.context.api.batch import answer
from townsquare.context.api.select import selector
from townsquare.context.commit import Outcome
from townsquare.context.contexts import Contexts
from townsquare.context.form.attribute import read_name
from townsquare.context.http import Answer, Request
from townsquare.context.jsonld import Terms
from townsquare.context.query import Linked, Page, Query, leaves
from townsquare.context.routes import Routes, write
from townsquare.context.sources.purging import Purging, SharedPurge
from townsquare.model.change import Change, Operation
from townsquare.model.entity import Entity
from townsquare.model.errors import Invalid

PAGE = 1_000  # entities found, then changed in one transaction
PARAMETERS = (
    *("type", "id", "idPattern", "q", "attrs", "scopeQ", "csf", "local", "keep", "drop"),
    *("georel", "geometry", "coordinates", "geoproperty", "geometryProperty"),
)


@dataclass(frozen=True, slots=True)
class Reduction:
    """Which attributes an entity loses. `names` are canonical; `scope` goes like an attribute."""

    operation: Operation
    names: frozenset[str]

    def change(self, found: Entity) -> Change:
        scope = ("scope" in self.names) == (self.operation == "drop")
        return Change(
            self.operation,
            Entity(found.id, (), dict.fromkeys(self.names - {"scope"}, ())),
            if_version=found.version,
            removed=frozenset({"scope"} if scope else ()),
        )


class Purge:
    def __init__(self, sharing: SharedPurge, contexts: Contexts) -> None:
        self.sharing = sharing
        self.broker = sharing.sharing.broker
        self.contexts = contexts

    def routes(self) -> Routes:
        return {"entities": {"DELETE": write(self.purge)}}

    async def purge(self, request: Request) -> Answer:
        request.known(*PARAMETERS)
        terms = await self.contexts.of(request)
        reduction = reduced(request, terms)
        query = replace(selector(request, terms), limit=PAGE)
        if query.q and any(isinstance(leaf, Linked) for leaf in leaves(query.q)):
            raise Invalid("q of a purge asks nothing of linked entities; name attributes alone")
        if reduction is None:
            outcomes = await self._delete(request, query)
        else:
            outcomes = await self._reduce(request, query, reduction)
        named = await self.contexts.addressed(terms, request.tenant)
        keep = reduction is not None and reduction.operation == "keep"
        names = reduction.names if reduction else frozenset[str]()
        purging = Purging(request, named, query, keep, names)
        return answer(outcomes, await self.sharing.provide(purging))

    async def _delete(self, request: Request, query: Query) -> list[Outcome]:
        """Page by page: what was deleted is no longer found, what was refused is passed over."""
        outcomes: list[Outcome] = []
        refused, more = 0, True
        while more:
            page = await self._page(request, replace(query, offset=refused))
            outcomes += await self._apply(request, page.entities, deletion)
            refused = sum(1 for outcome in outcomes if outcome.error)
            more = page.more
        return outcomes

    async def _reduce(self, request: Request, query: Query, reduction: Reduction) -> list[Outcome]:
        """All are found before the first loses what it was found by."""
        found: list[Entity] = []
        more = True
        while more:
            page = await self._page(request, replace(query, offset=len(found)))
            found += [Entity(e.id, e.types, version=e.version) for e in page.entities]
            more = page.more
        outcomes: list[Outcome] = []
        for start in range(0, len(found), PAGE):
            part = found[start : start + PAGE]
            outcomes += await self._apply(request, part, reduction.change)
        return outcomes

    async def _page(self, request: Request, query: Query) -> Page:
        return await self.broker.find(query, request.actor, request.why, tenant=request.tenant)

    async def _apply(
        self, request: Request, found: list[Entity], change: Callable[[Entity], Change]
    ) -> list[Outcome]:
        changes = [change(entity) for entity in found]
        done = await self.broker.apply_each(
            changes, request.actor, request.why, tenant=request.tenant
        )
        return list(done.outcomes)


def deletion(found: Entity) -> Change:
    return Change("delete", Entity(found.id, ()), if_version=found.version)


def reduced(request: Request, terms: Terms) -> Reduction | None:
    """Raises Invalid."""
    given = [name for name in ("keep", "drop") if name in request.parameters]
    if len(given) == 2:
        raise Invalid("keep and drop exclude each other; give one of them")
    names = {
        name: frozenset(terms.expand(read_name(part)) for part in request.listed(name))
        for name in given
    }
    if "drop" in names:
        return Reduction("drop", names["drop"])
    return Reduction("keep", names["keep"]) if names else None
