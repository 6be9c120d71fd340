"""Words for people, in the language in which they read.

An English text is its own name: it is what stands where a language does not have it. Places in it
are named in braces, as in "Shelved until {until}".
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Language:
    """`texts` by the English one; counted things by the English plural, and then by category."""

    tag: str  # BCP 47, such as "sr-Latn"
    name: str  # as it calls itself
    texts: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)


ENGLISH = Language("en", "English")
reading: ContextVar[Language] = ContextVar("reading", default=ENGLISH)


def found(english: str) -> str:
    """The text with its places still open."""
    there = reading.get().texts.get(english, english)
    return there if isinstance(there, str) else english


def found_of(n: int, one: str, other: str) -> str:
    """The text for `n` of something, with its places still open."""
    language = reading.get()
    forms = language.texts.get(other)
    if not isinstance(forms, Mapping):
        return one if n == 1 else other
    return forms.get(CATEGORIES[language.tag](n), forms["other"])


def text(english: str, **values: object) -> str:
    """Raises KeyError where a place has no value."""
    return found(english).format(**values)


def text_of(n: int, one: str, other: str, **values: object) -> str:
    """For `n` of something; `{n}` is its place. Raises KeyError where a place has no value."""
    return found_of(n, one, other).format(n=n, **values)


def later(english: str) -> str:
    """Marks what is put into words elsewhere, by `text` of a name that only runs know."""
    return english


def _slavic(n: int) -> str:
    if n % 10 == 1 and n % 100 != 11:
        return "one"
    return "few" if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else "other"


def _germanic(n: int) -> str:
    return "one" if n == 1 else "other"


# Whole numbers in CLDR 46, cardinal rules; without French and Spanish millions.
CATEGORIES: Mapping[str, Callable[[int], str]] = {
    "en": _germanic,
    "de": _germanic,
    "es": _germanic,
    "fr": lambda n: "one" if n < 2 else "other",
    "sr-Latn": _slavic,
}
