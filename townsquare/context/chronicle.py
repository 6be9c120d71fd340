"""The past as somebody may see it: who has any within a window, and what is to be read of them.

Always holds: what a grant hides is absent, and a grant with a finest time step shows sums alone.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from msgspec import structs

from townsquare.context import sql, temporal
from townsquare.context.aggregate import Aggregation, Duration
from townsquare.context.grants import Rights
from townsquare.context.looks import Looks
from townsquare.context.query import Page
from townsquare.context.sight import Sight
from townsquare.context.temporal import Aggregates, Evolution, TemporalQuery
from townsquare.model.actor import Actor, Why
from townsquare.store import Find, Store
from townsquare.store.conditions import Sql
from townsquare.store.past import SCOPE, Past, Stays
from townsquare.trust.grant import dated
from townsquare.trust.policy import Grant


class Chronicle:
    def __init__(
        self,
        store: Store,
        sight: Sight,
        looks: Callable[[], Looks],
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._sight = sight
        self._looks = looks
        self._settle = settle  # ends what is due, so that an answer never shows it

    async def evolution(
        self, ask: TemporalQuery, by: Actor, why: Why, *, tenant: str = ""
    ) -> Evolution:
        """Single instances, which a grant with a finest time step does not show."""
        page, past = await self._past(ask, None, by, why, tenant)
        found = await temporal.read(self._store, tenant, ask, page.entities, past)
        return replace(found, count=page.count, more=page.more)

    async def aggregates(
        self, ask: TemporalQuery, how: Aggregation, by: Actor, why: Why, *, tenant: str = ""
    ) -> Aggregates:
        page, past = await self._past(ask, how.every, by, why, tenant)
        past = replace(past, stays=self._in_steps(page, past, self._sight.rights(by, why)))
        found = await temporal.tallied(self._store, tenant, page.entities, past, how)
        return replace(found, count=page.count, more=page.more)

    async def _past(
        self, ask: TemporalQuery, every: Duration | None, by: Actor, why: Why, tenant: str
    ) -> tuple[Page, Past]:
        """Entities with something in the window, and what is to be read of them."""
        await self._settle()
        find = self._find_past(ask, every, by, why, tenant)
        count = await self._store.count(tenant, find) if ask.query.count else None
        rows = await self._store.find(
            tenant, structs.replace(find, limit=find.limit + bool(find.limit))
        )
        await self._looks().at_several(ask.query, rows[: find.limit], by, why, "history", count)
        entities = [self._sight.decoded.of(row) for row in rows[: find.limit]]
        rights = self._sight.rights(by, why)
        seen = [(e, rights.grant("temporal", e.types[0])) for e in entities]
        most = None if ask.most is None else ask.most + 1
        past = Past(temporal.whose(ask, seen), ask.window, ask.datasets, last=ask.last, most=most)
        if ask.query.scope:
            fits = sql.scope_then(self._store.past_conditions(ask.window), ask.query.scope)
            past = replace(past, stays=await temporal.stays(self._store, tenant, past, fits))
        told = [dated(entity, grant) for entity, grant in seen]
        return Page(told, count, len(rows) > find.limit), past

    def _in_steps(self, page: Page, past: Past, rights: Rights) -> Stays | None:
        """Of what is told in steps of time, whole steps alone."""
        if past.stays is None:
            return None
        finest = {e.id: rights.grant("temporal", e.types[0]).finest for e in page.entities}
        return {
            id: temporal.whole_steps(stays, step) if (step := finest.get(id)) else stays
            for id, stays in past.stays.items()
        }

    async def copies(
        self, ask: TemporalQuery, by: Actor, why: Why, *, tenant: str = ""
    ) -> tuple[Page, Past]:
        """Entities as `by` may see them, and what is to be read of them: `ask.most` and one."""
        page, past = await self._past(ask, None, by, why, tenant)
        rights = self._sight.rights(by, why)
        seen = (self._sight.seen(entity, rights, "temporal") for entity in page.entities)
        return Page([entity for entity in seen if entity], None, page.more), past

    async def ids(
        self,
        ask: TemporalQuery,
        how: Aggregation | None,
        by: Actor,
        why: Why,
        most: int,
        *,
        tenant: str = "",
    ) -> list[str]:
        """Of up to `most` that have something in the window, as it would be told."""
        await self._settle()
        find = self._find_past(ask, how.every if how else None, by, why, tenant)
        rows = await self._store.find(tenant, structs.replace(find, limit=most, offset=0))
        await self._looks().at_several(ask.query, rows, by, why, "history", None)
        return [row.key.id for row in rows]

    def _find_past(
        self, ask: TemporalQuery, every: Duration | None, by: Actor, why: Why, tenant: str
    ) -> Find:
        then = self._store.past_conditions(ask.window)

        def recorded(grant: Grant) -> Sql:
            if ask.query.scope and not grant.shows(SCOPE):
                return sql.NEVER
            names = temporal.shown(ask, grant)
            return then.recorded(names, grant.hidden | frozenset(ask.omitted), ask.datasets)

        eyes = self._sight.eyes(by, why, "temporal", tenant)
        eyes = replace(
            eyes,
            grants={type: temporal.coarse(g, ask, every) for type, g in eyes.grants.items()},
            others=temporal.coarse(eyes.others, ask, every),
        )

        def scoped(scope: str) -> Sql:
            return then.stayed(sql.scope_then(then, scope))

        return self._sight.found(ask.query, eyes, by, sql.Compiler(then, recorded, scoped))
