"""When pictures were taken: time goes forward, whatever a stream says of it."""

import itertools
import struct
from datetime import UTC, datetime, timedelta

import pytest

from townsquare.vision.observation import Clock
from townsquare.vision.reading.clock import Live, Recorded, sent_at

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stamps", "shown"),
    [
        ([5.0, 5.1, 5.3], [0, 0.1, 0.3]),
        ([None, None, None], [0, 0.1, 0.2]),
        ([0.0, 0.0, 0.0], [0, 0.1, 0.2]),
        ([0.0, 1e-6, 2e-6], [0, 0.1, 0.2]),
        ([3.0, 3.1, 90.0, 90.1], [0, 0.1, 0.2, 0.3]),
        ([90.0, 90.1, 3.0, 3.1], [0, 0.1, 0.2, 0.3]),
        ([0.0, None, 0.5, 0.6], [0, 0.1, 0.2, 0.3]),
    ],
)
def test_a_recording_goes_on_by_its_stamps_or_at_its_usual_pace(
    stamps: list[float | None], shown: list[float]
) -> None:
    time_of = Recorded(usual_step_s=0.1)
    found = [time_of.begin(stamps[0], 0.0), *(time_of.after(stamp) for stamp in stamps[1:])]
    assert found == pytest.approx(shown)


Told = tuple[float, datetime | None, Clock]


def live(arrived: list[float], late: list[float | None]) -> list[Told]:
    """Pictures that arrive so many seconds after noon, and how old they say that they are."""
    time_of, found = Live(), []
    for at, old in zip(arrived, late, strict=True):
        now = NOON + timedelta(seconds=at)
        at_s = time_of.after(None if old is None else now.timestamp() - old, now, at + 77)
        found.append((at_s, time_of.last, time_of.clock))
    return found


def test_without_a_word_of_the_camera_its_pictures_are_of_when_they_arrive() -> None:
    found = live([0, 0.1, 0.4], [None] * 3)
    assert [at_s for at_s, _, _ in found] == pytest.approx([0, 0.1, 0.4])
    assert [clock for _, _, clock in found] == ["arrival"] * 3


def test_the_clock_of_the_camera_evens_out_what_arrives_in_bursts() -> None:
    found = live([0, 0.3, 0.3, 0.3], [1.0, 1.2, 1.1, 1.0])
    assert [round(at_s, 3) for at_s, _, _ in found] == [0, 0.1, 0.2, 0.3]
    assert found[-1][1] == NOON + timedelta(seconds=0.3 - 1.0)
    assert {clock for _, _, clock in found} == {"stream"}


@pytest.mark.parametrize("late", [61.0, -2.5, 1e9, -1e9])
def test_a_clock_that_is_far_off_is_never_believed_again(late: float) -> None:
    found = live([0, 0.1, 0.2, 0.3], [1.0, late, 1.0, 1.0])
    assert [clock for _, _, clock in found] == ["stream", *["arrival"] * 3]
    assert [round(at_s, 3) for at_s, _, _ in found] == [0, 0.1, 0.2, 0.3]


def test_time_never_goes_back_where_clocks_take_turns() -> None:
    found = live([0, 0.1, 0.2, 0.3, 0.4], [None, None, 5.0, None, 5.0])
    assert all(a[0] <= b[0] for a, b in itertools.pairwise(found))
    assert all(a[1] <= b[1] for a, b in itertools.pairwise(found) if a[1] and b[1])


def test_what_the_decoder_hands_over_is_microseconds() -> None:
    assert sent_at(struct.pack("<qi", 1_500_000, 24)) == 1.5
