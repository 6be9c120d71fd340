"""What a shift leaves, worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from townsquare.alerts import told
from townsquare.alerts.handover import report, shift
from townsquare.alerts.handover.report import Case, Report, Skipped
from townsquare.model.entity import Attribute, Entity, entity, iso, relationship
from townsquare.model.errors import Invalid

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANNA, BEN = "urn:ngsi-ld:Person:anna", "urn:ngsi-ld:Person:ben"


@pytest.mark.parametrize(
    ("since", "said"),
    [
        (NOON, "0 min"),
        (NOON - timedelta(seconds=119), "1 min"),
        (NOON - 59 * HOUR / 60, "59 min"),
        (NOON - HOUR, "1 h 0 min"),
        (NOON - 47.5 * HOUR, "47 h 30 min"),
        (NOON - 48 * HOUR, "2 days"),
        (NOON + HOUR, "0 min"),
        (None, ""),
    ],
)
def test_age_is_said_as_people_say_it(since: datetime | None, said: str) -> None:
    assert told.age(since, NOON) == said


@pytest.mark.parametrize("hours", ["0", "73", "-1", "8.5", "eight", "٣"])
def test_a_shift_has_whole_hours(hours: str) -> None:
    with pytest.raises(Invalid, match="1 to 72 whole hours"):
        shift.last(hours, NOON)


def test_a_shift_is_eight_hours_unless_somebody_says_otherwise() -> None:
    assert shift.last("", NOON).since == NOON - 8 * HOUR
    assert shift.last("12", NOON).since == NOON - 12 * HOUR
    for since in (NOON, NOON - 73 * HOUR):
        with pytest.raises(Invalid, match="last 72 hours"):
            shift.begun(since, NOON)


def alarm(name: str, severity: str, since: datetime) -> Entity:
    return entity(
        f"urn:ngsi-ld:Alert:{name}",
        "Alert",
        name=Attribute(name),
        severity=Attribute(severity),
        dateIssued=Attribute(iso(since)),
        acknowledgedBy=relationship(BEN),
        acknowledgedAt=Attribute(iso(since)),
    )


def test_the_worst_alarm_is_first_and_of_those_the_oldest() -> None:
    found = report.open_alarms(
        [
            alarm("low", "low", NOON - 9 * HOUR),
            alarm("late", "high", NOON),
            alarm("odd", "strange", NOON - 9 * HOUR),
            alarm("early", "high", NOON - HOUR),
            alarm("worst", "critical", NOON),
        ]
    )
    assert [one.name for one in found] == ["worst", "early", "late", "low", "odd"]


def test_who_did_something_before_the_shift_did_nothing_in_it() -> None:
    alarms = [alarm("a", "low", NOON - HOUR)]
    fact = Attribute("NEW", observed_at=NOON, sub={"by": relationship(ANNA)})
    incident = Entity("urn:ngsi-ld:Incident:1", ("Incident",), {"state": (fact,)})
    assert report.acted(alarms, [incident], NOON - 2 * HOUR) == [BEN, ANNA]
    assert report.acted(alarms, [incident], NOON) == [ANNA]


def test_what_ended_before_the_shift_is_none_of_its_business() -> None:
    def case(name: str, opened: datetime, ended: datetime | None = None) -> Case:
        skipped = (Skipped("Look", mandatory=name == "long", by=ANNA, why="dark"),)
        return Case(name, name, "low", "NEW", "", opened, ended, skipped=skipped)

    early = NOON - 20 * HOUR
    cases = [
        case("long", early),
        case("gone", early, NOON - 10 * HOUR),
        case("closed", early, NOON - HOUR),
        case("fresh", NOON - HOUR),
    ]
    since = NOON - 8 * HOUR
    told = Report(since, NOON, cases=report.in_shift(cases, since))
    assert [one.name for one in told.cases] == ["long", "closed", "fresh"]
    assert [one.name for one in told.opened()] == ["fresh"]
    assert [one.name for one in told.closed()] == ["closed"]
    assert [one.name for one in told.still_open()] == ["long", "fresh"]
    assert [one.name for one, _ in told.skipped()] == ["long"]
