"""Fills a snapshot with what its queries find (clauses 5.16.1.4 and 5.16.2.4).

A question is asked again as its maker asked it, in the maker's name, so that nothing gets in that
the maker may not see. What goes wrong with one is told in its details and stops no other.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.http import CONTEXT_REL, JSON, LD, Request, problem
from townsquare.context.jsonld import Terms
from townsquare.context.query import MOST, Query
from townsquare.context.snapshots.copies import MOST_PAST, Copies
from townsquare.context.snapshots.snapshot import Details, Snapshot, Status, outcome
from townsquare.context.sources.mapped import MappedReading
from townsquare.context.temporal import TemporalQuery
from townsquare.model.entity import Json
from townsquare.model.errors import TooManyResults, TownsquareError

MOST_ENTITIES = 10_000  # of one question


@dataclass(frozen=True, slots=True)
class Asking:
    """How a query by POST is read, and answered here and by sources."""

    maps: MappedReading
    present: Callable[[Request], Awaitable[tuple[Request, Terms, Query]]]
    past: Callable[[Request], Awaitable[TemporalQuery]]


@dataclass(frozen=True, slots=True)
class Prepared:
    status: Status
    details: tuple[Details, ...] = ()
    past_details: tuple[Details, ...] = ()


class Preparation:
    def __init__(self, broker: Broker, asking: Asking, copies: Copies) -> None:
        self.broker = broker
        self.asking = asking
        self.copies = copies

    async def of(self, one: Snapshot) -> Prepared:
        await self.copies.wipe(one.place)  # of an earlier time that was cut off
        if one.copied:
            await self.copies.clone(one.copied, one.place)
            return Prepared("success")
        given = one.given
        # The past first: its entities come as they are now, whatever is asked of the present.
        past = [
            await self._details(self._then, one, q) for q in given.snapshot_temporal_queries or ()
        ]
        now = [await self._details(self._now, one, q) for q in given.snapshot_queries or ()]
        return Prepared(outcome([*now, *past]), tuple(now), tuple(past))

    async def check(self, one: Snapshot) -> None:
        """Raises Invalid for what is no question."""
        for query in one.given.snapshot_queries or ():
            await self.asking.present(request_of(one, query))
        for query in one.given.snapshot_temporal_queries or ():
            await self.asking.past(request_of(one, query))

    async def _details(
        self,
        ask: Callable[[Snapshot, Json], Awaitable[tuple[int, list[str]]]],
        one: Snapshot,
        query: Json,
    ) -> Details:
        try:
            number, warnings = await ask(one, query)
        except TownsquareError as error:
            return Details("failure", problem(error).json)
        trouble = {"title": "Some sources did not answer", "detail": ", ".join(warnings)}
        if number:
            return Details("success", trouble if warnings else None)
        return Details("failure", trouble) if warnings else Details("empty")

    async def _now(self, one: Snapshot, json: Json) -> tuple[int, list[str]]:
        request, terms, query = await self.asking.present(request_of(one, json))
        number, warnings = 0, list[str]()
        async for entities in self.asking.maps.everything(request, terms, query, warnings):
            await self.copies.put(one.place, entities)
            number += len(entities)
        return number, warnings

    async def _then(self, one: Snapshot, json: Json) -> tuple[int, list[str]]:
        ask = await self.asking.past(request_of(one, json))
        number, more = 0, True
        while more:
            query = replace(ask.query, limit=MOST, offset=number, count=False)
            part = replace(ask, query=query, most=MOST_PAST)
            page, past = await self.broker.chronicle.copies(
                part, one.by, one.why, tenant=one.tenant
            )
            if number + len(page.entities) > MOST_ENTITIES:
                raise TooManyResults("the query finds too much for a snapshot; narrow it")
            await self.copies.put_past(one.tenant, one.place, page.entities, past)
            number, more = number + len(page.entities), page.more
        return number, []


def request_of(one: Snapshot, query: Json) -> Request:
    """As if the maker asked this now."""
    link = f'<{one.context}>; rel="{CONTEXT_REL}"; type="{LD}"'
    headers = {"content-type": JSON, "link": link}
    path, body = ("entityOperations", "query"), msgspec.json.encode(query)
    return Request("POST", path, {}, headers, body, one.by, one.why, one.tenant)
