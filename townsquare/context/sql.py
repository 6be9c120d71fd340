"""Queries and grants as SQL conditions: nothing is filtered in Python.

A query over several types may stand under several grants. Declared types with the same grant
form a group, all that nobody declared form another, and `q` is compiled for each group with
that grant's eyes, so what is hidden is absent there too. (The broker lets no entity mix a
declared type with others, so every row is in one group.)
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from townsquare.context.query import All, Any, Condition, Query, TemporalQuery, Term
from townsquare.store import micros
from townsquare.store.conditions import Conditions, Path, Sql
from townsquare.trust.policy import NOTHING, Grant

NEVER, ALWAYS = Sql("0"), Sql("1")


def both(*parts: Sql) -> Sql:
    parts = tuple(p for p in parts if p is not ALWAYS)
    if not parts:
        return ALWAYS
    text = " and ".join(f"({p.text})" for p in parts)
    return Sql(text, sum((p.parameters for p in parts), ()))


def either(parts: Iterable[Sql]) -> Sql:
    parts = list(parts)
    if not parts:
        return NEVER
    return Sql(" or ".join(f"({p.text})" for p in parts), sum((p.parameters for p in parts), ()))


def within(parts: Sequence[str]) -> str:
    return ", ".join("?" * len(parts))


def _has_type(exists: str, types: Sequence[str]) -> Sql:
    text = f"select 1 from entity_type t where t.row = e.row and t.type in ({within(types)})"
    return Sql(f"{exists} ({text})", tuple(types))


def _scopes(grant: Grant) -> Sql:
    inside = ALWAYS if grant.scopes is None else _in_scope(grant.scopes)
    return both(inside, _not(_in_scope(grant.not_scopes)) if grant.not_scopes else ALWAYS)


def _in_scope(scopes: Collection[str]) -> Sql:
    names = sorted(scopes)
    text = f"select 1 from entity_scope s where s.row = e.row and s.scope in ({within(names)})"
    return Sql(f"exists ({text})", tuple(names))


def _not(condition: Sql) -> Sql:
    return Sql(f"not ({condition.text})", condition.parameters)


@dataclass(frozen=True, slots=True)
class Compiler:
    """Queries in the words of one store."""

    conditions: Conditions

    def where(self, query: Query, tenant: str, grants: Mapping[str, Grant], others: Grant) -> Sql:
        """Condition on table `entity`, beside the ids and types that the query names.

        `grants` has every declared type, `others` is the rest's.
        """
        if query.types and grants.keys().isdisjoint(query.types):
            # Of these types nothing is declared, so there is nothing to tell apart.
            return both(self._selected(query, tenant), self._group(query, others))
        groups: defaultdict[Grant, list[str]] = defaultdict(list)
        for type in query.types or grants:
            groups[grants.get(type, NOTHING)].append(type)
        groups.pop(NOTHING, None)
        parts = [
            both(_has_type("exists", types), self._group(query, grant))
            for grant, types in groups.items()
            if grant.allowed
        ]
        if others.allowed:
            parts.append(both(_has_type("not exists", list(grants)), self._group(query, others)))
        return both(self._selected(query, tenant), either(parts))

    def _group(self, query: Query, grant: Grant) -> Sql:
        parts = [_scopes(grant)]
        if query.q is not None:
            parts.append(self.condition(query.q, grant))
        if query.attributes:
            seen = filter(grant.shows, query.attributes)
            parts.append(either(self.conditions.exists(Path(name)) for name in seen))
        if query.near is not None:
            shown = grant.shows(query.near.attribute)
            parts.append(self.conditions.near(query.near) if shown else NEVER)
        return both(*parts)

    def _selected(self, query: Query, tenant: str) -> Sql:
        parts = []
        if query.pattern:
            parts.append(self.conditions.like("e.id", query.pattern))
        if query.scope:
            parts.append(self._scope_q(query.scope, tenant))
        if query.not_scope:
            text = "select row from entity_scope where tenant = ? and (scope < ? or scope > ?)"
            parts.append(Sql(f"e.row in ({text})", (tenant, query.not_scope, query.not_scope)))
        return both(*parts)

    def _scope_q(self, scope: str, tenant: str) -> Sql:
        """`/a/+` one level, `/a/#` the whole subtree (clause 4.19)."""
        test = Sql("s.scope = ?", (scope,))
        if "+" in scope or "#" in scope:
            pattern = re.escape(scope).replace(r"/\#", "(/.*)?").replace(r"\+", "[^/]+")
            test = self.conditions.like("s.scope", f"^{pattern}$")
        text = f"select s.row from entity_scope s where s.tenant = ? and {test.text}"
        return Sql(f"e.row in ({text})", (tenant, *test.parameters))

    def condition(self, q: Condition, grant: Grant) -> Sql:
        if isinstance(q, All):
            return both(*(self.condition(term, grant) for term in q.terms))
        if isinstance(q, Any):
            return either(self.condition(term, grant) for term in q.terms)
        if not grant.shows(q.path.attribute):
            return NEVER
        if q.comparison is None:
            return self.conditions.exists(q.path)
        return self._compared(q)

    def _compared(self, term: Term) -> Sql:
        if term.comparison in ("!=", "!~="):
            # Unequal means: the attribute is there, and no instance of it is equal.
            equal = Term(term.path, "==" if term.comparison == "!=" else "~=", term.operands)
            return both(self.conditions.exists(term.path), _not(self._compared(equal)))
        comparison = term.comparison or "=="
        return either(self.conditions.holds(term.path, comparison, o) for o in term.operands)


def history(query: TemporalQuery, id: str, types: Sequence[str], hidden: Grant) -> Sql:
    """Condition on table `history` (h) for an entity that was found visible, as these types."""
    parts = [Sql("h.entity = ?", (id,)), Sql(f"h.type in ({within(types)})", tuple(types))]
    if query.attributes:
        shown = [name for name in query.attributes if hidden.shows(name)]
        parts.append(Sql(f"h.attribute in ({within(shown)})", tuple(shown)))
    elif hidden.attributes is not None:
        names = sorted(hidden.attributes)
        parts.append(Sql(f"h.attribute in ({within(names)})", tuple(names)))
    if hidden.hidden:
        names = sorted(hidden.hidden)
        parts.append(Sql(f"h.attribute not in ({within(names)})", tuple(names)))
    if query.after:
        parts.append(Sql("coalesce(h.observed_at, h.modified_at) > ?", (micros(query.after),)))
    if query.before:
        parts.append(Sql("coalesce(h.observed_at, h.modified_at) < ?", (micros(query.before),)))
    return both(*parts)
