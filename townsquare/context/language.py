"""The query language `q` (ETSI GS CIM 009, clause 4.9): text into a tree.

Names in the tree are canonical. Whatever the text is, the answer is a tree, Invalid or TooComplex.
"""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import replace

from townsquare.context.query import (
    DEEPEST_LINK,
    MOST_TERMS,
    All,
    Any,
    Condition,
    Linked,
    Term,
    read_pattern,
)
from townsquare.model.errors import Invalid, TooComplex
from townsquare.model.moment import read_moment
from townsquare.store.conditions import Comparison, Literal_, Path, Range

LONGEST = 4_000  # characters
DEEPEST = 16  # parentheses in each other; SQLite's own parser ends at about 30
# What an instance says beside its value; a term of the core context that is no attribute.
MEMBERS = frozenset(
    {"observedAt", "createdAt", "modifiedAt", "expiresAt", "unitCode", "datasetId"}
    | {"valueType", "objectType"}
)
OF_ENTITY = frozenset({"createdAt", "modifiedAt", "expiresAt"})
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*")"""
    r"""|(?P<op>==|!=|>=|<=|!~=|~=|>|<)"""
    r"""|(?P<mark>\.\.|[;|(),\[\]{}])"""
    r"""|(?P<word>[^\s;|(),\[\]{}"=<>!~]+?(?=\.\.)|[^\s;|(),\[\]{}"=<>!~]+)"""
    r"""|(?P<space>\s+)"""
)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_HINT = re.compile(r"([^\W\d]\w*):(?!//)(.+)")
Expand = Callable[[str], str]
Token = tuple[str, str, int]  # its kind, its text, where it begins


class WrongQuery(Invalid):
    def __init__(self, character: int, wrong: str) -> None:
        super().__init__(f"q is wrong at character {character}: {wrong}")
        self.character = character  # from 1


def parse(q: str, expand: Expand = str, expand_values: Collection[str] = ()) -> Condition:
    """`expand` makes names canonical, and the values of the attributes that are named so.

    Raises Invalid with the place, or TooComplex.
    """
    if len(q) > LONGEST:
        raise TooComplex(f"q is longer than {LONGEST} characters")
    return _Parser(q, expand, frozenset(expand_values)).whole()


def read_path(text: str, expand: Expand = str) -> Path:
    """An attribute path by itself: `address[city]`, `temperature.observedAt`, `modifiedAt`."""
    parser = _Parser(text, expand, frozenset())
    path = parser.path()
    parser.end()
    return path


