"""What goes on in a zone, told once it has lasted and once it is over. All by hand, 5 pictures a
second, on a picture where 10 pixels are a metre.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from townsquare.model.camera import (
    Crowding,
    GroundPoint,
    Intrusion,
    Line,
    Point,
    Queue,
    RoadUser,
    StoppedVehicle,
    WrongWay,
    Zone,
)
from townsquare.model.errors import Invalid
from townsquare.vision.events.spell import Spell, Turn, clear_s, next_spell
from townsquare.vision.events.zone import Happening, Shown, Watching, next_watching
from townsquare.vision.ground import Ground, calibrated
from townsquare.vision.track import Track
from townsquare.vision.trails import Trails, followed

CORNERS = [(0, 0), (600, 0), (600, 600), (0, 600)]
PLAN = calibrated([GroundPoint((x, y), (x / 10, y / 10)) for x, y in CORNERS])
LANE = Zone("lane", ((0, 0), (600, 0), (600, 100), (0, 100)))
KINDS = ("person", "bicycle", "motorcycle", "car", "bus", "truck", "tram")
PER_S = 5

There = Mapping[int, tuple[RoadUser, Point]]  # by number of the track: class and foot


def turns(holds: Callable[[float], bool], until_s: float, after_s: float) -> list[Turn]:
    spell: Spell | None = None
    told = []
    for n in range(round(until_s * PER_S)):
        spell, turn = next_spell(spell, holds(n / PER_S), n / PER_S, after_s)
        told += [turn] if turn else []
    return told


def test_a_condition_is_told_when_it_has_lasted_and_when_it_is_over() -> None:
    began, over = turns(lambda at_s: 10 <= at_s < 40, 60, after_s=20)
    assert (began.since_s, began.until_s) == (10, None)
    assert began.confidence == pytest.approx(1)
    assert over.until_s == pytest.approx(39.8)


def test_what_does_not_last_is_not_told() -> None:
    assert turns(lambda at_s: 10 <= at_s < 25, 60, after_s=20) == []


def test_a_gap_costs_confidence() -> None:
    [began] = turns(lambda at_s: not 8 <= at_s < 10, 21, after_s=20)
    assert began.since_s == 0
    assert began.confidence == pytest.approx(0.9, abs=0.03)


def test_what_holds_half_of_the_time_is_not_told() -> None:
    assert turns(lambda at_s: at_s % 4 < 2, 120, after_s=20) == []


def test_what_wavers_when_it_ends_is_told_once() -> None:
    assert len(turns(lambda at_s: at_s < 30 or 30 < at_s % 40 < 35, 300, after_s=20)) == 2


def test_time_without_pictures_is_not_time_in_which_it_held() -> None:
    spell, _ = next_spell(None, True, 0, 60)
    spell, turn = next_spell(spell, True, 70, 60)
    assert turn is None
    assert spell is not None
    assert spell.share < 0.1


@pytest.mark.parametrize(("after_s", "expected"), [(0, 2), (10, 5), (60, 10), (3600, 10)])
def test_the_end_waits(after_s: float, expected: float) -> None:
    assert clear_s(after_s) == expected


def told(
    zone: Zone,
    there: Callable[[float], There],
    until_s: float,
    ground: Ground | None = None,
    lines: tuple[Line, ...] = (),
    clock: Callable[[float], str] = lambda _: "12:00",
) -> list[Happening]:
    """What is told of a zone while these road users are there."""
    watching, found = Watching(), []
    trails: Trails = {}
    for n in range(round(until_s * PER_S)):
        at_s = n / PER_S
        tracks = [track(number, of, foot, at_s) for number, (of, foot) in there(at_s).items()]
        trails = followed(trails, tracks, at_s, ground)
        watching, new = next_watching(
            watching, zone, Shown(at_s, trails, lines, ground, clock(at_s))
        )
        found += new
    return found


def track(number: int, of: RoadUser, foot: Point, at_s: float) -> Track:
    """A box of 40 pixels on a side above its foot."""
    x, y = foot
    votes = tuple(float(kind == of) for kind in KINDS)
    return Track(number, (x - 20, y - 40, x + 20, y), (0, 0), at_s, 9, votes, foot, at_s, at_s - 9)


def came(at_s: float, x: float = 300, number: int = 1) -> There:
    """A car that comes from the left at 10 m/s, and stands at x from then on."""
    return {number: ("car", (min(at_s * 100, x), 50))}


STOPPED = replace(LANE, stopped_vehicle=StoppedVehicle(after_s=10))


@pytest.mark.parametrize("ground", [None, PLAN])
def test_a_vehicle_that_came_and_stands_is_told_once(ground: Ground | None) -> None:
    [began] = told(STOPPED, came, 60, ground)
    assert (began.zone, began.what, began.until_s) == ("lane", "stoppedVehicle", None)
    assert began.since_s == pytest.approx(3, abs=0.2)
    assert began.confidence > 0.9


def test_it_is_over_when_it_drives_on() -> None:
    def drives_on(at_s: float) -> There:
        return came(at_s) if at_s < 30 else {1: ("car", (300 + (at_s - 30) * 100, 50))}

    began, over = told(STOPPED, drives_on, 60)
    assert began.until_s is None
    assert over.since_s == began.since_s
    assert over.until_s == pytest.approx(30, abs=1.2)


def test_a_vehicle_that_was_there_from_the_beginning_is_parked() -> None:
    assert told(STOPPED, lambda at_s: {1: ("car", (300, 50))}, 60) == []


def test_a_parked_vehicle_that_is_hidden_for_a_while_stays_parked() -> None:
    def hidden(at_s: float) -> There:
        return {1 if at_s < 20 else 2: ("car", (300, 50))} if not 20 <= at_s < 40 else {}

    assert told(STOPPED, hidden, 90) == []


def test_who_takes_the_place_of_a_parked_vehicle_has_stopped() -> None:
    def replaced(at_s: float) -> There:
        if at_s < 20:
            return {1: ("car", (300, 50))}
        return came(at_s - 40, number=2) if at_s >= 40 else {}

    [began] = told(STOPPED, replaced, 90)
    assert began.since_s == pytest.approx(43, abs=0.2)


def test_a_stop_goes_on_through_a_new_number_of_its_track() -> None:
    def hidden(at_s: float) -> There:
        if at_s < 6:
            return came(at_s)
        return {2: ("car", (300, 50))} if at_s >= 7 else {}

    [began] = told(STOPPED, hidden, 60)
    assert began.since_s == pytest.approx(3, abs=0.2)
    assert 0.8 <= began.confidence < 0.95


def test_two_that_stop_are_one_event_from_the_first_to_the_last() -> None:
    def two(at_s: float) -> There:
        first = came(at_s) if at_s < 30 else {}
        second = came(at_s - 5, x=100, number=2) if 5 <= at_s < 50 else {}
        return {**first, **second}

    began, over = told(STOPPED, two, 90)
    assert began.since_s == pytest.approx(3, abs=0.2)
    assert over.until_s == pytest.approx(50, abs=0.4)


def test_others_one_after_the_other_in_one_place_have_not_stopped() -> None:
    def each_for_6_s(at_s: float) -> There:
        turn, at_s = divmod(at_s, 9)
        return came(at_s, number=int(turn))

    assert told(STOPPED, each_for_6_s, 90) == []


def test_people_who_stand_are_no_stopped_vehicles() -> None:
    def walks_and_stands(at_s: float) -> There:
        return {1: ("person", (min(at_s * 15, 300), 50))}

    assert told(STOPPED, walks_and_stands, 60) == []


WRONG = replace(LANE, wrong_way=WrongWay((0, 50), (600, 50)))


def drive(m_per_s: float, of: RoadUser = "car", x: float = 500) -> Callable[[float], There]:
    def at(at_s: float) -> There:
        now = x + m_per_s * 10 * at_s
        return {1: (of, (now, 50))} if 0 <= now <= 600 else {}

    return at


@pytest.mark.parametrize("ground", [None, PLAN])
def test_who_drives_against_the_direction(ground: Ground | None) -> None:
    began, over = told(WRONG, drive(-8), 15, ground)
    assert (began.what, began.until_s) == ("wrongWay", None)
    assert began.since_s <= 2
    assert over.until_s is not None


@pytest.mark.parametrize(
    "there",
    [
        drive(8, x=0),
        drive(-8, of="bicycle"),
        drive(-1, x=500),  # 2 lengths take 8 s, and no trail is kept for that long
        lambda at_s: {1: ("car", (300 + 15 * (-1) ** round(at_s * 5), 50))},  # its box wavers
        lambda at_s: {1: ("car", (300, 50 if at_s < 5 else 300))},  # leaves the zone
    ],
)
def test_who_does_not(there: Callable[[float], There]) -> None:
    assert told(WRONG, there, 8) == []


INTRUSION = replace(LANE, intrusion=Intrusion(classes=("person",), after_s=2))
NIGHT, DAY = ("22:00", "06:00"), ("06:00", "22:00")


def test_who_is_where_nobody_may_be() -> None:
    def walks(at_s: float) -> There:
        return {1: ("person", (300, 200 - at_s * 15))}  # in at 6.7 s, out at 13.3 s

    began, over = told(INTRUSION, walks, 30)
    assert began.what == "intrusion"
    assert began.since_s == pytest.approx(6.8)
    assert over.until_s == pytest.approx(13.2, abs=0.2)


def test_others_may_be_there_and_who_only_touches_it() -> None:
    assert told(INTRUSION, drive(1, x=0), 30) == []
    assert told(INTRUSION, lambda at_s: {1: ("person", (300, 90 if at_s < 1 else 200))}, 30) == []


@pytest.mark.parametrize(
    ("between", "clock", "applies"),
    [
        ((), "12:00", True),
        (DAY, "05:59", False),
        (DAY, "06:00", True),
        (DAY, "21:59", True),
        (DAY, "22:00", False),
        (NIGHT, "21:59", False),
        (NIGHT, "22:00", True),
        (NIGHT, "00:00", True),
        (NIGHT, "05:59", True),
        (NIGHT, "06:00", False),
    ],
)
def test_a_zone_is_restricted_at_some_hours(
    between: tuple[str, ...], clock: str, applies: bool
) -> None:
    assert Intrusion(between=between).applies(clock) is applies


@pytest.mark.parametrize("between", [("22:00",), ("22", "6"), ("24:00", "06:00"), NIGHT[:1] * 2])
def test_hours_that_are_none_are_refused(between: tuple[str, ...]) -> None:
    with pytest.raises(Invalid, match="two different times of day"):
        Intrusion(between=between)


def test_who_is_there_when_the_hours_begin_is_told_then_and_over_when_they_end() -> None:
    zone = replace(LANE, intrusion=Intrusion(after_s=2, between=NIGHT))

    def clock(at_s: float) -> str:
        return "22:30" if 10 <= at_s < 20 else "21:59"

    began, over = told(zone, lambda _: {1: ("person", (300, 50))}, 30, clock=clock)
    assert began.since_s == 10
    assert over.until_s == pytest.approx(19.8)


def people(n: int) -> There:
    return {i: ("person", (10 + 20 * i, 50)) for i in range(n)}


def test_too_many_people() -> None:
    zone = replace(LANE, crowding=Crowding(persons=10))
    # 8 are still crowded once it has begun; 7 are not.
    began, over = told(zone, lambda at_s: people(10 if at_s < 15 else 8 if at_s < 30 else 7), 60)
    assert (began.what, began.since_s) == ("crowding", 0)
    assert over.until_s == pytest.approx(29.8)
    assert told(zone, lambda at_s: people(9), 60) == []


def test_too_many_people_for_the_area() -> None:
    square = Zone("square", ((0, 30), (60, 30), (60, 75), (0, 75)), crowding=Crowding(per_m2=0.1))
    # 6 by 4.5 m: 3 people are 0.11 for each square metre, 2 are 0.07.
    assert [h.what for h in told(square, lambda at_s: people(3), 30, PLAN)] == ["crowding"]
    assert told(square, lambda at_s: people(2), 30, PLAN) == []
    assert told(square, lambda at_s: people(3), 30) == []  # the area is unknown


STOP = Line("stop", (600, 0), (600, 100))


def test_a_queue() -> None:
    zone = replace(LANE, queue=Queue("stop", vehicles=3))

    def waits(n: int) -> There:
        return {i: ("car", (550 - 60 * i, 50)) for i in range(n)}

    began, over = told(zone, lambda at_s: waits(3 if at_s < 50 else 2), 90, PLAN, (STOP,))
    assert (began.what, began.until_s) == ("queue", None)
    assert began.since_s <= 1.2
    assert over.until_s == pytest.approx(50, abs=0.3)
    assert told(zone, lambda at_s: waits(2), 60, PLAN, (STOP,)) == []


def test_what_a_zone_is_not_watched_for_is_not_told() -> None:
    assert told(LANE, came, 90) == []
