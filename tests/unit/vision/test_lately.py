"""Ways of the last minutes, and what lines would have counted. Times and places by hand."""

import random
from collections import Counter

import pytest

from townsquare.model.camera import Line, RoadUser
from townsquare.model.errors import Invalid
from townsquare.vision import lately as lately_
from townsquare.vision import trying
from townsquare.vision.count import Crossing, Sides, crossed, without
from townsquare.vision.lately import Lately
from townsquare.vision.observation import Passages
from townsquare.vision.track import Step
from townsquare.vision.wire import Try

DOWN = Line("down", (100, 0), (100, 100))
SIZE = (640, 480)
PEOPLE: tuple[RoadUser, ...] = ("person",)
CARS: tuple[RoadUser, ...] = ("car",)


def walk(lately: Lately, xs: list[float], since_s: float = 0, number: int = 7) -> float:
    """Somebody at y = 20, a step a second. Returns when the last one was."""
    before, at_s = xs[0], since_s
    for n, x in enumerate(xs):
        at_s = since_s + n
        step = Step(number, "person", (before, 20), (x, 20), 50)
        lately.see(at_s, [step], [number])
        before = x
    return at_s


def counted(lately: Lately, at_s: float) -> dict[tuple[RoadUser, str], int]:
    return {(c.of, c.direction): n for c, n in lately.counted([DOWN], at_s).items()}


def test_a_line_drawn_afterwards_counts_who_crossed_it() -> None:
    lately = Lately()
    at_s = walk(lately, [150, 130, 90, 60, 130])
    assert counted(lately, at_s) == {("person", "in"): 1, ("person", "out"): 1}
    assert lately.watched_s(at_s) == 4


def test_who_wavers_on_a_line_counts_once_as_in_life() -> None:
    lately = Lately()
    at_s = walk(lately, [150, 99, 101, 99, 101, 80])
    assert counted(lately, at_s) == {("person", "in"): 1}


def test_nobody_is_followed_over_a_break() -> None:
    lately = Lately()
    walk(lately, [150, 120])
    lately.lose()
    at_s = walk(lately, [80, 60], since_s=30)  # the same number means nobody now
    assert counted(lately, at_s) == {}
    assert lately.watched_s(at_s) == 2
    assert lately.alive.keys() == {7}


def test_after_five_minutes_nothing_is_left() -> None:
    lately = Lately()
    walk(lately, [150, 60])
    assert counted(lately, 290) == {("person", "in"): 1}
    assert counted(lately, 302) == {}
    lately.see(302, [], [])
    assert not lately.ended
    assert not lately.alive
    assert lately.watched_s(302) == 300


def test_of_who_stays_only_the_last_five_minutes_are_kept() -> None:
    lately = Lately()
    at_s = walk(lately, [150, 60, *(60 for _ in range(400))])
    assert counted(lately, at_s) == {}
    assert len(lately.alive[7]) <= 300 + lately_.PRUNED_S


def test_its_memory_is_bounded_and_says_of_how_long_it_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lately_, "MOST_MARKS", 50)
    lately = Lately()
    for n in range(20):
        at_s = walk(lately, [150, 130, 90, 60, 50], since_s=n * 5, number=n)
    assert lately.marks <= 55
    assert lately.watched_s(at_s) < 60
    assert sum(lately.counted([DOWN], at_s).values()) <= 11


def test_lines_drawn_afterwards_count_what_they_would_have_counted_live() -> None:
    """Forty random walkers, a line in the middle and one at the side."""
    lines = [DOWN, Line("side", (20, 60), (180, 90))]
    chance, lately, live = random.Random(5), Lately(), Counter[Crossing]()
    places = {n: (chance.uniform(0, 200), chance.uniform(0, 100)) for n in range(40)}
    sides: Sides = {}
    for at_s in range(200):
        steps = []
        for number, (x, y) in list(places.items()):
            now = (x + chance.uniform(-15, 15), y + chance.uniform(-15, 15))
            steps.append(Step(number, "person", (x, y), now, 30))
            places[number] = now
        if at_s == 100:
            places.pop(0)
        found, sides = crossed(lines, steps, sides)
        sides = without(sides, places)
        live.update(crossing for _, crossing in found)
        lately.see(at_s, steps, places)
    assert sum(live.values()) > 200
    assert lately.counted(lines, 200) == live


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ([], "1 to 4 lines"),
        ([((0, 0), (100, 0))] * 5, "1 to 4 lines"),
        ([((0, 0), (39, 0))], "line 1 is too short to be tried: it takes 40 pixels"),
        ([((0, 0), (641, 0))], "line 1 lies outside the picture, which is 640 x 480"),
    ],
)
def test_a_question_is_bounded(lines: list[trying.Ends], refusal: str) -> None:
    with pytest.raises(Invalid, match=refusal):
        trying.require_askable(lines, SIZE)
    lately = Lately()
    at_s = walk(lately, [150, 60, *(60 for _ in range(100))])
    assert trying.answered(Try("a", 1, tuple(lines)), lately, PEOPLE, SIZE, at_s).counts == ()


def test_an_answer_is_of_a_minute_at_least_and_of_what_is_counted() -> None:
    lately, ends = Lately(), (DOWN.a, DOWN.b)
    walk(lately, [150, 60])
    asked = Try("a", 3, (ends,))
    early = trying.answered(asked, lately, PEOPLE, SIZE, 1)
    assert (early.over_s, early.counts) == (1, ())
    at_s = walk(lately, [60.0] * 90, since_s=2)
    told = trying.answered(asked, lately, PEOPLE, SIZE, at_s)
    assert (told.id, told.over_s) == (3, 91)
    assert told.counts == (Passages(0, "person", "in", 1),)
    assert trying.answered(asked, lately, CARS, SIZE, at_s).counts == ()
