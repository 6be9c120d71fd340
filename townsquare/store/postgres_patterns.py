"""A regular expression of RE2, which clients write, as one of PostgreSQL with the same matches.

PostgreSQL has its own dialect: there a dot matches the end of a line, `\\b` is a backspace and
`\\w` depends on the language of the database. So each part is said anew, without shorthands.
What cannot be said is refused: Unicode classes (`\\pL`), flags that change on the way, and more
than 255 repetitions. Groups capture nothing, since only whether it matches is asked.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from townsquare.model.errors import TooComplex

MOST_REPEATS = 255
DIGIT, WORD, SPACE = "0-9", "0-9A-Za-z_", "\t\n\f\r "
SETS = {"d": DIGIT, "w": WORD, "s": SPACE}
# ASCII only, as in RE2.
NAMED = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": "\x01-\x7f",
    "blank": "\t ",
    "cntrl": "\x01-\x1f\x7f",
    "digit": DIGIT,
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\t\n\v\f\r ",
    "upper": "A-Z",
    "word": WORD,
    "xdigit": "0-9A-Fa-f",
}
BEFORE, NOT_BEFORE = f"(?<=[{WORD}])", f"(?<![{WORD}])"
AFTER, NOT_AFTER = f"(?=[{WORD}])", f"(?![{WORD}])"
ANCHORS = {
    "A": r"\A",
    "z": r"\Z",
    "b": f"(?:{NOT_BEFORE}{AFTER}|{BEFORE}{NOT_AFTER})",
    "B": f"(?:{BEFORE}{AFTER}|{NOT_BEFORE}{NOT_AFTER})",
}
CONTROLS = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
FLAGS = re.compile(r"\(\?([imsU]+)\)")
TOKEN = re.compile(
    r"""\\Q(?P<quoted>.*?)(?:\\E|\Z)
    | \\x\{(?P<long>[0-9A-Fa-f]+)\} | \\x(?P<hex>[0-9A-Fa-f]{2}) | \\(?P<octal>[0-7]{2,3}|0)
    | \\(?P<escape>.)
    | (?P<named>\(\?P?<\w+>) | (?P<group>\(\?:) | (?P<flags>\(\?) | (?P<open>\()
    | (?P<set>\[\^?\]?) | (?P<dot>\.) | (?P<repeat>\{\d+(?:,\d*)?\}) | (?P<sign>[|)*+?^$])
    | (?P<letter>.)""",
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=256)
def translated(pattern: str) -> str:
    """Of what RE2 accepts. Raises TooComplex for what PostgreSQL cannot say."""
    flags = FLAGS.match(pattern)
    said = flags[1] if flags else ""
    rest = pattern[flags.end() :] if flags else pattern
    # PostgreSQL calls it `w` when ^ and $ match at lines and nothing else changes.
    options = ("i" if "i" in said else "") + ("w" if "m" in said else "")
    return (f"(?{options})" if options else "") + "".join(_parts(rest, dot_all="s" in said))


def _parts(pattern: str, *, dot_all: bool) -> Iterator[str]:
    place = 0
    while token := TOKEN.match(pattern, place):
        kind, place = str(token.lastgroup), token.end()
        if kind == "set":
            text, place = _set(pattern, token.start())
            yield text
        elif kind == "dot":
            yield "." if dot_all else "[^\n]"
        else:
            yield SAYS[kind](token[kind])


def _escape(letter: str) -> str:
    if letter in ANCHORS:
        return ANCHORS[letter]
    if letter.lower() in SETS:
        return f"[{'^' if letter.isupper() else ''}{SETS[letter.lower()]}]"
    return _letter(_plain(letter))


def _plain(letter: str) -> str:
    """The letter that an escape stands for."""
    if letter in CONTROLS:
        return CONTROLS[letter]
    if letter.isalnum():
        raise _beyond(f"\\{letter}")
    return letter


def _repeat(text: str) -> str:
    if any(int(number) > MOST_REPEATS for number in re.findall(r"\d+", text)):
        raise _beyond(text)
    return text


def _letter(letter: str) -> str:
    return letter if letter.isalnum() or not letter.isascii() else f"\\{letter}"


def _code(digits: str, base: int) -> str:
    return _letter(chr(int(digits, base)))


def _flags(text: str) -> str:
    raise _beyond(text)


def _same(text: str) -> str:
    return text


SAYS: dict[str, Callable[[str], str]] = {
    "quoted": lambda text: "".join(map(_letter, text)),
    "long": lambda digits: _code(digits, 16),
    "hex": lambda digits: _code(digits, 16),
    "octal": lambda digits: _code(digits, 8),
    "escape": _escape,
    "named": lambda _: "(?:",
    "group": _same,
    "flags": _flags,
    "open": lambda _: "(?:",
    "repeat": _repeat,
    "sign": _same,
    "letter": _letter,
}

CLASS = re.compile(r"\[:(?P<named>\^?\w+):\]|\\(?P<short>[dws])")
LETTER = re.compile(
    r"""\\x\{(?P<long>[0-9A-Fa-f]+)\} | \\x(?P<hex>[0-9A-Fa-f]{2}) | \\(?P<octal>[0-7]{1,3})
    | \\(?P<escape>.) | (?P<letter>.)""",
    re.VERBOSE | re.DOTALL,
)


def _set(pattern: str, start: int) -> tuple[str, int]:
    """`[...]` from `start`, and where it ends. A `]` that comes first is a letter."""
    place = start + 1
    negated = "^" if pattern[place] == "^" else ""
    first = place = place + len(negated)
    said = []
    while place == first or pattern[place] != "]":
        text, place = _member(pattern, place)
        said.append(text)
    return f"[{negated}{''.join(said)}]", place + 1


def _member(pattern: str, place: int) -> tuple[str, int]:
    if found := CLASS.match(pattern, place):
        named = found["named"]
        if named and named not in NAMED:
            raise _beyond(named)
        return (NAMED[named] if named else SETS[found["short"]]), found.end()
    low, place = _one(pattern, place)
    if pattern[place] == "-" and pattern[place + 1] != "]":
        high, place = _one(pattern, place + 1)
        return f"{low}-{high}", place
    return low, place


def _one(pattern: str, place: int) -> tuple[str, int]:
    found = LETTER.match(pattern, place)
    if found is None:
        raise _beyond(pattern[place:])
    kind = str(found.lastgroup)
    text = _letter(_plain(found[kind])) if kind == "escape" else SAYS[kind](found[kind])
    return text, found.end()


def _beyond(text: str) -> TooComplex:
    return TooComplex(f"{text[:40]!r} in a pattern is more than this database can say")
