"""What a room says about each type of entity it owns. The broker and the policy act on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

LIVE = "/live"  # scope of values that are replaced, never kept in history, told to operators only
PUBLISHED = "/published"  # scope of values that anyone may read; closed to change once written


@dataclass(frozen=True, slots=True)
class Words:
    """How people speak of a type. `one` is a single entity, `named_by` the attribute that holds its
    name or leads to what gives it one, `of` a word between the two, `attributes` what those are.
    """

    one: str = ""
    named_by: str = ""
    of: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict, hash=False)


NO_WORDS = Words()


@dataclass(frozen=True, slots=True)
class EntityType:
    """`published` and `secret` name attributes. `readers` are the roles that see the rest,
    `commanders` those that may use the owner's commands. `title` is what citizens read.
    """

    name: str
    owner: str  # the room whose commands are the only way to change it
    readers: frozenset[str]
    commanders: frozenset[str] = field(default_factory=frozenset)
    accountable: bool = False  # every change is appended to the log in the same transaction
    history: bool = True
    retention: timedelta = timedelta(days=90)  # of history; nothing is kept forever by default
    deletable: bool = True
    swept: bool = False  # by its room, once it is over: then the log keeps what it said last
    published: frozenset[str] = field(default_factory=frozenset)
    published_everywhere: bool = False  # also outside the scope /published
    secret: frozenset[str] = field(default_factory=frozenset)
    queried: frozenset[str] = field(default_factory=frozenset)  # whose values are often asked for
    # Whose values, and not only that they changed, the log tells: short ones without commas.
    logged: frozenset[str] = field(default_factory=frozenset)
    title: str = ""
    words: Words = NO_WORDS  # of an accountable type, since the log is about those
