"""What somebody may see: their questions as conditions, and what is found as it shows to them.

Always holds: what a grant hides is absent, from what is asked and from what is answered.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Raw, structs

from townsquare.context import sql
from townsquare.context.decoded import Decoded
from townsquare.context.form.view import View
from townsquare.context.glance import Glance, glanced, visible
from townsquare.context.grants import Grants, Rights
from townsquare.context.jsonld import Terms
from townsquare.context.query import Query
from townsquare.context.told import How, Shape, Told, Wording, Write
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Changed
from townsquare.model.entity import Entity
from townsquare.store import Find, Row
from townsquare.store.census import Counted
from townsquare.store.conditions import NOTHING_COMPARED, Conditions
from townsquare.store.memory import Memory
from townsquare.trust.policy import Act, Policy, require

MOST_FINDS = 2**20  # characters of conditions that are remembered


class Sight:
    def __init__(
        self, policy: Policy, conditions: Conditions, clock: Callable[[], datetime]
    ) -> None:
        self.decoded = Decoded()
        self._told = Told()
        self._clock = clock
        self._compiler = sql.Compiler(conditions)
        self._finds: Memory[tuple[Query, Rights, Act, str, int], Find] = Memory(MOST_FINDS)
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        """From now on, whatever was granted before."""
        self.policy = policy
        self._grants = Grants(policy, self._clock)

    def rights(self, by: Actor, why: Why) -> Rights:
        return self._grants.of(by, why)

    def find(self, query: Query, by: Actor, why: Why, act: Act, tenant: str) -> Find:
        """The same question is often asked again."""
        edition = self._compiler.conditions.edition
        key = (query, self.rights(by, why), act, tenant, edition)
        if known := self._finds.get(key):
            return known
        found = self.found(query, self.eyes(by, why, act, tenant), by)
        return self._finds.put(key, found, _size(query, found))

    def found(
        self, query: Query, eyes: sql.Eyes, by: Actor, compiler: sql.Compiler | None = None
    ) -> Find:
        grants = [eyes.of(sql.choice_of(type)) for type in query.types]
        if grants and not any(grant.allowed for grant in grants):
            require(grants[0])
        where = (compiler or self._compiler).where(query, eyes)
        order = self._compiler.order(query, eyes)
        return Find(
            where,
            query.limit,
            query.offset,
            query.near,
            by.kind == "anyone",
            sql.starts(query.types),
            query.ids,
            order,
            compiler.conditions if compiler else None,
            NOTHING_COMPARED if compiler else sql.compared(query.q),
        )

    def eyes(self, by: Actor, why: Why, act: Act, tenant: str) -> sql.Eyes:
        rights = self.rights(by, why)
        grants = {type: rights.grant(act, type) for type in self.policy.types}
        return sql.Eyes(tenant, grants, rights.grant(act, ""))

    def shape(self, terms: Terms, view: View, how: How) -> Wording:
        """`how` tells views apart."""
        return self._told.shape(terms, view, how)

    def own_shape(self, write: Write) -> Shape:
        return self._told.own(write)

    def row(self, row: Row, rights: Rights, act: Act) -> Entity | None:
        return self.seen(self.decoded.of(row), rights, act)

    def told(self, row: Row, rights: Rights, act: Act, shape: Shape) -> Raw | None:
        """As JSON."""
        known = self._told.of(row, shape, rights, act)
        if known is not None:
            return known
        seen = self._glimpse(row, rights, act) if shape.plain else self.row(row, rights, act)
        return None if seen is None else self._told.keep(row, shape, rights, act, seen)

    def _glimpse(self, row: Row, rights: Rights, act: Act) -> Glance | Entity | None:
        """An entity where a glance is not enough of it."""
        glance = glanced(row.body)
        if glance is None:
            return self.row(row, rights, act)
        for grant in rights.grants(act, glance.types):
            glance = visible(glance, grant)
        return glance

    def seen(self, entity: Entity, rights: Rights, act: Act) -> Entity | None:
        for type in entity.types:
            shown = self.decoded.shown(entity, rights.grant(act, type))
            if shown is None:
                return None
            entity = shown
        return entity

    def may_know(self, what: Counted, by: Actor, why: Why) -> bool:
        grants = [self.rights(by, why).grant("read", type) for type in what.types.split()]
        marks = tuple(what.marks.split())
        return all(
            g.allowed and g.admits(marks) and (not what.attribute or g.shows(what.attribute))
            for g in grants
        )

    def shown(self, changed: Changed, by: Actor, why: Why) -> Changed | None:
        rights = self.rights(by, why)
        before = self.seen(changed.before, rights, "watch") if changed.before else None
        after = self.seen(changed.after, rights, "watch") if changed.after else None
        if before is None and after is None:
            return None
        grants = [rights.grant("watch", type) for type in changed.subject.types]
        seen = frozenset(n for n in changed.attributes if all(g.shows(n) for g in grants))
        if before and after and changed.attributes and not seen:
            return None
        return structs.replace(changed, before=before, after=after, attributes=seen)


def _size(query: Query, found: Find) -> int:
    """Characters of all that may be long: polygons and patterns are parameters."""
    told = (found.where.text, *found.where.parameters, *query.ids)
    return sum(len(text) for text in told if isinstance(text, str))
