"""Names inside the small languages of a subscription (clauses 4.17 and 4.21)."""

import re
from collections.abc import Callable

from townsquare.context.choices import Choices, read_choices
from townsquare.model.errors import Invalid

ANY = "*"
KEYWORDS = frozenset({ANY, "id", "type", "scope"})
_NAME = re.compile(r"[^\s;,|(){}]+")


def in_other_words(text: str, rename: Callable[[str], str]) -> str:
    """The text with each name renamed, whatever stands between them."""
    return _NAME.sub(lambda m: m[0] if m[0] in KEYWORDS else rename(m[0]), text)


def read_types(text: str) -> Choices:
    """`(A;B)|C` as ({A, B}, {C}); `*` as one empty set. Raises Invalid or TooComplex."""
    if text.strip() == ANY:
        return (frozenset(),)
    try:
        return read_choices(text)
    except Invalid as error:
        raise type(error)(f"{text[:80]!r} selects no types: {error}") from error
