"""The small language of types and scopes (ETSI GS CIM 009, clauses 4.17 and 4.19).

`(A;B)|C` chooses what has both A and B, or C: any of several sets, all of one of them.
"""

import re
from collections.abc import Collection
from functools import lru_cache

from townsquare.model.errors import Invalid, TooComplex

Choices = tuple[frozenset[str], ...]
MOST = 64
LONGEST = 20_000  # characters
_TOKEN = re.compile(r"\s*([;,|()]|[^\s;,|()]+)\s*")
_SCOPE = re.compile(r"/#|(/(\+|[^\W\d][\w-]*))+(/#)?")


@lru_cache(maxsize=1024)
def read_choices(text: str) -> Choices:
    """Raises Invalid or TooComplex."""
    if len(text) > LONGEST:
        raise TooComplex(f"types and scopes are told in at most {LONGEST} characters")
    return _Parser(text).whole()


@lru_cache(maxsize=1024)
def read_scopes(text: str) -> Choices:
    """Of a `scopeQ`. Raises Invalid or TooComplex."""
    found = read_choices(text)
    for scope in frozenset().union(*found):
        if not _SCOPE.fullmatch(scope):
            raise Invalid(f"scopeQ: {scope[:80]!r} is no scope such as /Madrid/+ or /Madrid/#")
    return found


def chosen(choices: Choices, names: Collection[str]) -> bool:
    return any(choice <= frozenset(names) for choice in choices)


class _Parser:
    """Recursive descent; `|` and `,` bind less than `;`, parentheses group."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _TOKEN.findall(text)
        self.at = 0
        self.depth = 0

    def whole(self) -> Choices:
        found = self.any_of()
        if self.at < len(self.tokens):
            raise self.wrong()
        return tuple(dict.fromkeys(found))

    def any_of(self) -> Choices:
        found = self.all_of()
        while self.take("|") or self.take(","):
            found = self.bounded(found + self.all_of())
        return found

    def all_of(self) -> Choices:
        found = self.one()
        while self.take(";"):
            more = self.one()
            found = self.bounded(tuple(a | b for a in found for b in more))
        return found

    def one(self) -> Choices:
        if self.take("("):
            self.depth += 1
            if self.depth > MOST:
                raise TooComplex(f"more than {MOST} parentheses in each other")
            found = self.any_of()
            if not self.take(")"):
                raise self.wrong()
            self.depth -= 1
            return found
        if self.at >= len(self.tokens) or self.tokens[self.at] in ";,|()":
            raise self.wrong()
        self.at += 1
        return (frozenset({self.tokens[self.at - 1]}),)

    def take(self, mark: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at] == mark
        self.at += found
        return found

    def bounded(self, found: Choices) -> Choices:
        if len(found) > MOST:
            raise TooComplex(f"more than {MOST} choices; ask for fewer at once")
        return found

    def wrong(self) -> Invalid:
        there = repr(self.tokens[self.at][:40]) if self.at < len(self.tokens) else "the end"
        return Invalid(f"a name, a set such as (A;B) or a list expected before {there}")
