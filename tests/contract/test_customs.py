"""Numbers, days and load as each language writes them."""

from datetime import UTC, datetime

import pytest

from tests.reader import reads
from townsquare.alerts import told
from townsquare.alerts.load.limits import LIMITS
from townsquare.model import customs

FIRST = datetime(2030, 5, 1, 14, 3, 9, tzinfo=UTC)
LATER = datetime(2030, 12, 24, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "numbers", "first", "near", "hour"),
    [
        ("en", "12,345.6 0.5 %", "1 May 2030, 14:03", "24 Dec, 06:00", "Tue 06:00"),
        ("de", "12.345,6 0,5 %", "1. Mai 2030, 14:03", "24. Dez., 06:00", "Di 06:00"),
        ("fr", "12\u202f345,6 0,5 %", "1er mai 2030, 14:03", "24 déc., 06:00", "mar. 06:00"),
        ("es", "12.345,6 0,5 %", "1 de mayo de 2030, 14:03", "24 dic, 06:00", "mar 06:00"),
        ("sr-Latn", "12.345,6 0,5 %", "1. maj 2030. u 14:03", "24. dec, 06:00", "uto 06:00"),
    ],
)
def test_each_language_writes_by_its_customs(
    tag: str, numbers: str, first: str, near: str, hour: str
) -> None:
    with reads(tag):
        written = f"{customs.number(12345.6, ',.1f')} {customs.share(0.005)}"
        assert written.replace("\N{NO-BREAK SPACE}", " ") == numbers
        assert customs.moment(FIRST) == first
        assert customs.near(LATER) == near
        assert customs.hour(LATER) == hour


def test_a_time_has_seconds_for_who_asks() -> None:
    assert customs.moment(FIRST, seconds=True) == "1 May 2030, 14:03:09"


def test_limits_that_were_kept_in_english_are_read_in_any_language() -> None:
    for limit in LIMITS.values():
        assert told.limit(limit.words) == limit.words
        with reads("de"):
            assert told.limit(limit.words).startswith(("bis ", "unter "))
    with reads("de"):
        assert told.limit("up to 6, at most 12") == "bis 6, höchstens 12"
        assert told.limit("as the town says") == "as the town says"


def test_states_that_have_no_words_are_shown_as_they_are() -> None:
    with reads("fr"):
        assert told.state("SHELVED") == "mise de côté"
        assert told.state("{new}") == "{new}"
