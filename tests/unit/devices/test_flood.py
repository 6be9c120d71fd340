"""One that says too much is not listened to until it is quiet again."""

from datetime import UTC, datetime, timedelta

from townsquare.devices.flood import QUARANTINE, Floods

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_burst_is_heard_and_a_flood_is_not() -> None:
    floods = Floods(a_minute=60, burst=10)
    heard = [floods.heard("a", NOON) for _ in range(15)]
    assert heard == [True] * 10 + [False] * 5
    assert floods.quiet_until("a") == NOON + QUARANTINE
    assert floods.heard("b", NOON)


def test_what_it_may_say_comes_back_with_time() -> None:
    floods = Floods(a_minute=60, burst=10)
    assert all(floods.heard("a", at(n)) for n in range(600))


def test_it_is_heard_again_once_it_was_quiet_for_long_enough() -> None:
    floods = Floods(a_minute=60, burst=1)
    assert [floods.heard("a", at(n)) for n in (0, 0.1)] == [True, False]
    assert not floods.heard("a", at(300))  # it goes on, and so does its quarantine
    quiet = 300 + QUARANTINE.total_seconds()
    assert not floods.heard("a", at(quiet - 1))
    assert floods.heard("a", at(2 * quiet))
    assert floods.quiet_until("a") is None


def test_a_clock_that_is_set_back_gives_nothing() -> None:
    floods = Floods(a_minute=60, burst=2)
    assert [floods.heard("a", at(s)) for s in (0, -3600, -7200)] == [True, True, False]
