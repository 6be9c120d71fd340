"""The story of an incident, read from what history keeps of it and of its alarms. Pure.

Always holds: nothing is written down for it, so it cannot differ from what was done; each fact that
anybody changed is an entry, in the order in which that happened.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct

from townsquare.alerts.incidents.incident import INCIDENT, LINKS, STEP
from townsquare.model.entity import NULL, Attribute, Entity, Json

PLAIN = ("state", "severity", "owner", "comment", "answer", "cause", "mergedInto")
LISTS = (*LINKS, "merged")
TOLD = (*PLAIN, *LISTS)
RANK = {name: place for place, name in enumerate(("severity", *LISTS, "state", "owner", "answer"))}


class Entry(Struct, frozen=True, omit_defaults=True):
    """`of` is the incident or alarm whose `what` became `value`; of a list, what was added and
    removed.
    """

    at: datetime
    of: str
    what: str
    value: Json = None
    by: str = ""
    note: str = ""
    step: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def timeline(evolved: Iterable[Entity]) -> list[Entry]:
    """Of incidents and alarms with all their instances in time; oldest first."""
    entries = [entry for entity in evolved for entry in _entries(entity)]
    return sorted(entries, key=lambda entry: (entry.at, RANK.get(entry.what, len(RANK))))


def _entries(entity: Entity) -> Iterator[Entry]:
    for name, instances in entity.attributes.items():
        kept = sorted((i for i in instances if when(i)), key=lambda i: when(i) or datetime.max)
        if INCIDENT not in entity.types:
            yield from (_entry(entity, "alarm", i) for i in kept)
        elif name in LISTS:
            yield from _moved(entity, name, kept)
        elif name in PLAIN:
            yield from (_entry(entity, name, i) for i in kept)


def _moved(entity: Entity, name: str, kept: Iterable[Attribute]) -> Iterator[Entry]:
    before: tuple[str, ...] = ()
    for instance in kept:
        now = () if instance.value == NULL else tuple(instance.value)
        added = tuple(id for id in now if id not in before)
        removed = tuple(id for id in before if id not in now)
        entry = _entry(entity, name, instance)
        yield Entry(
            entry.at, entity.id, name, by=entry.by, note=entry.note, added=added, removed=removed
        )
        before = now


def _entry(entity: Entity, what: str, one: Attribute) -> Entry:
    value = None if one.value == NULL else one.value
    at = when(one)
    assert at is not None  # noqa: S101 - the others were left out
    step = str(one.dataset_id).removeprefix(STEP) if what == "answer" else ""
    return Entry(at, entity.id, what, value, _sub(one, "by"), _sub(one, "note"), step)


def when(one: Attribute) -> datetime | None:
    return one.deleted_at or one.observed_at or one.modified_at or one.created_at


def _sub(one: Attribute, name: str) -> str:
    return str(one.sub[name].value) if name in one.sub else ""
