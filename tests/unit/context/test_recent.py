"""News from memory are those of the outbox, or none."""

from datetime import UTC, datetime

import pytest

from townsquare.context.recent import MOST, Recent
from townsquare.model.change import Changed
from townsquare.model.entity import entity

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def news(*numbers: int) -> list[Changed]:
    lamp = entity("urn:ngsi-ld:Lamp:1", "Lamp")
    return [Changed(seq, NOW, "room:test", "", None, lamp, frozenset()) for seq in numbers]


def numbers(found: list[Changed] | None) -> list[int] | None:
    return None if found is None else [changed.seq for changed in found]


@pytest.mark.parametrize(
    ("seq", "limit", "expected"),
    [
        (3, 10, None),  # 4 may have been there
        (4, 10, [5, 6, 7]),
        (5, 1, [6]),
        (6, 10, [7]),
        (7, 10, []),
        (8, 10, None),  # of that nothing is known
    ],
)
def test_news_behind_a_number(seq: int, limit: int, expected: list[int] | None) -> None:
    recent = Recent()
    recent.add(news(5, 6))
    recent.add(news(7))
    assert numbers(recent.after(seq, limit)) == expected


def test_before_the_first_news_nothing_is_known() -> None:
    assert Recent().after(0, 10) is None


def test_a_missing_number_sends_to_the_outbox() -> None:
    recent = Recent()
    recent.add(news(5, 6, 8))
    assert recent.after(4, 10) is None
    assert numbers(recent.after(4, 2)) == [5, 6]
    assert recent.after(6, 2) is None


def test_it_forgets_what_is_old() -> None:
    recent = Recent()
    for first in range(1, 5 * MOST, 100):
        recent.add(news(*range(first, first + 100)))
    assert recent.after(0, 10) is None
    assert numbers(recent.after(5 * MOST - 2, 10)) == [5 * MOST - 1, 5 * MOST]
