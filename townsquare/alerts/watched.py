"""What there is for a rule to look at."""

from dataclasses import replace

from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.declaration import PUBLISHED
from townsquare.model.entity import Entity
from townsquare.model.rule import Rule


def looked_at(rule: Rule) -> Query:
    """Never what is published where nobody asked for it: there is no end to its number."""
    if rule.scope:
        return Query(types=(rule.type,), scope=rule.scope)
    return Query(types=(rule.type,), not_scope=PUBLISHED)


async def everything(broker: Broker, query: Query) -> list[Entity]:
    found: list[Entity] = []
    while len(found) % MOST == 0:
        page = await broker.find(replace(query, limit=MOST, offset=len(found)), ROOM, WHY)
        found += page.entities
        if not page.entities:
            break
    return found
