"""All that a query finds, page after page.

Always holds: nothing is left out because there is more than one page of it.
"""

from dataclasses import replace

from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.entity import Entity


async def whole(broker: Broker, query: Query) -> list[Entity]:
    found: list[Entity] = []
    more = True
    while more:
        page = await broker.find(replace(query, limit=MOST, offset=len(found)), ROOM, WHY)
        found += page.entities
        more = page.more
    return found
