"""Who is on call, on tables that can be checked by hand. Berlin: +1 in winter, +2 in summer."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from townsquare.alerts.notify.rota import Override, Rota, Rotation
from townsquare.model.errors import Invalid

BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY = Rotation("desk", ("ana", "ben", "cleo"), date(2030, 3, 25))  # Mondays at 8
NIGHTLY = Rotation("night", ("dan", "eva"), date(2030, 10, 26), time(2, 30), days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


SICK = Override("desk", "cleo", at("2030-03-26T10:00Z"), at("2030-03-28T10:00Z"))
LONG = Override("desk", "ben", at("2030-03-27T10:00Z"), at("2030-03-27T12:00Z"))
ROTA = Rota((WEEKLY, NIGHTLY), BERLIN, (SICK, LONG))


@pytest.mark.parametrize(
    ("rotation", "moment", "person"),
    [
        ("desk", "2030-03-25T06:59Z", None),  # it has not begun
        ("desk", "2030-03-25T07:00Z", "ana"),
        # After the clocks went forward eight is 06:00Z.
        ("desk", "2030-04-01T05:59Z", "ana"),
        ("desk", "2030-04-01T06:00Z", "ben"),
        ("desk", "2030-04-08T06:00Z", "cleo"),
        ("desk", "2030-04-15T06:00Z", "ana"),
        # Somebody stands in, and somebody for her.
        ("desk", "2030-03-26T10:00Z", "cleo"),
        ("desk", "2030-03-27T11:00Z", "ben"),
        ("desk", "2030-03-27T12:00Z", "cleo"),
        ("desk", "2030-03-28T10:00Z", "ana"),
        # 27 October 2030 has half past two twice: who came at the first stays at the second.
        ("night", "2030-10-27T00:29Z", "dan"),
        ("night", "2030-10-27T00:30Z", "eva"),
        ("night", "2030-10-27T01:10Z", "eva"),
        ("night", "2030-10-27T01:30Z", "eva"),
        ("night", "2030-10-28T01:29Z", "eva"),
        ("night", "2030-10-28T01:30Z", "dan"),
        ("nobody's", "2030-10-28T01:30Z", None),
    ],
)
def test_one_is_on_call(rotation: str, moment: str, person: str | None) -> None:
    assert ROTA.on_call(rotation, at(moment)) == person


@pytest.mark.parametrize(
    ("rotation", "moment", "person", "since"),
    [
        ("desk", "2030-03-20T00:00Z", "ana", "2030-03-25T07:00Z"),
        ("desk", "2030-03-25T07:00Z", "cleo", "2030-03-26T10:00Z"),
        ("desk", "2030-03-27T12:00Z", "ana", "2030-03-28T10:00Z"),
        ("desk", "2030-03-28T10:00Z", "ben", "2030-04-01T06:00Z"),
        ("night", "2030-10-27T12:00Z", "dan", "2030-10-28T01:30Z"),
    ],
)
def test_the_next_is_known(rotation: str, moment: str, person: str, since: str) -> None:
    turn = ROTA.next(rotation, at(moment))
    assert turn is not None
    assert (turn.person, turn.since) == (person, at(since))


def test_nobody_follows_who_is_alone() -> None:
    alone = Rota((Rotation("desk", ("ana",), date(2030, 1, 1)),), BERLIN)
    assert alone.next("desk", at("2030-06-01T12:00Z")) is None


@given(st.integers(0, 366 * 24 * 60))
def test_in_every_minute_of_a_year_the_next_begins_where_the_present_ends(minute: int) -> None:
    moment = at("2030-03-26T00:00Z") + timedelta(minutes=minute)
    now, then = ROTA.on_call("desk", moment), ROTA.next("desk", moment)
    assert now is not None
    assert then is not None
    assert ROTA.on_call("desk", then.since - timedelta(seconds=1)) == now
    assert ROTA.on_call("desk", then.since) == then.person != now


def test_a_rota_that_cannot_be_is_refused() -> None:
    with pytest.raises(Invalid, match="nobody in it"):
        Rotation("desk", (), date(2030, 1, 1))
    with pytest.raises(Invalid, match="0 days"):
        Rotation("desk", ("ana",), date(2030, 1, 1), days=0)
    with pytest.raises(Invalid, match="two rotations"):
        Rota((WEEKLY, WEEKLY), BERLIN)
    with pytest.raises(Invalid, match="'desk' is no rotation; there are night"):
        Rota((NIGHTLY,), BERLIN, (SICK,))
    with pytest.raises(Invalid, match="ends before"):
        Override("desk", "ana", at("2030-01-02T00:00Z"), at("2030-01-01T00:00Z"))