class _Parser:
    """Recursive descent; `|` binds less than `;`, parentheses group."""

    def __init__(self, q: str, expand: Expand, expand_values: frozenset[str]) -> None:
        self.q = q
        self.expand = expand
        self.expand_values = expand_values
        self.tokens = _tokens(q)
        self.at = 0
        self.terms = 0
        self.deep = 0

    def whole(self) -> Condition:
        condition = self.any_of()
        self.end()
        return condition

    def end(self) -> None:
        if self.peek() is not None:
            raise self.wrong("nothing more")

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
        self.count()
        if self.take("("):
            self.deep += 1
            if self.deep > DEEPEST:
                raise TooComplex(f"q has more than {DEEPEST} parentheses in each other")
            inner = self.any_of()
            self.expect(")")
            self.deep -= 1
            return inner
        links, path = self.attribute()
        condition: Condition = self.compared(path)
        for relation, types in reversed(links):
            condition = Linked(relation, condition, types)
        return condition

    def count(self) -> None:
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise TooComplex(f"q has more than {MOST_TERMS} terms")

    # --- left of the comparison

    def attribute(self) -> tuple[list[tuple[Path, tuple[str, ...]]], Path]:
        """The Relationships to follow with the types they lead to, and the path behind them."""
        links: list[tuple[Path, tuple[str, ...]]] = []
        path = self.path()
        while self.take("{"):
            if len(links) == DEEPEST_LINK:
                raise TooComplex(f"q follows more than {DEEPEST_LINK} Relationships")
            links.append((path, self.hint()))
            path = self.path()
        for _ in links:
            self.expect("}")
        return links, path

    def hint(self) -> tuple[str, ...]:
        """`Device:` or `Device,Sensor:` before a linked attribute."""
        begin = self.at
        types: list[str] = []
        while (token := self.peek()) and token[0] == "word":
            self.at += 1
            if found := _HINT.fullmatch(token[1]):
                self.tokens[self.at - 1] = ("word", found[2], token[2] + found.start(2))
                self.at -= 1
                return tuple(self.expand(type) for type in (*types, found[1]))
            types.append(token[1])
            self.count()
            if not self.take(","):
                break
        self.at = begin
        return ()

    def path(self) -> Path:
        place = self.at
        text = self.next("word", "an attribute")
        names = [text] if ":" in text else text.split(".")
        if not all(names):
            self.at = place
            raise self.wrong("an attribute")
        path = self.dotted(names)
        if not self.take("["):
            return path
        inside = tuple(self.next("word", "a name within the value").split("."))
        self.expect("]")
        return replace(path, inside=inside)

    def dotted(self, names: list[str]) -> Path:
        if len(names) == 1 and names[0] in OF_ENTITY:
            return Path("", member=names[0])
        member = names.pop() if len(names) > 1 and names[-1] in MEMBERS else ""
        first, *sub = map(self.expand, names)
        return Path(first, tuple(sub), member=member)

    # --- the comparison, and right of it

    def compared(self, path: Path) -> Term:
        comparison = self.comparison()
        if comparison is None:
            return Term(path)
        if comparison in ("~=", "!~="):
            return Term(path, comparison, (read_pattern(self.pattern()),))
        operands = [self.operand(path)]
        while self.take(","):
            self.count()
            operands.append(self.operand(path))
        several = len(operands) > 1 or isinstance(operands[0], Range)
        if several and comparison not in ("==", "!="):
            self.at -= 1
            raise self.wrong(f"a single value behind {comparison}")
        return Term(path, comparison, tuple(operands), path.attribute in self.expand_values)

    def comparison(self) -> Comparison | None:
        token = self.peek()
        if token is None or token[0] != "op":
            return None
        self.at += 1
        return token[1]  # type: ignore[return-value]  # the token's pattern lists exactly these

    def pattern(self) -> str:
        """In quotes, or as it stands up to the end of the term, with what parentheses it opens."""
        token = self.peek()
        if token is None:
            raise self.wrong("a pattern")
        if token[0] == "string":
            self.at += 1
            return _unquoted(token[1])
        begin, opened, last = token[2], 0, self.at
        while (token := self.peek()) and not (token[1] in (";", "|", ")") and not opened):
            opened += (token[1] == "(") - (token[1] == ")")
            self.at += 1
        if self.at == last:
            raise self.wrong("a pattern")
        token = self.peek()
        return self.q[begin : token[2] if token else len(self.q)]

    def operand(self, path: Path) -> Literal_ | Range:
        place = self.at
        low = self.literal(path)
        if not self.take(".."):
            return low
        high = self.literal(path)
        if isinstance(low, bool) or type(low) is not type(high):
            self.at = place
            raise self.wrong("a range of two numbers, two texts or two times")
        return Range(low, high)

    def literal(self, path: Path) -> Literal_:
        token = self.peek()
        if token is None or token[0] not in ("word", "string"):
            raise self.wrong("a value")
        self.at += 1
        quoted = token[0] == "string"
        text = _unquoted(token[1]) if quoted else token[1]
        if path.attribute in self.expand_values:
            return self.expand(text)
        if quoted and not path.member.endswith("At"):
            return text
        return _value(text)

    # --- tokens

    def peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, mark: str) -> bool:
        token = self.peek()
        found = token is not None and token[1] == mark and token[0] == "mark"
        self.at += found
        return found

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise self.wrong(repr(mark))

    def next(self, kind: str, wanted: str) -> str:
        token = self.peek()
        if token is None or token[0] != kind:
            raise self.wrong(wanted)
        self.at += 1
        return token[1]

    def wrong(self, wanted: str) -> Invalid:
        token = self.peek()
        place = token[2] if token else len(self.q)
        return WrongQuery(place + 1, f"{wanted} expected in {self.q!r}")


def _tokens(q: str) -> list[Token]:
    found, at = [], 0
    while at < len(q):
        match = _TOKEN.match(q, at)
        if not match or match.end() == at:
            raise WrongQuery(at + 1, f"{q[at]!r} has no meaning there")
        if match.lastgroup != "space":
            found.append((str(match.lastgroup), match.group(), at))
        at = match.end()
    return found


def _unquoted(text: str) -> str:
    """A JSON string; a lone backslash stands for itself, as in a pattern."""
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])


def _value(text: str) -> Literal_:
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return float(text)
    return read_moment(text) or text
