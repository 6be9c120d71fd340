"""Entries of the log in words, those that say the same together, and how many a day. Pure.

Always holds: nothing is left out by putting entries together; each keeps its index, time and ids.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from townsquare.context.ledger import Read
from townsquare.model.declaration import Words
from townsquare.model.texts import found, later
from townsquare.model.town import Town
from townsquare.trust.audit import Record
from townsquare.web.naming import ID, Named

# In words, after "who".
VERBS: Mapping[str, str] = {
    "collection": later("collected"),
    "alteration": later("changed"),
    "consultation": later("looked at"),
    "disclosure": later("handed out"),
    "combination": later("combined"),
    "erasure": later("erased"),
}
MOST_DAYS = 31


@dataclass(frozen=True, slots=True)
class Told:
    """What an entry says. `kept` is what was erased said last, as pairs of what and which."""

    who: str
    by: str
    organisation: str
    verb: str
    what: str
    place: str
    detail: str
    kept: tuple[tuple[str, str], ...]
    purpose: str
    case: str
    room: str
    justification: str
    recipients: str


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of those that say the same. `at` is the town's time."""

    index: int
    at: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class Group:
    """Newest first; all of one minute."""

    told: Told
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """`acts` are numbers by verb, in the order of VERBS."""

    day: date
    total: int
    acts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Language:
    """`named` are names by id, `actor` says who did something, `words` how one speaks of an id."""

    named: Mapping[str, Named]
    actor: Callable[[str], str]
    words: Callable[[str], Words]


def groups(entries: Iterable[Read], language: Language, town: Town) -> list[Group]:
    found: dict[tuple[datetime, Told], list[Line]] = {}
    for one in entries:
        at = town.local(one.record.at)
        key = at.replace(second=0, microsecond=0), told(one.record, language)
        found.setdefault(key, []).append(Line(one.index, at, one.record.subject))
    return [Group(said, tuple(lines)) for (_, said), lines in found.items()]


def told(record: Record, language: Language) -> Told:
    named = language.named[record.subject]
    words = language.words(record.subject).attributes
    kept = _kept(record, words)
    return Told(
        who=language.actor(record.by),
        by=record.by,
        organisation=record.organisation,
        verb=VERBS[record.verb],
        what=named.title or record.subject,
        place=named.place,
        detail="" if kept else _detail(record, words, language),
        kept=kept,
        purpose=record.purpose,
        case=record.case,
        room=record.room,
        justification=record.justification,
        recipients=", ".join(record.recipients),
    )


def _changed(part: str, words: Mapping[str, str]) -> str:
    """Of an attribute its words, and its value where the log tells that."""
    name, _, value = part.partition("=")
    said = found(words.get(name, name))
    return f"{said}: {value}" if value else said


def _detail(record: Record, words: Mapping[str, str], language: Language) -> str:
    """Names of attributes in words; ids that a search asked for as names."""
    if record.verb == "alteration":
        return ", ".join(_changed(part, words) for part in record.detail.split(", "))
    return ID.sub(lambda found: _name(found[0], language), record.detail)


def _name(id: str, language: Language) -> str:
    if id not in language.named:
        return id
    return language.actor(id) if language.named[id].title else id


def _kept(record: Record, words: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    if record.verb != "erasure" or not record.detail.startswith("{"):
        return ()
    last = msgspec.json.decode(record.detail, type=dict[str, object])
    return tuple((found(words.get(name, name)), _text(value)) for name, value in last.items())


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def days(entries: Sequence[Read], town: Town) -> list[Day]:
    """Newest first, at most MOST_DAYS."""
    found: dict[date, Counter[str]] = {}
    for one in entries:
        day = town.local(one.record.at).date()
        found.setdefault(day, Counter())[one.record.verb] += 1
    return [_day(day, found[day]) for day in sorted(found, reverse=True)[:MOST_DAYS]]


def _day(day: date, acts: Counter[str]) -> Day:
    return Day(day, acts.total(), tuple((verb, acts[verb]) for verb in VERBS if acts[verb]))
