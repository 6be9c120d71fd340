"""A week on call and its gaps, checked by hand. Berlin: +1 in winter, +2 in summer."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from townsquare.alerts.notify.rota import Override, Rota, Rotation
from townsquare.alerts.notify.week import gaps, watches
from townsquare.model.errors import Invalid

BERLIN = ZoneInfo("Europe/Berlin")
DESK = Rotation("desk", ("ana", "ben"), date(2030, 3, 25))  # Mondays at 8
NIGHT = Rotation("night", ("eva",), date(2030, 1, 1), hours="Mon-Sun 18:00-06:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def told(rota: Rota, name: str, since: str, until: str) -> list[str]:
    found = watches(rota, name, at(since), at(until))
    return [f"{w.since:%d %H:%M} {w.person or w.kind}" for w in found]


def missing(rota: Rota, since: str, until: str) -> list[str]:
    found = gaps(rota, at(since), at(until))
    return [f"{g.since:%d %H:%M}-{g.until:%d %H:%M} {g.rota or 'all'}" for g in found]


def test_a_week_has_its_handover_where_the_clocks_go_forward_too() -> None:
    # 31 March 2030 is when they do: Monday the first of April at eight is 06:00Z, not 07:00Z.
    assert told(Rota((DESK,), BERLIN), "desk", "2030-03-29T00:00Z", "2030-04-05T00:00Z") == [
        "29 00:00 ana",
        "01 06:00 ben",
    ]


def test_who_stands_in_is_on_call_and_nobody_is_a_gap() -> None:
    swap = Override("desk", "ben", at("2030-03-26T10:00Z"), at("2030-03-26T12:00Z"))
    away = Override("desk", "", at("2030-03-30T05:00Z"), at("2030-03-30T07:00Z"))
    rota = Rota((DESK,), BERLIN, (swap, away))
    assert told(rota, "desk", "2030-03-26T00:00Z", "2030-03-31T00:00Z") == [
        "26 00:00 ana",
        "26 10:00 ben",
        "26 12:00 ana",
        "30 05:00 gap",
        "30 07:00 ana",
    ]
    assert missing(rota, "2030-03-26T00:00Z", "2030-03-31T00:00Z") == ["30 05:00-30 07:00 all"]
    assert rota.on_call("desk", at("2030-03-30T06:00Z")) is None
    # Whoever's turn it is cannot; the next step calls who follows all the same.
    assert rota.following("desk", at("2030-03-30T06:00Z"), 1) == "ben"


def test_hours_of_one_rota_are_no_gap_where_another_covers_them() -> None:
    both = Rota((DESK, NIGHT), BERLIN)
    assert told(both, "night", "2030-03-26T00:00Z", "2030-03-27T00:00Z") == [
        "26 00:00 eva",
        "26 05:00 off",
        "26 17:00 eva",
    ]
    assert missing(both, "2030-03-26T00:00Z", "2030-03-27T00:00Z") == []
    alone = Rota((NIGHT,), BERLIN)
    assert missing(alone, "2030-03-26T00:00Z", "2030-03-27T00:00Z") == ["26 05:00-26 17:00 all"]
    assert alone.on_call("night", at("2030-03-26T12:00Z")) is None
    assert alone.following("night", at("2030-03-26T12:00Z"), 1) is None


def test_the_night_in_which_the_clocks_change_is_whole() -> None:
    # 27 October 2030: 18:00 (16:00Z) until 06:00 (05:00Z), an hour longer.
    assert told(Rota((NIGHT,), BERLIN), "night", "2030-10-26T12:00Z", "2030-10-27T12:00Z") == [
        "26 12:00 off",
        "26 16:00 eva",
        "27 05:00 off",
    ]


def test_before_a_rota_begins_nobody_is_on_call_in_it() -> None:
    rota = Rota((DESK, Rotation("all", ("cleo",), date(2030, 1, 1))), BERLIN)
    assert missing(rota, "2030-03-24T12:00Z", "2030-03-26T00:00Z") == ["24 12:00-25 07:00 desk"]


def test_without_a_rota_there_are_no_gaps() -> None:
    assert missing(Rota((), BERLIN), "2030-03-24T12:00Z", "2030-03-26T00:00Z") == []


def test_the_next_one_comes_with_the_next_hours() -> None:
    pair = Rotation("night", ("eva", "dan"), date(2030, 1, 1), time(12), 1, "Sat 18:00-22:00")
    rota = Rota((pair,), BERLIN)
    turn = rota.next("night", at("2030-03-25T12:00Z"))
    assert turn
    assert turn.since == at("2030-03-30T17:00Z")


def test_hours_that_cannot_be_read_are_refused_with_their_place() -> None:
    with pytest.raises(Invalid, match="character 1"):
        Rotation("night", ("eva",), date(2030, 1, 1), hours="always")
