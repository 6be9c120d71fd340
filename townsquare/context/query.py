"""What can be asked of the broker, and a page of what it finds. Names are canonical."""

from collections.abc import Iterator
from dataclasses import dataclass

import re2
from msgspec import Struct

from townsquare.context.choices import read_scopes
from townsquare.model.entity import Entity
from townsquare.model.errors import Invalid, TooComplex, TooManyResults
from townsquare.store.conditions import Comparison, Literal_, Near, Range
from townsquare.store.conditions import Order as Order  # rooms name these two
from townsquare.store.conditions import Path as Path

MOST_TERMS = 64
LONGEST_PATTERN = 4_000  # characters, as of q
DEEPEST_LINK = 10  # entities that are linked from one another, in one query
LIMIT, MOST = 20, 1000  # entities in an answer: by default, at most


@dataclass(frozen=True, slots=True)
class Term:
    """Without `comparison` it asks whether the attribute exists; several operands mean any."""

    path: Path
    comparison: Comparison | None = None
    operands: tuple[Literal_ | Range, ...] = ()
    words: bool = False  # the operands are names of a vocabulary, and canonical


@dataclass(frozen=True, slots=True)
class Linked:
    """An entity that the Relationship at `path` leads to fulfils the condition: `a{b}>1`."""

    path: Path
    condition: "Condition"
    types: tuple[str, ...] = ()  # one of which it has, where some are named


@dataclass(frozen=True, slots=True)
class All:
    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Any:
    terms: tuple["Condition", ...]


Condition = Term | Linked | All | Any


def leaves(q: Condition) -> Iterator[Term | Linked]:
    if isinstance(q, All | Any):
        for term in q.terms:
            yield from leaves(term)
    else:
        yield q


def depth(q: Condition) -> int:
    """How many entities away the farthest condition is."""
    return max(1 + depth(leaf.condition) if isinstance(leaf, Linked) else 0 for leaf in leaves(q))


@dataclass(frozen=True, slots=True)
class Selector:
    """Some entities: by type, and by id or by a pattern of it."""

    types: tuple[str | frozenset[str], ...]
    ids: tuple[str, ...] = ()
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    types: tuple[str | frozenset[str], ...] = ()  # any of them; all of a set
    ids: tuple[str, ...] = ()
    pattern: str = ""
    attributes: tuple[str, ...] = ()  # entities that have one of them
    q: Condition | None = None
    scope: str = ""  # in the language of scopeQ
    not_scope: str = ""  # not part of the standard: screens leave out what is published
    near: Near | None = None
    selectors: tuple[Selector, ...] = ()  # entities of one of them; `types` has all their types
    order: tuple[Order, ...] = ()
    limit: int = LIMIT
    offset: int = 0
    count: bool = False

    def __post_init__(self) -> None:
        if self.scope:
            read_scopes(self.scope)
        if self.offset < 0 or self.limit < 0 or (self.limit == 0 and not self.count):
            raise Invalid(
                f"limit {self.limit}, offset {self.offset}: use limit from 1 to {MOST},"
                " or 0 with count=true, and offset from 0"
            )
        if self.limit > MOST:
            raise TooManyResults(f"limit {self.limit} is over {MOST}; ask for less and page on")


def read_pattern(text: str) -> str:
    """Raises Invalid for what is not a regular expression (RE2), and TooComplex."""
    if len(text) > LONGEST_PATTERN:
        raise TooComplex(f"a pattern has at most {LONGEST_PATTERN} characters")
    try:
        re2.compile(text, QUIET)
    except re2.error as error:
        raise Invalid(f"{text[:80]!r} is not a regular expression: {error}") from error
    return text


QUIET = re2.Options()
QUIET.log_errors = False


class Page(Struct, frozen=True):
    entities: list[Entity]
    count: int | None  # of all that match, where it was asked for
    more: bool = False  # there is a next page
