"""Entities that lie in parts with several brokers (clauses 4.3.6.7 and 5.7.2.4).

No broker can say of a part whether the whole fits a filter. So filters are asked of none, and are
asked here of what the parts make together.
"""

from collections.abc import Sequence
from dataclasses import replace

from townsquare.context.broker import Broker
from townsquare.context.http import Request
from townsquare.context.query import MOST, Query, depth
from townsquare.context.scratch import Scratch
from townsquare.model.entity import Entity
from townsquare.model.errors import Invalid


def is_split(request: Request) -> bool:
    return request.flag("splitEntities")


def bare(query: Query) -> Query:
    """By id and type alone. Raises Invalid for what cannot be asked afterwards."""
    if query.q and depth(query.q):
        raise Invalid("q follows links, which splitEntities=true cannot; leave one of them out")
    return replace(query, q=None, near=None, scope="", attributes=())


async def fitting(
    broker: Broker, request: Request, query: Query, entities: Sequence[Entity]
) -> list[Entity]:
    """Those of which the filters hold, in their order."""
    if not entities:
        return []
    scratch = Scratch(broker)
    try:
        asked = replace(query, ids=(), order=(), limit=MOST, offset=0, count=False)
        found = await scratch.matching(asked, entities, request.actor, request.why, "read")
    finally:
        await scratch.close()
    return [entity for entity in entities if entity.id in found]
