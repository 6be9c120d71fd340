"""What people write: readable, of some length, and never what would remove it. Pure."""

from townsquare.model.entity import NULL
from townsquare.model.errors import Invalid

LONGEST = 4_000  # characters


def required(text: str, what: str, most: int = LONGEST) -> str:
    """Raises Invalid."""
    if not text.strip():
        raise Invalid(f"{what} is empty; say it in a few words")
    return optional(text, what, most)


def optional(text: str, what: str, most: int = LONGEST) -> str:
    """Raises Invalid."""
    kept = text.strip()
    if len(kept) > most:
        raise Invalid(f"{what} has {len(kept)} characters; {most} is the most")
    if kept == NULL or not all(c.isprintable() or c in "\n\t" for c in kept):
        raise Invalid(f"{what} cannot be read as text: {kept[:40]!r}")
    return kept
