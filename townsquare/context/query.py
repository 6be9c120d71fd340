"""What can be asked of the broker. Names are canonical; nothing here touches data."""

from dataclasses import dataclass
from datetime import datetime

import re2

from townsquare.model.errors import Invalid, TooManyResults
from townsquare.store.conditions import Comparison, Literal_, Near, Path, Range

MOST_TERMS = 64
LIMIT, MOST = 20, 1000  # entities in an answer: by default, at most


@dataclass(frozen=True, slots=True)
class Term:
    """Without `comparison` it asks whether the attribute exists; several operands mean any."""

    path: Path
    comparison: Comparison | None = None
    operands: tuple[Literal_ | Range, ...] = ()


@dataclass(frozen=True, slots=True)
class All:
    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Any:
    terms: tuple["Condition", ...]


Condition = Term | All | Any


@dataclass(frozen=True, slots=True)
class Query:
    types: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    pattern: str = ""
    attributes: tuple[str, ...] = ()  # entities that have one of them
    q: Condition | None = None
    scope: str = ""
    not_scope: str = ""  # not part of the standard: screens leave out what is published
    near: Near | None = None
    limit: int = LIMIT
    offset: int = 0
    count: bool = False

    def __post_init__(self) -> None:
        if self.offset < 0 or self.limit < 0 or (self.limit == 0 and not self.count):
            raise Invalid(
                f"limit {self.limit}, offset {self.offset}: use limit from 1 to {MOST},"
                " or 0 with count=true, and offset from 0"
            )
        if self.limit > MOST:
            raise TooManyResults(f"limit {self.limit} is over {MOST}; ask for less and page on")


@dataclass(frozen=True, slots=True)
class TemporalQuery:
    """History between `after` and `before` by observedAt, or modifiedAt where there is none."""

    query: Query
    attributes: tuple[str, ...] = ()
    after: datetime | None = None
    before: datetime | None = None
    last: int | None = None


def read_pattern(text: str) -> str:
    """Raises Invalid for what is not a regular expression (RE2)."""
    try:
        re2.compile(text, QUIET)
    except re2.error as error:
        raise Invalid(f"{text[:80]!r} is not a regular expression: {error}") from error
    return text


QUIET = re2.Options()
QUIET.log_errors = False
