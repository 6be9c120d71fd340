"""What a subscriber is told: looked up as the subscriber, in the words it asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.query import MOST, Query
from townsquare.context.subscriptions import notice
from townsquare.context.subscriptions.delivery import Message
from townsquare.context.subscriptions.matching import Compiled
from townsquare.context.subscriptions.notice import Page
from townsquare.context.subscriptions.pending import Items
from townsquare.model.entity import Entity


class Writer:
    def __init__(self, broker: Broker, contexts: Contexts) -> None:
        self.broker = broker
        self.contexts = contexts

    async def message(self, one: Compiled, items: Items | None) -> Message | None:
        """None where nothing matches. Raises TownsquareError.

        Without items it is about all entities that match, whatever changed.
        """
        page = Page(one, await self.contexts.terms(one.kept.context, one.kept.tenant))
        found = await self._all(one) if items is None else await self._among(one, items)
        data = [notice.present(page, entity, (items or {}).get(entity.id)) for entity in found]
        gone = [item for item in (items or {}).values() if item.gone]
        data = [*(notice.gone(page, item) for item in gone), *data]
        if not data:
            return None
        body = notice.notification(page, data, self.broker.clock())
        endpoint = one.subscription.notification.endpoint
        return Message(endpoint, body, page.terms.url, one.kept.tenant)

    async def _among(self, one: Compiled, items: Items) -> list[Entity]:
        ids = [id for id, item in items.items() if not item.gone]
        found: list[Entity] = []
        for start in range(0, len(ids), MOST):
            part = tuple(ids[start : start + MOST])
            found += await self._found(one, Query(ids=part, limit=len(part)))
        order = {id: place for place, id in enumerate(ids)}
        return sorted(found, key=lambda entity: order[entity.id])

    async def _found(self, one: Compiled, query: Query) -> list[Entity]:
        """A published observation may be queried by anyone but told to nobody: act `watch`."""
        kept = one.kept
        asked = replace(query, q=one.q, near=one.near, scope=one.subscription.scope_q or "")
        page = await self.broker.find(asked, kept.by, kept.why, tenant=kept.tenant, act="watch")
        return page.entities

    async def _all(self, one: Compiled) -> Iterable[Entity]:
        found: Mapping[str, Entity] = {}
        for query in self._selections(one):
            page = await self._found(one, query)
            found = {**found, **{e.id: e for e in page if one.admits(e)}}
        return found.values()

    def _selections(self, one: Compiled) -> Iterable[Query]:
        if not one.chosen:
            yield Query(limit=MOST)
        for chosen in one.chosen:
            types = chosen.types if all(chosen.types) else ()
            yield Query(types=types, ids=tuple(chosen.ids), pattern=chosen.pattern, limit=MOST)
