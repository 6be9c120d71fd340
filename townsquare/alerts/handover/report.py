"""What a shift leaves to the next one, and how it is made from entities. Pure.

Always holds: what is open is so at the end of the report's time; what nobody knows is left out or
None and never zero; people stand in it as ids, since their names can be erased.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from townsquare.alerts.incidents import procedure
from townsquare.alerts.incidents.incident import STEP, by, incident
from townsquare.alerts.incidents.states import ENDED
from townsquare.alerts.load.figures import Figure, Load
from townsquare.alerts.notify.staff import OnCall
from townsquare.model.entity import Entity, Json

FIGURES = ("perHour", "mostInTenMinutes", "mostInHour", "timeInFlood")


class OpenAlarm(Struct, frozen=True):
    """`since` it was raised; where it is put aside, `by` whom, `why` and `until` when."""

    id: str
    name: str
    severity: str
    state: str
    source: str
    since: datetime | None = None
    by: str = ""
    why: str = ""
    until: datetime | None = None


class Skipped(Struct, frozen=True):
    step: str
    mandatory: bool
    by: str
    why: str


class Case(Struct, frozen=True):
    """An incident. `last` is the step that was answered last."""

    id: str
    name: str
    severity: str
    state: str
    owner: str
    opened_at: datetime | None
    ended_at: datetime | None = None
    last: str = ""
    skipped: tuple[Skipped, ...] = ()


class Lost(Struct, frozen=True):
    """A source that says nothing."""

    id: str
    name: str
    since: datetime | None
    trouble: str


class Numbers(Struct, frozen=True):
    """The alarm load of the shift."""

    annunciations: int
    acknowledgements: int
    floods: int
    unknown_h: float
    figures: tuple[Figure, ...]


class Report(Struct, frozen=True):
    """`present` are those who were signed in as operators, `acted` who did something in the shift,
    `on_call` who is called at its end. `part`: there is more than stands here.
    """

    since: datetime
    until: datetime
    alarms: tuple[OpenAlarm, ...] = ()
    aside: tuple[OpenAlarm, ...] = ()
    cases: tuple[Case, ...] = ()
    lost: tuple[Lost, ...] = ()
    load: Numbers | None = None
    present: tuple[str, ...] = ()
    acted: tuple[str, ...] = ()
    part: bool = False
    on_call: tuple[OnCall, ...] = ()

    def opened(self) -> list[Case]:
        return [one for one in self.cases if one.opened_at and one.opened_at >= self.since]

    def closed(self) -> list[Case]:
        return [one for one in self.cases if one.ended_at]

    def still_open(self) -> list[Case]:
        return [one for one in self.cases if not one.ended_at]

    def skipped(self) -> list[tuple[Case, Skipped]]:
        """Mandatory steps that were not taken: a supervisor looks at each."""
        return [(case, one) for case in self.cases for one in case.skipped if one.mandatory]


ASIDE = frozenset({"SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"})


def open_alarms(found: Iterable[Entity]) -> tuple[OpenAlarm, ...]:
    """The worst first, and of those the oldest."""
    alarms = [_alarm(one) for one in found]
    return tuple(sorted(alarms, key=lambda one: (_rank(one.severity), str(one.since))))


def _rank(severity: str) -> int:
    order = ("critical", "high", "medium", "low")
    return order.index(severity) if severity in order else len(order)


def _alarm(found: Entity) -> OpenAlarm:
    return OpenAlarm(
        found.id,
        _text(found.value("name")) or found.id,
        _text(found.value("severity")),
        _text(found.value("state")),
        _text(found.value("alertSource")),
        _at(found.value("dateIssued")),
        _text(found.value("suppressedBy")),
        _text(found.value("suppressedWhy")),
        _at(found.value("suppressedUntil")),
    )


def case(found: Entity) -> Case:
    now, state = incident(found), found.get("state")
    answers = sorted(
        found.attributes.get("answer", ()), key=lambda one: str(one.observed_at or one.modified_at)
    )
    texts = {step.id: step for step in now.steps}
    skipped = [
        Skipped(step.text, step.mandatory, by(one), _text(one.sub["note"].value))
        for one in answers
        if one.value == procedure.SKIPPED
        and (step := texts.get(str(one.dataset_id).removeprefix(STEP)))
        and "note" in one.sub
    ]
    last = texts.get(str(answers[-1].dataset_id).removeprefix(STEP)) if answers else None
    return Case(
        now.id,
        now.title,
        now.severity,
        now.state,
        now.owner,
        _at(found.value("openedAt")),
        state.observed_at if state and now.state in ENDED else None,
        f"{last.text}: {answers[-1].value}" if last else "",
        tuple(skipped),
    )


def in_shift(cases: Iterable[Case], since: datetime) -> tuple[Case, ...]:
    """What is open, and what ended since then."""
    return tuple(one for one in cases if one.ended_at is None or one.ended_at >= since)


def lost(cameras: Iterable[Entity], silent: Iterable[Entity]) -> tuple[Lost, ...]:
    """Cameras that fail, and what alarms say of that nothing is heard; each source once."""
    failing = {
        one.id: Lost(
            one.id,
            _text(one.value("cameraName")) or one.id,
            _at(one.value("statusSince")),
            _text(one.value("trouble")),
        )
        for one in cameras
    }
    unheard: dict[str, Lost] = {}
    for one in silent:
        id = _text(one.value("asset")) or _text(one.value("alertSource")) or one.id
        name, since = id.rsplit(":", 1)[-1], _at(one.value("dateIssued"))
        unheard.setdefault(id, Lost(id, name, since, _text(one.value("name"))))
    return tuple({**unheard, **failing}.values())


def acted(alarms: Iterable[Entity], incidents: Iterable[Entity], since: datetime) -> list[str]:
    """Who acknowledged, put aside, or worked on an incident since then."""
    found: dict[str, None] = {}
    for alarm in alarms:
        for deed in ("acknowledged", "suppressed", "reset", "broughtBack"):
            at = _at(alarm.value(f"{deed}At"))
            if at and at >= since and (who := alarm.value(f"{deed}By")):
                found[str(who)] = None
    for one in incidents:
        for instances in one.attributes.values():
            for fact in instances:
                if fact.observed_at and fact.observed_at >= since and (who := by(fact)):
                    found[who] = None
    return list(found)


def numbers(load: Load) -> Numbers:
    return Numbers(
        load.annunciations,
        load.acknowledgements,
        len(load.floods),
        load.unknown_h,
        tuple(load.figure(name) for name in FIGURES),
    )


def _at(text: Json) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
