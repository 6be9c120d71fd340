"""`pick`, `omit` and `lang` as text (clauses 4.15 and 4.21)."""

import re
from collections.abc import Callable

from townsquare.context.form.read import read_name
from townsquare.context.form.view import CORE, Members, Projection
from townsquare.context.query import DEEPEST_LINK
from townsquare.model.errors import Invalid, TooComplex

MOST = 200  # names in one parameter
_TOKEN = re.compile(r"\s*([,|{}]|[^\s,|{}]+)\s*")
_RANGE = re.compile(r"(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:\s*;\s*q=([01](?:\.\d{0,3})?))?")
Expand = Callable[[str], str]


def read_projection(pick: str, omit: str, expand: Expand) -> Projection:
    """Raises Invalid or TooComplex."""
    picked = read_members("pick", pick, expand) if pick else None
    omitted = read_members("omit", omit, expand) if omit else None
    if picked and omitted and (both := picked.names.keys() & omitted.names.keys()):
        raise Invalid(f"{min(both)} is both in pick and in omit")
    return Projection(picked, omitted)


def read_members(what: str, text: str, expand: Expand) -> Members:
    """`a,b{c,d}`. Raises Invalid or TooComplex."""
    return _Parser(what, text, expand).whole()


class _Parser:
    def __init__(self, what: str, text: str, expand: Expand) -> None:
        self.what = what
        self.text = text
        self.expand = expand
        self.tokens = _TOKEN.findall(text)
        self.at = 0
        if len(self.tokens) > 2 * MOST:
            raise TooComplex(f"{what} lists more than {MOST}")

    def whole(self) -> Members:
        found = self.members(0)
        if self.at < len(self.tokens):
            raise self.wrong()
        return found

    def members(self, depth: int) -> Members:
        if depth > 2 * DEEPEST_LINK:
            raise Invalid(f"{self.what} reaches deeper than {2 * DEEPEST_LINK} linked entities")
        names: dict[str, Members | None] = {}
        while True:
            name = self.name()
            names[name] = self.members(depth + 1) if self.take("{") else None
            if names[name] is not None and not self.take("}"):
                raise self.wrong()
            if not (self.take(",") or self.take("|")):
                return Members(names)

    def name(self) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at] in ",|{}":
            raise self.wrong()
        self.at += 1
        name = self.tokens[self.at - 1]
        return name if name in CORE else self.expand(read_name(name))

    def take(self, mark: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at] == mark
        self.at += found
        return found

    def wrong(self) -> Invalid:
        there = repr(self.tokens[self.at][:40]) if self.at < len(self.tokens) else "the end"
        return Invalid(f"{self.what}: a name such as a or a{{b,c}} expected before {there}")


def read_languages(text: str) -> tuple[str, ...]:
    """`fr-CH,fr;q=0.9,*;q=0.5`, the preferred one first (RFC 3282). Raises Invalid."""
    ranked = []
    for place, part in enumerate(text.split(",")[: MOST + 1]):
        found = _RANGE.fullmatch(part.strip())
        if not found:
            raise Invalid(f"lang: {part[:80]!r} is no language such as fr, fr-CH or *")
        ranked.append((-float(found[2] or 1), place, found[1]))
    return tuple(tag for weight, _, tag in sorted(ranked) if weight)
