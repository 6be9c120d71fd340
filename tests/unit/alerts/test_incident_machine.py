"""Whatever people do to two incidents, in whatever order: none is in an impossible state, and
nothing of their story is lost.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from townsquare.alerts.incidents import acts, procedure
from townsquare.alerts.incidents.incident import Doing, Facts, Incident, change, incident
from townsquare.alerts.incidents.opening import Found, Opening, opened
from townsquare.alerts.incidents.states import ENDED, NEXT
from townsquare.alerts.incidents.timeline import Entry, timeline
from townsquare.context import merge
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, entity
from townsquare.model.errors import Conflict, Invalid

IDS = ("urn:ngsi-ld:Incident:1", "urn:ngsi-ld:Incident:2")
PEOPLE = ("urn:ngsi-ld:Person:anna", "urn:ngsi-ld:Person:ben")
OWNED = {"ASSIGNED", "IN_PROGRESS", "ON_HOLD", "RESOLVED"}
KEPT = [
    {"id": "look", "text": "Look", "mandatory": True}
    | {"branches": [{"answer": "yes"}, {"answer": "no", "then": "note"}]},
    {"id": "act", "text": "Act"},
    {"id": "note", "text": "Note", "mandatory": True},
]
ids, people = st.sampled_from(IDS), st.sampled_from(PEOPLE)
things = st.one_of(
    st.builds(acts.Triage, severity=st.sampled_from(("low", "high"))),
    st.builds(acts.Take),
    st.builds(acts.Assign, to=people),
    st.builds(
        acts.Answer,
        step=st.sampled_from(("look", "act", "note")),
        answer=st.sampled_from(("yes", "no", "done", "skipped")),
        note=st.just("so"),
    ),
    st.builds(acts.Hold, reason=st.just("parts")),
    st.builds(acts.Resolve, outcome=st.just("done")),
    st.builds(acts.Close, cause=st.sampled_from(sorted(acts.CAUSES)), note=st.just("so")),
    st.builds(acts.Reopen, reason=st.just("again")),
)


class Incidents(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        self.now = datetime(2030, 6, 1, tzinfo=UTC)
        self.there: dict[str, Entity] = {}
        self.past: dict[str, dict[str, list[Attribute]]] = {}
        self.said: dict[str, list[tuple[str, object]]] = defaultdict(list)
        book = entity("urn:ngsi-ld:Procedure:1", "Procedure", steps=Attribute(KEPT))
        for id in IDS:
            self.past[id] = defaultdict(list)
            self.keep(opened(id, Opening(name=id), Found(procedure=book), self.doing(PEOPLE[0])))

    def doing(self, by: str) -> Doing:
        self.now += timedelta(seconds=1)
        return Doing(by, self.now)

    def at(self, id: str) -> Incident:
        return incident(self.there[id])

    def keep(self, done: Change) -> None:
        id = done.entity.id
        after = merge.changed(self.there.get(id), done, self.now)
        assert after is not None
        self.there[id] = after
        for name, given in done.entity.attributes.items():
            self.past[id][name] += given
            self.said[id] += [(name, one.value) for one in given]

    def does(self, id: str, facts: Facts) -> None:
        before = self.at(id)
        self.keep(change(before, facts))
        then = self.at(id).state
        leads = {state for (come, _), state in NEXT.items() if come == before.state}
        assert then == before.state or then in leads
        assert before.answers.items() <= self.at(id).answers.items()

    @rule(id=ids, by=people, act=things)
    def act(self, id: str, by: str, act: acts.Act) -> None:
        try:
            facts = act.on(self.at(id), self.doing(by))
        except (Conflict, Invalid):
            return
        self.does(id, facts)

    @rule(id=ids, by=people)
    def comment(self, id: str, by: str) -> None:
        text = f"{len(self.said[id])}"
        self.does(id, acts.Comment(text=text).on(self.at(id), self.doing(by)))

    @rule(id=ids, by=people)
    def merge(self, id: str, by: str) -> None:
        ends, stays, do = self.at(id), self.at(other(id)), self.doing(by)
        try:
            gave = acts.given_up(ends, do, stays.id, "same")
            took = acts.taken_over(stays, do, ends)
        except Conflict:
            return
        self.does(ends.id, gave)
        self.does(stays.id, took)

    @invariant()
    def somebody_has_it_while_it_is_worked_on(self) -> None:
        for id in self.there:
            now = self.at(id)
            if now.state not in ENDED:
                assert bool(now.owner) == (now.state in OWNED)

    @invariant()
    def nothing_mandatory_is_ahead_of_what_is_resolved(self) -> None:
        for id in self.there:
            if self.at(id).state in ("RESOLVED", "CLOSED"):
                assert procedure.missing(self.at(id).steps, self.at(id).answers) is None

    @invariant()
    def what_was_merged_goes_on_somewhere(self) -> None:
        states = {self.at(id).state for id in self.there}
        assert states != {"MERGED"}

    @invariant()
    def the_story_has_all_that_was_done(self) -> None:
        for id in self.there:
            told = self.story(id)
            assert [e.at for e in told] == sorted(e.at for e in told)
            for what in ("state", "comment", "answer", "owner", "cause"):
                mine = [value for name, value in self.said[id] if name == what]
                known = [None if value == "urn:ngsi-ld:null" else value for value in mine]
                assert sorted(map(str, known)) == sorted(
                    str(e.value) for e in told if e.what == what
                )

    def story(self, id: str) -> list[Entry]:
        past = {
            name: tuple(
                one if one.observed_at else Attribute(one.value, deleted_at=self.now)
                for one in given
            )
            for name, given in self.past[id].items()
        }
        return timeline([Entity(id, ("Incident",), past)])


def other(id: str) -> str:
    return IDS[1 - IDS.index(id)]


Incidents.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestIncidents = Incidents.TestCase
