"""Reading what the room of accounts has kept, and acting for somebody who is not known yet."""

from collections.abc import Mapping

from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.entity import Entity
from townsquare.trust.identity.account import Account
from townsquare.trust.identity.types import OWNER

ROOM, WHY = room(OWNER), Why("operations")
# No client can choose an id that begins so: it is no URI.
PRIVATE = "identity of "


def private_id(id: str) -> str:
    return PRIVATE + id


async def private_rows(broker: Broker) -> Mapping[str, bytes]:
    """By the id of the entity that they belong to."""
    rows = await broker.documents.listed("private")
    return {r.key.id[len(PRIVATE) :]: r.body for r in rows if r.key.id.startswith(PRIVATE)}


async def everything(broker: Broker, type: str) -> list[Entity]:
    found: list[Entity] = []
    more = True
    while more:
        query = Query(types=(type,), limit=MOST, offset=len(found))
        page = await broker.find(query, ROOM, WHY)
        found += page.entities
        more = page.more
    return found


def acting(one: Account) -> Actor:
    """What somebody does to their own account: the room sees to it that it is they."""
    return Actor(one.id, "room", one.organisation, frozenset({"room"}), room=OWNER)
