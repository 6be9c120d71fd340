"""The town's own day."""

from datetime import UTC, datetime

import pytest

from townsquare.model.errors import Invalid
from townsquare.model.town import Town

BERLIN = Town("Berlin", "Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "midnight", "end"),
    [
        ("2030-06-01T12:00", "2030-05-31T22:00", "2030-06-01T22:00"),
        ("2030-06-01T23:00", "2030-06-01T22:00", "2030-06-02T22:00"),
        ("2030-03-31T12:00", "2030-03-30T23:00", "2030-03-31T22:00"),  # 23 hours
        ("2030-10-27T12:00", "2030-10-26T22:00", "2030-10-27T23:00"),  # 25 hours
    ],
)
def test_a_day_begins_and_ends_at_the_towns_midnight(at: str, midnight: str, end: str) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert BERLIN.midnight(moment) == datetime.fromisoformat(midnight).replace(tzinfo=UTC)
    assert BERLIN.day_end(moment) == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_an_unknown_timezone_is_named() -> None:
    with pytest.raises(Invalid, match="Europe/Adlershof"):
        Town(timezone="Europe/Adlershof")
