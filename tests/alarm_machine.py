"""Whatever the rules find, operators do and time brings, in whatever order: no alarm whose cause
lasts is lost, none is in an impossible state, and nobody overwrites anybody.

Operators act on an alarm as they last looked at it, which may be long ago. What is kept is what
the broker's own merge makes of the changes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from townsquare.alerts import alert, commands
from townsquare.alerts.alert import facts
from townsquare.alerts.commands import SHIFT, Deed, Shelf
from townsquare.alerts.flood import changes
from townsquare.alerts.flood.alarm import alarm
from townsquare.alerts.flood.silence import may_be_silenced
from townsquare.alerts.lifecycle import state
from townsquare.alerts.shelves import Shelves, shelved_until
from townsquare.alerts.sight import Ended, Finding, Raised
from townsquare.context import merge
from townsquare.model.actor import Actor
from townsquare.model.change import Change
from townsquare.model.entity import Entity
from townsquare.model.errors import Conflict, Denied
from townsquare.model.rule import Rule

PLAIN, LATCHING = "urn:ngsi-ld:Alert:plain", "urn:ngsi-ld:Alert:latching"
RULES = {
    PLAIN: Rule("plain", "Plain", "Tank", "level", 10, 6),
    LATCHING: Rule("latching", "Latching", "Tank", "level", 10, 6, latching=True),
}
BOX = "urn:ngsi-ld:Alert:dead:box"
SOURCE = Entity("urn:ngsi-ld:Tank:1", ("Tank",))
PEOPLE = tuple(
    Actor(f"urn:ngsi-ld:Person:{name}", "person", roles=frozenset({"operator"}))
    for name in ("anna", "ben")
)
Act = Callable[[Entity], Change]
ids, people = st.sampled_from(sorted(RULES)), st.sampled_from(PEOPLE)


@dataclass
class Truth:
    """What is so, told from what happened alone."""

    lasts: bool = False
    called: int = 0  # times that an operator was called
    times: int = 0  # that its cause began, but for what latched and was not reset
    taken: bool = True  # somebody acknowledged what was called for last
    latched: bool = False
    aside: str = ""  # "shelved", "design", or who took it out of service
    until: datetime | None = None
    once: bool = False

    def back(self) -> None:
        """It is not put aside any more."""
        self.aside, self.until, self.once = "", None, False
        self.taken = not self.lasts
        self.called += self.lasts


class Alarms(RuleBasedStateMachine):
    steps: ClassVar[int] = 0

    @initialize()
    def open(self) -> None:
        self.now = datetime(2030, 6, 1, tzinfo=UTC)
        self.there: dict[str, Entity] = {}
        self.seen: dict[tuple[str, str], Entity] = {}
        self.truth = {id: Truth() for id in RULES}
        self.calls = dict.fromkeys(RULES, 0)
        self.shelves = Shelves([])
        self.seq = 0
        self.box_is_dead = False
        for id in RULES:
            self.find(Raised(id, RULES[id], SOURCE, 12, self.now, 0))
            self.begins(self.truth[id], id)
            for by in PEOPLE:
                self.look(id, by)

    def keep(self, change: Change) -> None:
        """Raises Conflict where it was computed from what is no more."""
        id = change.entity.id
        before = self.there.get(id)
        after = merge.changed(before, change, self.now)
        assert after is not None
        self.there[id] = after
        self.shelves.see(after)
        called = after.value("state") == "UNACK"
        self.calls[id] += called and not (before and before.value("state") == "UNACK")

    def find(self, finding: Finding) -> None:
        present = self.there.get(finding.alert)
        change, then = alert.followed(finding, alert.standing(present))
        newcomer = alarm(changes.kept(present, change, self.now))
        if self.box_is_dead and isinstance(finding, Raised) and may_be_silenced(newcomer):
            change = changes.silenced(present, change, BOX, self.now, "the box is dead")
        elif isinstance(finding, Ended) and present and then.facts.suppression == "byDesign":
            change = changes.ended(present, change, self.now)
        self.keep(change)

    def begins(self, truth: Truth, id: str) -> None:
        same = truth.latched and truth.taken
        truth.lasts, truth.latched = True, id == LATCHING
        truth.times += not same
        if not same:
            truth.taken = False
            if self.box_is_dead and not truth.aside:
                truth.aside = "design"
            truth.called += not truth.aside

    # --- what happens

    @rule(id=ids)
    def turn(self, id: str) -> None:
        """Its cause begins or ends."""
        truth = self.truth[id]
        self.seq += 1
        if truth.lasts:
            self.find(Ended(id, self.now, self.seq))
            truth.lasts = False
            if truth.once or truth.aside == "design":
                truth.back()
        else:
            self.find(Raised(id, RULES[id], SOURCE, 12, self.now, self.seq))
            self.begins(truth, id)

    @rule(hours=st.sampled_from((0, 1, 9)))
    def pass_time(self, hours: int) -> None:
        self.now += timedelta(hours=hours, seconds=1)
        for id in self.shelves.over(self.now):
            self.keep(commands.expired(self.there[id], self.now))
            self.truth[id].back()
        for truth in self.truth.values():
            assert truth.until is None or truth.until > self.now, "its shelf should be over"

    @rule()
    def box(self) -> None:
        """What both hang on dies, or is back."""
        self.box_is_dead = not self.box_is_dead
        for id, truth in self.truth.items():
            if self.box_is_dead and may_be_silenced(alarm(self.there[id])):
                assert truth.lasts
                self.keep(changes.hushed(self.there[id], BOX, self.now, "the box is dead"))
                truth.aside = "design"
            elif not self.box_is_dead and truth.aside == "design":
                self.keep(changes.released(self.there[id], self.now))
                truth.back()

    @rule(id=ids, by=people)
    def look(self, id: str, by: Actor) -> None:
        self.seen[id, by.id] = self.there[id]

    # --- what operators do, who may not know the latest

    def deed(self, by: Actor) -> Deed:
        return Deed(by, self.now, "because")

    @rule(id=ids, by=people)
    def acknowledge(self, id: str, by: Actor) -> None:
        """As the door does it: at what is there now, if it is the occurrence that was seen."""
        truth, seen = self.truth[id], self.seen[id, by.id].value("count")
        possible = not truth.aside and not truth.taken and seen == truth.times
        try:
            self.keep(commands.acknowledged(self.there[id], self.deed(by), int(seen)))
        except Conflict:
            assert not possible
            return
        assert possible
        truth.taken = True

    @rule(id=ids, by=people)
    def reset(self, id: str, by: Actor) -> None:
        truth = self.truth[id]
        possible = truth.latched and truth.taken and not truth.lasts and not truth.aside
        if self.does(id, by, lambda seen: commands.reset(seen, self.deed(by)), possible):
            truth.latched = False

    @rule(id=ids, by=people, hours=st.sampled_from((None, 1, 8)), once=st.booleans())
    def shelve(self, id: str, by: Actor, hours: int | None, once: bool) -> None:
        truth = self.truth[id]
        until = None if hours is None else self.now + timedelta(hours=hours)
        shelf = Shelf(until, once)
        possible = not truth.aside
        if self.does(id, by, lambda seen: commands.shelved(seen, self.deed(by), shelf), possible):
            truth.aside, truth.until, truth.once = "shelved", until or self.now + SHIFT, once

    @rule(id=ids, by=people)
    def unshelve(self, id: str, by: Actor) -> None:
        possible = self.truth[id].aside == "shelved"
        if self.does(id, by, lambda seen: commands.unshelved(seen, self.deed(by)), possible):
            self.truth[id].back()

    @rule(id=ids, by=people)
    def take_out(self, id: str, by: Actor) -> None:
        truth = self.truth[id]
        possible = truth.aside in ("", "shelved", "design")
        if self.does(id, by, lambda seen: commands.taken_out(seen, self.deed(by)), possible):
            truth.aside, truth.until, truth.once = by.id, None, False

    @rule(id=ids, by=people)
    def return_it(self, id: str, by: Actor) -> None:
        possible = self.truth[id].aside not in ("", "shelved", "design", by.id)
        if self.does(id, by, lambda seen: commands.returned(seen, self.deed(by)), possible):
            self.truth[id].back()

    def does(self, id: str, by: Actor, act: Act, possible: bool) -> bool:
        """Was it done? What was computed from an older sight never is."""
        latest = self.seen[id, by.id].version == self.there[id].version
        try:
            self.keep(act(self.seen[id, by.id]))
        except (Conflict, Denied):
            assert not (possible and latest)
            return False
        assert possible
        assert latest
        return True

    # --- what always holds

    @invariant()
    def every_alarm_is_as_what_happened_says(self) -> None:
        type(self).steps += 1
        for id, truth in self.truth.items():
            is_so = facts(self.there[id])
            assert (is_so.active, is_so.acked) == (truth.lasts, truth.taken)
            assert is_so.latched == truth.latched
            assert self.there[id].value("count") == truth.times
            assert self.calls[id] == truth.called, "an operator is called once, and in time"

    @invariant()
    def what_lasts_is_in_the_queue_or_somebody_says_why_not(self) -> None:
        for id, truth in self.truth.items():
            present = self.there[id]
            shown = present.value("state")
            assert shown == state(facts(present))
            if truth.lasts and not truth.aside:
                assert shown == ("ACKED" if truth.taken else "UNACK")
            given = [present.value(f"suppressed{n}") is not None for n in ("By", "At", "Why")]
            assert given == [bool(truth.aside)] * 3
            assert shelved_until(present) == truth.until
