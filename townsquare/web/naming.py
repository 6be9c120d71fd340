"""Names of whom and what the log speaks of, as they are now.

Always holds: entities are read with the eyes of who asks, so what is hidden from them, and what is
there no more, is called by what it is and by its id.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from townsquare.context.ledger import SUBJECT, Read
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why
from townsquare.model.declaration import NO_WORDS, Words
from townsquare.model.entity import URN, Entity
from townsquare.model.errors import NotFound
from townsquare.model.texts import later, text
from townsquare.trust.audit import Record
from townsquare.trust.identity.account import PERSON
from townsquare.trust.wording import titled
from townsquare.web.accounts.people import People

# Who acts without an account.
MACHINES: Mapping[str, str] = {
    "anyone": later("Somebody who had not signed in"),
    "machine:administrator": later("A command on the town's own machine"),
    "machine:demo-token": later("A program that tries the demo"),
    "machine:open": later("Somebody in a town without sign-in"),
}
LONGEST_HASH = 12  # characters of a sum, which nobody compares by eye
THE_LOG = later("the log")
ID = re.compile(rf"{URN}[^\s,;]+")


@dataclass(frozen=True, slots=True)
class Named:
    """`place` is where it stands; empty where that is not known."""

    title: str
    place: str = ""


class Naming:
    def __init__(self, people: People, *, demo: bool) -> None:
        self.people = people
        self.broker = people.broker
        self.demo = demo

    async def of(self, entries: Collection[Read], by: Actor, why: Why) -> Mapping[str, Named]:
        """Everyone and everything in these entries, by id."""
        ids = {id for one in entries for id in _ids(one.record)}
        found = await self._read(ids, by, why)
        leading = {id for one in found.values() if (id := self._leads_to(one))}
        beyond = await self._read(leading - found.keys(), by, why)
        return {id: self._named(id, {**found, **beyond}) for id in ids}

    async def _read(self, ids: Collection[str], by: Actor, why: Why) -> Mapping[str, Entity]:
        known = self.broker.policy.types
        types = {type for id in ids if (type := type_of(id)) in known and type != PERSON}
        wanted = sorted(id for id in ids if type_of(id) in types)
        found: dict[str, Entity] = {}
        for first in range(0, len(wanted), MOST):
            asked = tuple(wanted[first : first + MOST])
            page = await self.broker.find(Query(tuple(sorted(types)), asked, limit=MOST), by, why)
            found |= {one.id: one for one in page.entities}
        return found

    def words(self, id: str) -> Words:
        """Of the type of this entity."""
        declared = self.broker.policy.types.get(type_of(id))
        return declared.words if declared else NO_WORDS

    def _leads_to(self, one: Entity) -> str:
        name = one.value(self.words(one.id).named_by)
        return name if isinstance(name, str) and name.startswith(URN) else ""

    def _named(self, id: str, found: Mapping[str, Entity]) -> Named:
        if id == SUBJECT:
            return Named(text(THE_LOG))
        if id in self.broker.policy.types:  # several of them were looked at
            return Named(self._several(id))
        words = self.words(id)
        if type_of(id) == PERSON:
            return Named(_joined(words, self.person(id)))
        one = found.get(id)
        if one is None:
            return Named(text(words.one))
        that = found.get(self._leads_to(one), one)
        name = that.value(self.words(that.id).named_by)
        shown = str(name)[:LONGEST_HASH] if words.named_by == "hash" else name
        return Named(_joined(words, f"“{shown}”" if name else ""), _place(that))

    def _several(self, type: str) -> str:
        title = self.broker.policy.types[type].title
        told = text(title)
        return told if told != title else titled(self.broker.policy, type)

    def person(self, id: str) -> str:
        """As they are called now."""
        with suppress(NotFound):
            one = self.people.of(id)
            if one.kept.name or one.status == "invited":
                return one.kept.name or text("somebody who has not enrolled yet")
        return (
            text("a visitor of the demo") if self.demo else text("somebody whose name was erased")
        )

    def actor(self, id: str, named: Mapping[str, Named]) -> str:
        """Who did it, at the beginning of a sentence."""
        if id in MACHINES:
            return text(MACHINES[id])
        if id.startswith("room:"):
            return text("Townsquare itself ({room})", room=id.removeprefix("room:"))
        name = self.person(id) if type_of(id) == PERSON else named[id].title
        return name[:1].upper() + name[1:] if name else id


def _ids(record: Record) -> Iterator[str]:
    yield from (record.by, record.subject)
    if record.verb in ("consultation", "disclosure"):  # what was searched for
        yield from ID.findall(record.detail)


def type_of(id: str) -> str:
    """As ids of the house say it; nobody else may use those."""
    return id.removeprefix(URN).partition(":")[0] if id.startswith(URN) else ""


# A thing and what it is called by, or leads to, by the word that stands between the two.
JOINED: Mapping[str, str] = {
    "": later("{thing} {name}"),
    "of": later("{thing} of {name}"),
    "at": later("{thing} at {name}"),
    "to": later("{thing} to {name}"),
    "about": later("{thing} about {name}"),
}


def _joined(words: Words, name: str) -> str:
    thing = text(words.one)
    return text(JOINED[words.of], thing=thing, name=name) if thing and name else thing or name


def _place(one: Entity) -> str:
    where = one.value("location")
    if not isinstance(where, dict) or where.get("type") != "Point":
        return ""
    lon, lat = where["coordinates"][:2]
    sides = ("N" if lat >= 0 else "S", "E" if lon >= 0 else "W")
    return f"{abs(lat):.5f}° {sides[0]}, {abs(lon):.5f}° {sides[1]}"
