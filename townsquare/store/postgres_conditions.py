"""Conditions as PostgreSQL says them: jsonpath on documents, a GiST index for bounds.

A path starts at an instance of the attribute, goes to values, and mostly says the test on them
too; what it cannot say is SQL on those values. The same words serve what is and what was: a path
goes on from the document of the entity, or is tried on each instance in history.

Paths are strict: a lax one would step into arrays at every level, where SQLite and clause 4.9
do so at the value alone. What a strict path does not find is an error, which counts as absent.
"""

import json
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from townsquare.model.moment import Moment
from townsquare.store import postgres_history as history
from townsquare.store import stays
from townsquare.store.conditions import (
    EVERY_LANGUAGE,
    Comparison,
    Literal_,
    Near,
    Path,
    Range,
    Sql,
    Value,
)
from townsquare.store.past import Window
from townsquare.store.postgres_patterns import translated
from townsquare.store.postgres_words import every
from townsquare.store.queried import Queried
from townsquare.store.sqlite_conditions import box

NEVER = Sql("false")
OPERATORS = {"==": "=", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
LANGUAGE = '"LanguageProperty"'
GEO = ' ? (@.type == "GeoProperty")'
# A series (s), as one of the types that the entity has.
OF_ENTITY = (
    "s.tenant = e.tenant and s.entity = e.id"
    " and exists (select 1 from entity_type t where t.row = e.row and t.type = s.type)"
)
# Not joined with the entities, which may be few, as whole tables: that is what the offset is for.
RECORDED = (
    "select {} from series s join history h on h.series = s.id"
    f" where {OF_ENTITY} and {{}} and {{}} offset 0"
)

# From a document and the path of instances in it.
Condition = Callable[[str, str], Sql]


class PostgresConditions:
    def __init__(self, queried: Queried | None = None) -> None:
        self._queried = queried or Queried()

    @property
    def edition(self) -> int:
        return self._queried.edition

    def exists(self, path: Path) -> Sql:
        if by_rows := self._queried.there(path):
            return by_rows
        if not path.attribute:
            return Sql("jsonb_exists(e.doc, ?)", (path.member,))
        if path.inside == EVERY_LANGUAGE:
            return self._some(path, f" ? (@{_sub(path)}.type == {LANGUAGE})")
        if path.sub or path.inside or path.member:
            return self._some(path, f" ? (exists (@{_inner(path)}))")
        return self._there(path.attribute)

    def holds(self, path: Path, comparison: Comparison, operand: Literal_ | Range) -> Sql:
        plain = self._holds(path, comparison, operand)
        return self._queried.holds(path, comparison, operand, plain, self.like)

    def _holds(self, path: Path, comparison: Comparison, operand: Literal_ | Range) -> Sql:
        test = _test(comparison, operand)
        if test is None:
            return NEVER
        if not path.attribute:
            return _fulfils("e.doc", f"strict $.{_quoted(path.member)}", test, steps=True)
        paths = _values(path, comparison, operand)

        def some(document: str, instances: str) -> Sql:
            steps = comparison == "=="
            return _either([_fulfils(document, instances + p, test, steps=steps) for p in paths])

        return self._of(path, some)

    def like(self, column: str, pattern: str) -> Sql:
        return Sql(f"{column} ~ ?", (translated(pattern),))

    def near(self, near: Near) -> Sql:
        """A superset: `find` and `count` begin at the index of bounds, and check what is left."""
        return self._some(Path(near.attribute), GEO)

    def bounds(self, near: Near) -> tuple[float, float, float, float] | None:
        """East, north, west, south of all that can match, where there is an index of that."""
        if near.attribute != "location" or near.relation in ("disjoint", "beyond"):
            return None
        east, west, north, south = box(near)
        return east, north, west, south

    def places(self, near: Near) -> Sql:
        """The geometries that `near` is about, as an array."""
        path = f"{_place(near.attribute)}{GEO}.value"
        return Sql("jsonb_path_query_array(e.doc, ?::jsonpath, '{}', true)", (path,))

    def linked(self, path: Path, tenant: str, condition: Sql) -> Sql:
        text = (
            "exists (select 1 from entity e where e.kind = 'context' and e.tenant = ?"
            f" and e.id = v.value #>> '{{}}' and ({condition.text}))"
        )
        test = Sql(text, (tenant, *condition.parameters))
        links = f" ? ({_is_link(path)} && exists (@{_inner(path)})){_inner(path)}"

        def leads(document: str, instances: str) -> Sql:
            return _text_fulfils(document, instances + links, test, steps=True)

        return self._of(path, leads)

    def _some(self, path: Path, found: str) -> Sql:
        return self._of(path, lambda document, i: _finds(document, i + found))

    def _of(self, path: Path, condition: Condition) -> Sql:
        """Some instance of the attribute fulfils it."""
        return condition("e.doc", _place(path.attribute))

    def _there(self, attribute: str) -> Sql:
        return Sql("coalesce(jsonb_exists(e.doc -> 'attributes', ?), false)", (attribute,))


class PostgresPastConditions(PostgresConditions):
    """On instances within a window."""

    def __init__(self, window: Window | None) -> None:
        super().__init__()
        within = history.within(window)
        self._within = Sql(within.text, within.parameters)
        self._window = window

    def recorded(
        self,
        attributes: Collection[str] | None,
        hidden: Collection[str],
        datasets: Sequence[str | None],
    ) -> Sql:
        parts = [history.attributes(attributes, hidden)]
        if datasets:
            parts.append(history.of_datasets(datasets))
        of = every(parts)
        found = self._recorded("1", Sql(of.text, of.parameters))
        return Sql(f"exists ({found.text})", found.parameters)

    def says(self, test: Sql) -> Sql:
        values = "jsonb_path_query(town_doc(h.json), '$.value[*]') x(value)"
        scopes = f"select (x.value #>> '{{}}') collate \"C\" as scope from {values}"
        return Sql(f"exists (select 1 from ({scopes}) s where {test.text})", test.parameters)

    def stayed(self, fits: Sql) -> Sql:
        found = stays.ever(OF_ENTITY, self._window, fits)
        return Sql(f"exists ({found.text} offset 0)", found.parameters)

    def _recorded(self, columns: str, of: Sql) -> Sql:
        text = RECORDED.format(columns, of.text, self._within.text)
        return Sql(text, (*of.parameters, *self._within.parameters))

    def bounds(self, near: Near) -> None:
        """The index is of what is now."""

    def places(self, near: Near) -> Sql:
        instances = self._instances(Path(near.attribute))
        kind = "i.value ->> 'type' = 'GeoProperty'"
        text = f"(select jsonb_agg(i.value -> 'value') from {instances.text} where {kind})"
        return Sql(f"coalesce({text}, '[]')", instances.parameters)

    def _of(self, path: Path, condition: Condition) -> Sql:
        instances, test = self._instances(path), condition("i.value", "strict $")
        text = f"exists (select 1 from {instances.text} where {test.text})"
        return Sql(text, (*instances.parameters, *test.parameters))

    def _instances(self, path: Path) -> Sql:
        value = history.document("" if path.sub else path.member)
        found = self._recorded(f"{value} as value", Sql("s.attribute = ?", (path.attribute,)))
        return Sql(f"({found.text}) i", found.parameters)

    def _there(self, attribute: str) -> Sql:
        return self.recorded({attribute}, (), ())


def default(path: Path) -> str:
    """The path of the value in the default instance: it comes first."""
    if path.attribute:
        return f"strict $.attributes.{_quoted(path.attribute)}[0]{_inner(path)}"
    first = {"type": "types[0]", "scope": "scope[0]"}
    return f"strict $.{first.get(path.member) or _quoted(path.member)}"


def default_kind(path: Path) -> str:
    return f"strict $.attributes.{_quoted(path.attribute)}[0].type"


# --- which values


def _values(path: Path, comparison: Comparison, operand: Literal_ | Range) -> list[str]:
    """Paths from an instance."""
    if _is_a(Moment, operand):
        typed = replace(path, inside=(*path.inside, "@value"))
        return [_plain(path, comparison), _plain(typed, comparison)]
    if not _is_a(str, operand):
        return [_plain(path, comparison)]
    spoken = f" ? (@{_sub(path)}.type == {LANGUAGE} && exists (@{_inner(path)})){_inner(path)}.**"
    if path.inside == EVERY_LANGUAGE:
        return [spoken]
    return [_plain(path, comparison)] if path.member else [_plain(path, comparison), spoken]


def _plain(path: Path, comparison: Comparison) -> str:
    there = f"exists (@{_inner(path)})"
    if comparison != "==":
        there += f" && !({_is_link(path)})"
    return f" ? ({there}){_inner(path)}"


def _is_link(path: Path) -> str:
    # Not @.type: where there is none, nothing would be known of it.
    return (
        f'exists (@{_sub(path)}.keyvalue() ? (@.key == "type"'
        ' && (@.value == "Relationship" || @.value == "ListRelationship")))'
    )


def _inner(path: Path) -> str:
    """From one instance of the attribute to the value that is meant."""
    inside = () if path.inside == EVERY_LANGUAGE else path.inside
    told = f".{_quoted(path.member)}" if path.member else ".value"
    return f"{_sub(path)}{told}" + "".join(f".{_quoted(name)}" for name in inside)


def _sub(path: Path) -> str:
    return "".join(f".sub.{_quoted(name)}" for name in path.sub)


def _place(attribute: str) -> str:
    return f"strict $.attributes.{_quoted(attribute)}[*]"


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


# --- what they fulfil


@dataclass(frozen=True, slots=True)
class _InPath:
    """On @."""

    text: str


def _test(comparison: Comparison, operand: Literal_ | Range) -> _InPath | Sql | None:
    """Sql is on a text, `v.value #>> '{}'`. None holds for nothing.

    Values of different kinds are never equal, less or more: jsonpath says unknown.
    """
    if comparison == "~=":
        return Sql("v.value #>> '{}' ~ ?", (translated(str(operand)),))
    if isinstance(operand, Range):
        return _between(_test(">=", operand.low), _test("<=", operand.high))
    if isinstance(operand, Moment):
        moment = "town_moment(v.value #>> '{}', ?) collate \"C\""
        return Sql(f"{moment} {OPERATORS[comparison]} ?", (operand.kind, operand.text))
    if isinstance(operand, bool) and comparison != "==":
        return None
    return _InPath(f"@ {comparison} {_literal(operand)}")


def _between(low: _InPath | Sql | None, high: _InPath | Sql | None) -> _InPath | Sql | None:
    if isinstance(low, _InPath) and isinstance(high, _InPath):
        return _InPath(f"({low.text} && {high.text})")
    if isinstance(low, Sql) and isinstance(high, Sql):
        return Sql(f"{low.text} and {high.text}", low.parameters + high.parameters)
    return None


def _literal(operand: str | float) -> str:
    if isinstance(operand, str):
        return _quoted(operand)
    if isinstance(operand, float) and math.isinf(operand):
        return "1e400" if operand > 0 else "-1e400"  # beyond every number of a document
    return json.dumps(operand)


def _is_a(kind: type, operand: Literal_ | Range) -> bool:
    return isinstance(operand.low if isinstance(operand, Range) else operand, kind)


# --- both together


def _fulfils(document: str, values: str, test: _InPath | Sql, *, steps: bool) -> Sql:
    """Some value does, or where it `steps` into lists some part of one."""
    if isinstance(test, Sql):
        return _text_fulfils(document, values, test, steps=steps)
    part = f" || exists (@[*] ? ({test.text}))" if steps else ""
    return _finds(document, f"{values} ? ({test.text}{part})")


def _text_fulfils(document: str, values: str, test: Sql, *, steps: bool) -> Sql:
    found = f"jsonb_path_query({document}, ?::jsonpath, '{{}}', true)"
    parts = f"{found} x(value), jsonb_path_query(x.value, '$[*]')" if steps else found
    fits = f"jsonb_typeof(v.value) = 'string' and ({test.text})"
    text = f"exists (select 1 from {parts} v(value) where {fits})"
    return Sql(text, (values, *test.parameters))


def _finds(document: str, path: str) -> Sql:
    text = f"coalesce(jsonb_path_exists({document}, ?::jsonpath, '{{}}', true), false)"
    return Sql(text, (path,))


def _either(parts: Sequence[Sql]) -> Sql:
    values: tuple[Value, ...] = sum((part.parameters for part in parts), ())
    return Sql(f"({' or '.join(part.text for part in parts)})", values)
