"""A purge where sources have a part in it (clause 5.6.21).

A source is asked to purge no more than it is registered with: its ids, its types, its attributes.
Where that cannot be said in one request, it is not asked, and that is told.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import structs

from townsquare.context.http import Request
from townsquare.context.jsonld import Terms
from townsquare.context.query import Query
from townsquare.context.sources.answers import conflict, problem
from townsquare.context.sources.batches import Told
from townsquare.context.sources.calling import Errand, Reply
from townsquare.context.sources.matching import matches
from townsquare.context.sources.provision import LOOP, SharedWriting
from townsquare.context.sources.registration import Registration
from townsquare.context.sources.selected import Selected, groups, wanted_by
from townsquare.context.sources.shares import EVERYTHING, registered
from townsquare.context.sources.wording import reworded_filters

OPERATION = "purgeEntity"


@dataclass(frozen=True, slots=True)
class Purging:
    """`names` are what `drop` or `keep` lists, where one of them is given."""

    request: Request
    terms: Terms
    query: Query
    keep: bool = False
    names: frozenset[str] = EVERYTHING


class SharedPurge:
    def __init__(self, sharing: SharedWriting) -> None:
        self.sharing = sharing

    async def provide(self, purging: Purging) -> list[Told]:
        """What became of it elsewhere."""
        wanted = structs.replace(wanted_by(purging.query), attributes=EVERYTHING)
        house = frozenset(self.sharing.broker.policy.types)
        if wanted.types and wanted.types <= house:
            return []
        sources = await self.sharing.sources(purging.request)
        found = [one for one in sources if matches(one, wanted)]
        told = await asyncio.gather(*(self._source(purging, one) for one in found))
        return [one for part in told for one in part]

    async def _source(self, purging: Purging, one: Registration) -> Sequence[Told]:
        if OPERATION not in one.offers:
            refused = Told(one.id, one.id, problem=conflict(one, OPERATION))
            return [refused] if one.proxied else []
        if self.sharing.looping(one, purging.request):
            return [Told(one.id, one.id, problem=problem(one, LOOP))] if one.proxied else []
        wanted = structs.replace(wanted_by(purging.query), attributes=EVERYTHING)
        return [
            Told(one.id, one.id, problem=trouble)
            for selected in groups(one, wanted)
            if (trouble := problem(one, await self._asked(purging, one, selected)))
        ]

    async def _asked(self, purging: Purging, one: Registration, selected: Selected) -> Reply:
        return await self.sharing.caller.call(
            one,
            purging.request,
            purging.terms,
            lambda words: _errand(purging, one, selected, words),
        )


def _errand(purging: Purging, one: Registration, selected: Selected, words: Terms) -> Errand:
    given = {n: v for n, v in purging.request.parameters.items() if n not in ("local", "csf")}
    said = {**reworded_filters(given, purging.terms, words), **selected.parameters(words)}
    has = registered(one, structs.replace(wanted_by(purging.query), attributes=EVERYTHING))
    if has:
        gone = has - purging.names if purging.keep or not purging.names else has & purging.names
        said.pop("keep", None)
        said["drop"] = ",".join(sorted(map(words.compact, gone)))
    return Errand("DELETE", ("entities",), said)
