"""When entities were in scopes that are asked for (clauses 4.18 and 5.7.4.4), in words that both
databases read.

A scope holds from the time at which it was set (observedAt, else createdAt) until the next one is
set or it ends. Rows of scopes are never sealed, and outlive their retention while they hold: the
table has all that is known of them.
"""

import json
from collections import defaultdict
from collections.abc import Iterable

from townsquare.model.errors import TooComplex
from townsquare.store import at, micros
from townsquare.store.conditions import Sql
from townsquare.store.past import SCOPE, Past, Stay, Stays, Window

FOREVER = 1 << 62  # microseconds
MOST = 10_000  # in one answer
# Of a row of history (h) of before a time: a scope that still held then.
HELD = (
    f"h.deleted is null and exists (select 1 from series s where s.id = h.series"
    f" and s.attribute = '{SCOPE}') and not exists (select 1 from history n"
    " where n.series = h.series and n.at < ? and (n.at, n.instance) > (h.at, h.instance))"
)


def ever(of: str, window: Window | None, fits: Sql) -> Sql:
    """Rows h (entity, at, until): when a scope that `fits` held within the window. `of` is a
    condition on series (s) of one entity.
    """
    return _held("", of, window, fits)


def of_each(of: str, window: Window | None, fits: Sql) -> Sql:
    """The same, of series of several entities, in order."""
    found = _held("partition by s.entity", of, window, fits)
    return Sql(f"{found.text} order by entity, at limit {MOST + 1}", found.parameters)


def _held(each: str, of: str, window: Window | None, fits: Sql) -> Sql:
    states = (
        f"select s.entity, h.at, h.json, lead(h.at, 1, {FOREVER}) over"
        f" ({each} order by h.at, h.instance) as until"
        f" from series s join history h on h.series = s.id where s.attribute = '{SCOPE}' and {of}"
    )
    ends = [(window.until, "h.at < ?"), (window.since, "h.until > ?")] if window else []
    within = [(micros(time), test) for time, test in ends if time]
    tests = " and ".join(["h.until > h.at", *(test for _, test in within)])
    text = f"select entity, at, until from ({states}) h where {tests} and ({fits.text})"
    return Sql(text, (*(time for time, _ in within), *fits.parameters))


def by_entity(found: Iterable[tuple[str, int, int]]) -> Stays:
    """Raises TooComplex."""
    stays: defaultdict[str, list[Stay]] = defaultdict(list)
    for number, (entity, since, until) in enumerate(found):
        if number == MOST:
            raise TooComplex(f"scopes changed over {MOST} times; ask for less time or fewer")
        stays[entity].append(Stay(at(since), None if until == FOREVER else at(until)))
    return stays


def times(past: Past, entity: str) -> list[tuple[int, int]] | None:
    """In microseconds; None for all time."""
    if past.stays is None:
        return None
    stays = past.stays.get(entity, ())
    return [(micros(s.since), micros(s.until) if s.until else FOREVER) for s in stays]


def told(past: Past) -> str:
    """As JSON, by entity."""
    return json.dumps({entity: times(past, entity) for entity in past.stays or ()})
