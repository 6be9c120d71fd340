"""What a subscriber is told: looked up as the subscriber, in the words it asked for."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from townsquare.context.broker import Broker
from townsquare.context.contexts import Contexts
from townsquare.context.linked import linked
from townsquare.context.query import MOST, Page, Query, Selector
from townsquare.context.scratch import Scratch
from townsquare.context.subscriptions import notice
from townsquare.context.subscriptions.delivery import Message
from townsquare.context.subscriptions.kept import Kept
from townsquare.context.subscriptions.letters import Letter, Part, item, newest
from townsquare.context.subscriptions.matching import Compiled
from townsquare.context.subscriptions.pending import Item, Items
from townsquare.model.entity import Entity
from townsquare.model.errors import TooComplex
from townsquare.trust.policy import require

MOST_TOLD = 10_000  # entities in one notification


# An entity that a source tells, together with what is known of it here and in other sources.
Whole = Callable[[Kept, Entity, str], Awaitable[Entity]]


class Writer:
    def __init__(self, broker: Broker, contexts: Contexts, whole: Whole) -> None:
        self.broker = broker
        self.contexts = contexts
        self.whole = whole

    async def message(self, one: Compiled, items: Items, scratch: Scratch) -> Message | None:
        """What is to be told of these; None where none of them matches. Raises TownsquareError."""
        gone = await self._gone(one, items, scratch)
        ids = [id for id, item in items.items() if not item.gone]
        found: list[Entity] = []
        for start in range(0, len(ids), MOST):
            part = tuple(ids[start : start + MOST])
            found += await self._find(one, replace(_filter(one), ids=part, limit=len(part)))
        order = {id: place for place, id in enumerate(ids)}
        return await self._message(one, sorted(found, key=lambda e: order[e.id]), items, gone)

    async def overview(self, one: Compiled) -> Message | None:
        """What is to be told of all that match; None where none does. Raises TownsquareError."""
        query = replace(_filter(one), selectors=_selectors(one), limit=MOST)
        types = {type for selector in query.selectors for type in selector.types}
        if all(selector.types for selector in query.selectors):
            query = replace(query, types=tuple(types))
        found, more = list[Entity](), True
        while more:
            page = await self._page(one, replace(query, offset=len(found)))
            found, more = found + page.entities, page.more
            if len(found) > MOST_TOLD:
                raise TooComplex(f"more than {MOST_TOLD} entities match; select fewer")
        return await self._message(one, found, {}, [])

    async def letters(
        self, one: Compiled, letters: Sequence[Letter], scratch: Scratch
    ) -> Message | None:
        """What other brokers told, as far as its subscriber may see it. Raises TownsquareError."""
        require(self.broker.grant(one.kept.by, one.kept.why, "watch", ""))
        told = {id: self._visible(one, part) for id, part in newest(letters).items()}
        items = {id: item(part, letters[-1].at) for id, part in told.items() if part}
        found = [part.entity for part in told.values() if part and not part.gone]
        if one.subscription.split_entities:
            found = await self._fitting(one, letters, found, scratch)
        gone = [of_one for of_one in items.values() if of_one.gone]
        return await self._message(one, found, items, gone)

    def _visible(self, one: Compiled, part: Part) -> Part | None:
        by, why = one.kept.by, one.kept.why
        entity = self.broker.seen(part.entity, by, why, "watch")
        before = self.broker.seen(part.before, by, why, "watch") if part.before else None
        return Part(entity, before, part.gone) if entity else None

    async def _fitting(
        self, one: Compiled, letters: Sequence[Letter], told: Sequence[Entity], scratch: Scratch
    ) -> list[Entity]:
        """Together with their other parts: those that match now."""
        sources = {part.entity.id: letter.source for letter in letters for part in letter.parts}
        wholes = [await self.whole(one.kept, e, sources[e.id]) for e in told]
        ids = await scratch.matching(_filter(one), wholes, one.kept.by, one.kept.why, "watch")
        return [entity for entity in wholes if entity.id in ids]

    async def _message(
        self, one: Compiled, found: Sequence[Entity], items: Items, gone: Sequence[Item]
    ) -> Message | None:
        if not (found or gone):
            return None
        terms = await self.contexts.terms(one.kept.context, one.kept.tenant)
        style = one.style
        joined = await linked(lambda q: self._find(one, q), found, style.view, style.join)
        page = notice.Page(one, terms, joined)
        data = [*(notice.gone(page, item) for item in gone), *notice.present(page, found, items)]
        body = notice.notification(page, data, self.broker.clock())
        return Message(one.subscription.notification.endpoint, body, terms.url, one.kept.tenant)

    async def _gone(self, one: Compiled, items: Items, scratch: Scratch) -> list[Item]:
        gone = {id: item for id, item in items.items() if item.gone}
        if gone and one.filters:
            entities = [item.gone for item in gone.values() if item.gone]
            matching = await scratch.matching(
                _filter(one), entities, one.kept.by, one.kept.why, "watch"
            )
            return [item for id, item in gone.items() if id in matching]
        return list(gone.values())

    async def _find(self, one: Compiled, query: Query) -> list[Entity]:
        return (await self._page(one, query)).entities

    async def _page(self, one: Compiled, query: Query) -> Page:
        """A published observation may be queried by anyone but told to nobody: act `watch`."""
        kept = one.kept
        return await self.broker.find(query, kept.by, kept.why, tenant=kept.tenant, act="watch")


def _filter(one: Compiled) -> Query:
    return Query(q=one.q, near=one.near, scope=one.subscription.scope_q or "")


def _selectors(one: Compiled) -> tuple[Selector, ...]:
    return tuple(
        Selector(c.types if all(c.types) else (), tuple(sorted(c.ids)), c.pattern)
        for c in one.chosen
    )
