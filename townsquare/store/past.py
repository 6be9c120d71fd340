"""What of history is meant, in terms that are no SQL: to be read, or to be taken out.

A store answers across everything that it keeps of the past, wherever it keeps it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

INSTANCE = "urn:ngsi-ld:Instance:"
SCOPE = "scope"  # kept as if it were an attribute of that name
_NUMBERED = re.compile(re.escape(INSTANCE) + r"([0-7][0-9a-f]{15})")

TimeProperty = Literal["observedAt", "createdAt", "modifiedAt", "deletedAt"]


@dataclass(frozen=True, slots=True)
class Window:
    """Instances with this time from `since` on and before `until`; without that time: outside.

    Of an instance, `createdAt` is when it was recorded, `modifiedAt` when it was last corrected
    (or recorded), `deletedAt` when the attribute ended.
    """

    of: TimeProperty = "observedAt"
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Whose:
    """Entities that are seen as `types`, with these of their attributes; None: all but hidden."""

    entities: tuple[str, ...]
    types: tuple[str, ...]
    attributes: frozenset[str] | None = None
    hidden: frozenset[str] = frozenset()


class Stay(NamedTuple):
    """For a time an entity was in a scope that is asked for; until None: it still is."""

    since: datetime
    until: datetime | None


Stays = Mapping[str, Sequence[Stay]]  # of entities, in their order; of one that is not there none


@dataclass(frozen=True, slots=True)
class Past:
    """Instances in time. Their time is that of the window, or where they have none or there is
    no window: observedAt, else createdAt.

    `last` of each attribute of each entity. `most` of all of them, the oldest, but with `last`
    the newest. With `stays` only those whose time lies in one of their entity.
    """

    whose: tuple[Whose, ...]
    window: Window | None = None
    datasets: tuple[str | None, ...] = ()  # none named: all; None is the default one
    instance_id: str = ""  # only that one
    last: int | None = None
    most: int | None = None
    stays: Stays | None = None

    @property
    def of(self) -> TimeProperty:
        return self.window.of if self.window else "observedAt"


@dataclass(frozen=True, slots=True)
class Erase:
    """Instances of one attribute that are taken out for good, as if they had never been there.

    With `instance_id` or `observed` only those; both are not given together. `at` is the time of
    that instance: observedAt, else createdAt.
    """

    entity: str
    attribute: str
    datasets: tuple[str | None, ...] | None = None  # None: of all
    instance_id: str = ""
    at: datetime | None = None
    observed: tuple[datetime, ...] = ()


def instance_id(number: int) -> str:
    """`number` is from 0 and has at most 63 bits; of one attribute no two are the same, and a
    later one is greater, so that what was recorded of one moment keeps its order.
    """
    return f"{INSTANCE}{number:016x}"


def instance_number(id: str) -> int | None:
    """None for what is no instanceId of ours."""
    found = _NUMBERED.fullmatch(id)
    return int(found[1], 16) if found else None


def number_of(id: str) -> int:
    """The number in an id that `instance_id` made."""
    return int(id[len(INSTANCE) :], 16)


class Span(NamedTuple):
    """Times of the first and the last instance."""

    first: datetime
    last: datetime


class Tally(NamedTuple):
    """Of the instances of one attribute and dataset in one period.

    Numbers are plain numbers, truth values (1 and 0) and lengths of arrays. `texts` are the
    least and the greatest string. `kinds` are JSON types ("number", "text", "array", "object",
    "truth") and "relationship".
    """

    entity: str
    attribute: str
    dataset_id: str | None
    period: int  # its place among the periods asked for
    instances: int
    distinct: int
    numbers: int
    total: float
    squares: float
    least: float | None
    greatest: float | None
    texts: tuple[str, str] | None
    kinds: frozenset[str]
