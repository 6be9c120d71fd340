"""Where each key of a TOML text stands, so that a complaint about it can name the line.

The standard library reads TOML without positions. `lines` assumes that it accepted the text,
and therefore tells structure only: it never decides whether a text is valid.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping

# Keys of tables and numbers of array items from the root: ("camera", 0, "lines", 1, "a").
Path = tuple[str | int, ...]

TOKEN = re.compile(
    r'''(?P<text>"""(?:\\.|[^\\])*?""""{0,2}|\'\'\'.*?\'\'\'\'{0,2}|"(?:\\.|[^"\\])*"|'[^']*')'''
    r"""|(?P<comment>\#[^\n]*)|(?P<mark>[\[\]{},=.\n])|(?P<bare>[^\s\[\]{},=.\#"']+)""",
    re.DOTALL,
)
Token = tuple[str, int]  # the token, and the line it starts on, from 1


def lines(text: str) -> Mapping[Path, int]:
    """Line, from 1, of each key, table header and array item."""
    return _Scan(text).found


def tokens(text: str) -> Iterator[Token]:
    line, end = 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", end, match.start())
        end = match.start()
        if match.lastgroup != "comment":
            yield match.group(), line


class _Scan:
    """One pass over the tokens; `at` is the next one."""

    def __init__(self, text: str) -> None:
        self.found: dict[Path, int] = {}
        self._tokens = [*tokens(text), ("\n", text.count("\n") + 1)]
        self._at = 0
        self._items: Counter[Path] = Counter()  # of [[arrays of tables]] so far
        self._document()

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _document(self) -> None:
        table: Path = ()
        while self._at < len(self._tokens):
            if self._peek() == "\n":
                self._next()
            elif self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        _, line = self._next()
        many = self._peek() == "["
        if many:
            self._next()
        table = self._resolved(self._key())
        for _ in range(1 + many):
            self._next()
        self.found.setdefault(table, line)
        if many:
            table = (*table, self._items[table])
            self._items[table[:-1]] += 1
            self.found[table] = line
        return table

    def _resolved(self, key: Path) -> Path:
        """A header that goes through an array of tables means its newest item."""
        path: Path = ()
        for part in key[:-1]:
            path = (*path, part)
            if self._items[path]:
                path = (*path, self._items[path] - 1)
        return (*path, key[-1])

    def _key(self) -> Path:
        parts = [name(self._next()[0])]
        while self._peek() == ".":
            self._next()
            parts.append(name(self._next()[0]))
        return tuple(parts)

    def _pair(self, table: Path) -> None:
        line = self._tokens[self._at][1]
        path = (*table, *self._key())
        for length in range(len(table) + 1, len(path) + 1):
            self.found.setdefault(path[:length], line)
        self._next()  # =
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._peek() == "[":
            self._array(path)
        elif self._peek() == "{":
            self._inline_table(path)
        else:
            while self._peek() not in {"", "\n", ",", "]", "}"}:
                self._next()

    def _array(self, path: Path) -> None:
        self._next()
        count = 0
        while self._peek() != "]":
            if self._peek() in {"\n", ","}:
                self._next()
                continue
            self.found[*path, count] = self._tokens[self._at][1]
            self._value((*path, count))
            count += 1
        self._next()

    def _inline_table(self, path: Path) -> None:
        self._next()
        while self._peek() != "}":
            if self._peek() in {"\n", ","}:
                self._next()
            else:
                self._pair(path)
        self._next()


def name(token: str) -> str:
    """A key as the program sees it: without quotes, escapes resolved."""
    if token[0] not in "\"'":
        return token
    return str(tomllib.loads(f"key = {token}")["key"])
