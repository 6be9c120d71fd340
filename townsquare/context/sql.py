"""Queries and grants as SQL conditions: nothing is filtered in Python.

A query over several types may stand under several grants. Declared types with the same grant
form a group, all that nobody declared form another, and `q` is compiled for each group with
that grant's eyes, so what is hidden is absent there too. (The broker lets no entity mix a
declared type with others, so every row is in one group.)
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from townsquare.context.choices import read_scopes
from townsquare.context.jsonld import canonical
from townsquare.context.query import (
    All,
    Any,
    Condition,
    Linked,
    Query,
    Selector,
    Term,
    leaves,
)
from townsquare.store.conditions import (
    NOTHING_COMPARED,
    Atom,
    Compared,
    Comparison,
    Conditions,
    Literal_,
    PastConditions,
    Path,
    Range,
    Sorted,
    Sql,
)
from townsquare.trust.policy import Grant

NEVER, ALWAYS = Sql("false"), Sql("true")


@dataclass(frozen=True, slots=True)
class Eyes:
    """Who asks: what each declared type shows, and what all `others` do, in one tenant."""

    tenant: str
    grants: Mapping[str, Grant]
    others: Grant

    def of(self, types: Collection[str]) -> Grant:
        """Under what entities with all these types stand."""
        return next((self.grants[type] for type in types if type in self.grants), self.others)


def compared(q: Condition | None) -> Compared:
    """What a store can begin its search with, and what it is asked for."""
    if q is None:
        return NOTHING_COMPARED
    surely = [term for term in (q.terms if isinstance(q, All) else (q,)) if isinstance(term, Term)]
    return Compared(
        tuple(_atom(t, t.comparison) for t in surely if t.comparison not in (None, "!=", "!~=")),
        tuple(dict.fromkeys(leaf.path for leaf in leaves(q) if isinstance(leaf, Term))),
    )


def _atom(term: Term, comparison: Comparison) -> Atom:
    """Text may be another name of a word of a vocabulary (`Compiler._is`)."""
    names = [canonical(o) for o in term.operands if isinstance(o, str) and comparison == "=="]
    return Atom(term.path, comparison, tuple(dict.fromkeys((*term.operands, *names))))


def both(*parts: Sql) -> Sql:
    if any(p is NEVER for p in parts):
        return NEVER
    parts = tuple(p for p in parts if p is not ALWAYS)
    if len(parts) < 2:
        return parts[0] if parts else ALWAYS
    text = " and ".join(f"({p.text})" for p in parts)
    return Sql(text, sum((p.parameters for p in parts), ()))


def either(parts: Iterable[Sql]) -> Sql:
    parts = [p for p in parts if p is not NEVER]
    if any(p is ALWAYS for p in parts):
        return ALWAYS
    if len(parts) < 2:
        return parts[0] if parts else NEVER
    return Sql(" or ".join(f"({p.text})" for p in parts), sum((p.parameters for p in parts), ()))


def within(parts: Sequence[str]) -> str:
    return ", ".join("?" * len(parts)) or "null"  # nothing is in it


def _has_type(exists: str, types: Sequence[str]) -> Sql:
    if not types:
        return NEVER if exists == "exists" else ALWAYS
    text = f"select 1 from entity_type t where t.row = e.row and t.type in ({within(types)})"
    return Sql(f"{exists} ({text})", tuple(types))


def _chosen(choices: Iterable[frozenset[str]]) -> Sql:
    return either(both(*(_has_type("exists", [t]) for t in sorted(c))) for c in choices)


def choice_of(type: str | frozenset[str]) -> frozenset[str]:
    return frozenset({type}) if isinstance(type, str) else type


def starts(types: Sequence[str | frozenset[str]]) -> tuple[str, ...]:
    """Of each choice one type, under which its rows are found."""
    return tuple(dict.fromkeys(t if isinstance(t, str) else min(t) for t in types))


def _scopes(grant: Grant) -> Sql:
    inside = ALWAYS if grant.scopes is None else _in_scope(grant.scopes)
    there = ALWAYS if grant.areas is None else either(map(_in_area, sorted(grant.areas)))
    outside = _not(_in_scope(grant.not_scopes)) if grant.not_scopes else ALWAYS
    return both(inside, there, outside)


def _in_area(area: str) -> Sql:
    """In this scope, or in one below it: these are between "/north/" and "/north0"."""
    test = "s.scope = ? or (s.scope >= ? and s.scope < ?)"
    text = f"select 1 from entity_scope s where s.row = e.row and ({test})"
    return Sql(f"exists ({text})", (area, f"{area}/", f"{area}0"))


def _in_scope(scopes: Collection[str]) -> Sql:
    names = sorted(scopes)
    text = f"select 1 from entity_scope s where s.row = e.row and s.scope in ({within(names)})"
    return Sql(f"exists ({text})", tuple(names))


def _not(condition: Sql) -> Sql:
    return Sql(f"not ({condition.text})", condition.parameters)


def _of_choices(scope: str, fits: Callable[[str], Sql]) -> Sql:
    choices = read_scopes(scope)
    return either(both(*map(fits, sorted(choice))) for choice in choices)


def _of_scope(conditions: Conditions, scope: str) -> Sql:
    """Of s.scope: `/a/+` one level, `/a/#` the whole subtree, `/#` any at all (clause 4.19)."""
    if scope == "/#":
        return Sql("s.scope <> ''")
    if scope.endswith("/#") and "+" not in scope:
        top = scope[:-2]
        # A range for the index; between the scope itself and those below lies such as /a-b.
        below = "s.scope >= ? and s.scope < ? and (s.scope = ? or s.scope >= ?)"
        return Sql(below, (top, f"{top}0", top, f"{top}/"))
    if "+" in scope:
        pattern = re.escape(scope).replace(r"/\#", "(/.*)?").replace(r"\+", "[^/]+")
        return conditions.like("s.scope", f"^{pattern}$")
    return Sql("s.scope = ?", (scope,))


def scope_then(conditions: PastConditions, scope: str) -> Sql:
    """A scopeQ, of an instance of the scope (h)."""
    return _of_choices(scope, lambda one: conditions.says(_of_scope(conditions, one)))


@dataclass(frozen=True, slots=True)
class Compiler:
    """Queries in the words of one store. `also` is what else must hold under each grant; `scoped`
    what a scopeQ means where it is not about now.
    """

    conditions: Conditions
    also: Callable[[Grant], Sql] = lambda _: ALWAYS
    scoped: Callable[[str], Sql] | None = None

    def where(self, query: Query, eyes: Eyes) -> Sql:
        """Condition on table `entity`, beside the ids and types that the search starts from."""
        groups = self._groups(query, eyes)
        parts = [both(rows, self._group(query, grant, eyes)) for grant, rows in groups.items()]
        return both(self._selected(query, eyes.tenant), either(parts))

    def _groups(self, query: Query, eyes: Eyes) -> dict[Grant, Sql]:
        """Rows that the query's types choose, by the grant that they stand under."""
        if query.types:
            chosen: defaultdict[Grant, list[frozenset[str]]] = defaultdict(list)
            for type in query.types:
                choice = choice_of(type)
                chosen[eyes.of(choice)].append(choice)
            if len(chosen) == 1 and all(isinstance(type, str) for type in query.types):
                return {grant: ALWAYS for grant in chosen if grant.allowed}
            return {g: _chosen(choices) for g, choices in chosen.items() if g.allowed}
        if {*eyes.grants.values(), eyes.others} == {eyes.others} and eyes.others.allowed:
            return {eyes.others: ALWAYS}
        declared: defaultdict[Grant, list[str]] = defaultdict(list)
        for type, grant in eyes.grants.items():
            if grant.allowed:
                declared[grant].append(type)
        found = {grant: _has_type("exists", types) for grant, types in declared.items()}
        if eyes.others.allowed:
            others = _has_type("not exists", list(eyes.grants))
            found[eyes.others] = either([others, found.get(eyes.others, NEVER)])
        return found

    def _group(self, query: Query, grant: Grant, eyes: Eyes) -> Sql:
        parts = [_scopes(grant), self.also(grant)]
        if query.q is not None:
            parts.append(self.condition(query.q, grant, eyes))
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
        if query.selectors:
            parts.append(either(map(self._selector, query.selectors)))
        if query.scope:
            parts.append(
                self.scoped(query.scope) if self.scoped else self._now(query.scope, tenant)
            )
        if query.not_scope:
            # Asked of each entity: nearly all rows fit, and gathering them takes seconds in a city.
            text = "select 1 from entity_scope s where s.row = e.row and s.scope <> ?"
            parts.append(Sql(f"exists ({text})", (query.not_scope,)))
        return both(*parts)

    def _selector(self, selector: Selector) -> Sql:
        parts = [_chosen(map(choice_of, selector.types))] if selector.types else []
        if selector.ids:
            parts.append(Sql(f"e.id in ({within(selector.ids)})", selector.ids))
        if selector.pattern:
            parts.append(self.conditions.like("e.id", selector.pattern))
        return both(*parts)

    def _now(self, scope: str, tenant: str) -> Sql:
        def fits(one: str) -> Sql:
            test = _of_scope(self.conditions, one)
            if one == "/#":  # asked of each entity, as what fits nearly all of them
                text = f"select 1 from entity_scope s where s.row = e.row and {test.text}"
                return Sql(f"exists ({text})")
            text = f"select s.row from entity_scope s where s.tenant = ? and {test.text}"
            return Sql(f"e.row in ({text})", (tenant, *test.parameters))

        return _of_choices(scope, fits)

    def condition(self, q: Condition, grant: Grant, eyes: Eyes) -> Sql:
        if isinstance(q, All):
            return both(*(self.condition(term, grant, eyes) for term in q.terms))
        if isinstance(q, Any):
            return either(self.condition(term, grant, eyes) for term in q.terms)
        if not shows(grant, q.path):
            return NEVER
        return self._linked(q, eyes) if isinstance(q, Linked) else self._compared(q)

    def _linked(self, q: Linked, eyes: Eyes) -> Sql:
        """Under the grant of what it leads to, whatever that is."""
        of_type = _has_type("exists", q.types) if q.types else ALWAYS
        there = both(of_type, self.where(Query(types=q.types, q=q.condition), eyes))
        return NEVER if there is NEVER else self.conditions.linked(q.path, eyes.tenant, there)

    def _compared(self, term: Term) -> Sql:
        if term.comparison is None:
            return self.conditions.exists(term.path)
        if term.comparison == "!=":
            # The attribute is there, and no instance of it is equal.
            equal = self._equal(term)
            return both(self.conditions.exists(term.path), _not(equal))
        if term.comparison == "==":
            return self._equal(term)
        if term.comparison == "!~=":
            # There is text, and none of it fits: what is no text does not match (clause 4.9).
            fits = self._compared(Term(term.path, "~=", term.operands))
            return both(self.conditions.holds(term.path, "~=", ""), _not(fits))
        return either(self.conditions.holds(term.path, term.comparison, o) for o in term.operands)

    def _equal(self, term: Term) -> Sql:
        return either(self._is(term, operand) for operand in term.operands)

    def _is(self, term: Term, operand: Literal_ | Range) -> Sql:
        """A VocabProperty holds IRIs: text is none, and may be another name of one (clause 4.9)."""
        found = self.conditions.holds(term.path, "==", operand)
        if not isinstance(operand, str) or term.words or term.path.inside or term.path.member:
            return found
        kind = replace(term.path, member="type")
        vocabulary = self.conditions.holds(kind, "==", "VocabProperty")
        if ":" not in operand:
            return both(found, _not(vocabulary))
        if (name := canonical(operand)) == operand:
            return found
        return either([found, both(vocabulary, self.conditions.holds(term.path, "==", name))])

    def order(self, query: Query, eyes: Eyes) -> tuple[Sorted, ...]:
        """What a grant hides is sorted as what is not there."""
        shown = ((order, self._shown(order.path, eyes)) for order in query.order)
        return tuple(
            Sorted(order, None if seen is ALWAYS else seen)
            for order, seen in shown
            if seen is not NEVER
        )

    def _shown(self, path: Path, eyes: Eyes) -> Sql:
        """Whether the grant that a row stands under shows what is at the path."""
        hiding = [t for t, g in eyes.grants.items() if g.allowed and not shows(g, path)]
        if shows(eyes.others, path):
            return _has_type("not exists", hiding) if hiding else ALWAYS
        return _has_type("exists", [t for t in eyes.grants if t not in hiding])


def shows(grant: Grant, path: Path) -> bool:
    """When an entity was modified tells when what is hidden of it was."""
    if path.attribute:
        return grant.shows(path.attribute)
    return not (path.member == "modifiedAt" and grant.hides)
