"""The query language `q` (ETSI GS CIM 009, clause 4.9): text into a tree.

Names in the tree are canonical.
"""

import re
from collections.abc import Callable

from townsquare.context.query import MOST_TERMS, All, Any, Condition, Term, read_pattern
from townsquare.model.errors import Invalid, TooComplex
from townsquare.store.conditions import Comparison, Literal_, Path, Range

_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*")"""
    r"""|(?P<op>==|!=|>=|<=|!~=|~=|>|<)"""
    r"""|(?P<mark>\.\.|[;|(),\[\]])"""
    r"""|(?P<word>[^\s;|(),\[\]"=<>!~]+?(?=\.\.)|[^\s;|(),\[\]"=<>!~]+)"""
)
Expand = Callable[[str], str]


def parse(q: str, expand: Expand = str) -> Condition:
    """`expand` makes names canonical. Raises Invalid with the place, or TooComplex."""
    return _Parser(q, expand).whole()


class _Parser:
    """Recursive descent; `|` binds less than `;`, parentheses group."""

    def __init__(self, q: str, expand: Expand) -> None:
        self.q = q
        self.expand = expand
        self.tokens = list(_tokens(q))
        self.at = 0
        self.terms = 0

    def whole(self) -> Condition:
        condition = self.any_of()
        if self.peek() is not None:
            raise self.wrong("nothing more")
        return condition

    def any_of(self) -> Condition:
        terms = [self.all_of()]
        while self.take("|"):
            terms.append(self.all_of())
        return terms[0] if len(terms) == 1 else Any(tuple(terms))

    def all_of(self) -> Condition:
        terms = [self.term()]
        while self.take(";"):
            terms.append(self.term())
        return terms[0] if len(terms) == 1 else All(tuple(terms))

    def term(self) -> Condition:
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise TooComplex(f"q has more than {MOST_TERMS} terms")
        if self.take("("):
            inner = self.any_of()
            self.expect(")")
            return inner
        path = self.path()
        comparison = self.comparison()
        if comparison is None:
            return Term(path)
        operands = [self.operand()]
        while self.take(","):
            operands.append(self.operand())
        self.terms += len(operands) - 1
        if self.terms > MOST_TERMS:
            raise TooComplex(f"q has more than {MOST_TERMS} terms")
        if comparison in ("~=", "!~="):
            for operand in operands:
                read_pattern(str(operand))
        return Term(path, comparison, tuple(operands))

    def path(self) -> Path:
        kind, text = self.next("word", "an attribute")
        names = [text] if ":" in text else text.split(".")
        if kind != "word" or not all(names):
            raise self.wrong("an attribute")
        inside: tuple[str, ...] = ()
        if self.take("["):
            inside = tuple(self.next("word", "a name within the value")[1].split("."))
            self.expect("]")
        return Path(self.expand(names[0]), tuple(map(self.expand, names[1:])), inside)

    def comparison(self) -> Comparison | None:
        token = self.peek()
        if token is None or token[0] != "op":
            return None
        self.at += 1
        return token[1]  # type: ignore[return-value]  # the token's pattern lists exactly these

    def operand(self) -> Literal_ | Range:
        low = self.literal()
        return Range(low, self.literal()) if self.take("..") else low

    def literal(self) -> Literal_:
        token = self.peek()
        if token is None or token[0] not in ("word", "string"):
            raise self.wrong("a value")
        self.at += 1
        return _value(*token[:2])

    def peek(self) -> tuple[str, str, int] | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, mark: str) -> bool:
        token = self.peek()
        found = token is not None and token[1] == mark and token[0] == "mark"
        self.at += found
        return found

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise self.wrong(repr(mark))

    def next(self, kind: str, wanted: str) -> tuple[str, str]:
        token = self.peek()
        if token is None or token[0] != kind:
            raise self.wrong(wanted)
        self.at += 1
        return token[0], token[1]

    def wrong(self, wanted: str) -> Invalid:
        token = self.peek()
        place = token[2] if token else len(self.q)
        return Invalid(f"q is wrong at character {place + 1}: {wanted} expected in {self.q!r}")


def _tokens(q: str) -> list[tuple[str, str, int]]:
    found, at = [], 0
    while at < len(q):
        match = _TOKEN.match(q, at)
        if not match or match.end() == at:
            raise Invalid(f"q is wrong at character {at + 1}: {q[at]!r} has no meaning there")
        found.append((str(match.lastgroup), match.group(), at))
        at = match.end()
    return found


def _value(kind: str, text: str) -> Literal_:
    if kind == "string":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    return number if number == number and abs(number) != float("inf") else text
