"""A camera that only counts: no picture of it is made, whoever asks, and none is remembered."""

import gc
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

import av
import numpy as np
import pytest

from tests.conftest import OpenBroker
from tests.contract.test_previews import CITIZEN, EVE, House
from tests.contract.test_vision_gate import (
    OBSERVED,
    SQUARE,
    begun,
    dishonest,
    in_place_of_python,
    until,
)
from tests.square import SQUARE as DECLARED
from townsquare.model.actor import Why
from townsquare.model.camera import Line, Zone
from townsquare.model.errors import Invalid
from townsquare.vision import child
from townsquare.vision.boxes import Boxes
from townsquare.vision.duty import hear
from townsquare.vision.entities import camera_entity
from townsquare.vision.observation import Crossings, Health
from townsquare.vision.read import Picture
from townsquare.vision.settings import Settings
from townsquare.vision.types import TYPES
from townsquare.vision.watch import Watch
from townsquare.vision.wire import Show, Watched, line, packet
from townsquare.vision.workers import Workers

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
COUNTING = Watched(
    "counting",
    SQUARE.url,
    ("person",),
    (Line("west", (300, 170), (300, 345)),),
    (Zone("plaza", ((215, 205), (600, 150), (767, 292), (767, 488), (330, 300))),),
    counts_only=True,
)


# --- in the house


async def test_nobody_gets_a_lease_and_the_refusal_is_kept(open_broker: OpenBroker) -> None:
    house = House(open_broker(*TYPES), [replace(DECLARED, counts_only=True)])
    async with house.client:
        answer = await house.asked("square")
        assert answer.status_code == 403
        assert "camera 'square' only counts: no picture of it is ever made" in answer.text
        house.visitor = CITIZEN
        assert (await house.asked("square")).status_code == 403
    assert house.workers.wanted == {}
    (entry,) = await house.broker.store.log(0, 10)
    assert EVE.id.encode() in entry.record
    assert b"a preview was refused: camera 'square' only counts" in entry.record


async def test_everybody_reads_that_it_only_counts(open_broker: OpenBroker) -> None:
    camera = replace(DECLARED, counts_only=True)
    entity = camera_entity(camera, ("live", NOON, ""), None, overdue=False)
    assert (entity.value("countsOnly"), entity.value("maskCount")) == (True, 0)
    broker = open_broker(*TYPES)
    (type,) = [type for type in TYPES if type.name == "Camera"]
    assert {"countsOnly", "maskCount"} <= type.published
    assert broker.grant(CITIZEN, Why("public information"), "read", "Camera").allowed


async def test_a_worker_that_shows_it_all_the_same_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shows = packet("counting", b"\xff\xd8\xff\xe0 an empty place")
    said = OBSERVED.replace(b'"square"', b'"counting"')
    program = in_place_of_python(tmp_path, dishonest(tmp_path, said, shows, first=b""))
    monkeypatch.setattr(sys, "executable", program)
    monkeypatch.setattr(child, "LEAVES_S", 0.2)
    async with Workers(Settings()) as house:
        house.show("counting", datetime.now(UTC) + timedelta(seconds=30))
        with pytest.raises(Invalid, match="only counts"):
            async for _ in house.observed([COUNTING]):
                pass
        assert house.previews == {}


# --- in the worker


async def test_a_worker_counts_and_makes_no_picture_whoever_asks() -> None:
    async with begun([SQUARE, COUNTING]) as (house, seen):
        await until(lambda: {"square", "counting"} == {one.camera for one in seen})
        shown: set[datetime] = set()

        def three_others() -> bool:
            shown.update(preview.at for preview in house.previews.values())
            return len(shown) >= 3

        for name in ("square", "counting"):
            house.show(name, datetime.now(UTC) + timedelta(seconds=30))
        await until(three_others)
        assert set(house.previews) == {"square"}
        await until(lambda: any(isinstance(one, Crossings) for one in seen))
        counted = [one for one in seen if one.camera == "counting"]
        assert {one.background for one in counted if isinstance(one, Health)} == {0}


class Over(Exception):
    """There is nothing more to hear; the end of the input would end this process."""


def orders(*given: Show) -> Iterator[bytes]:
    yield from map(line, given)
    raise Over


def test_orders_for_it_and_for_strangers_are_not_heard() -> None:
    until_then = NOON + timedelta(minutes=10)
    wanted: dict[str, datetime] = {}
    asked = [Show(name, until_then) for name in ("counting", "square", "stranger")]
    with pytest.raises(Over):
        hear(orders(*asked), wanted, {"square"}, SimpleQueue())
    assert wanted == {"square": until_then}


def remembered(watch: Watch) -> list["np.typing.NDArray[np.generic]"]:
    """Every array that can be reached from it, of more than one number for each block of 12 x 12
    pixels of the picture.
    """
    left: list[object] = [watch]
    met: dict[int, object] = {}
    while left:
        one = left.pop()
        if id(one) in met or isinstance(one, type) or type(one).__name__ == "module":
            continue
        met[id(one)] = one
        left.extend(gc.get_referents(one))
    return [a for a in met.values() if isinstance(a, np.ndarray) and a.size >= 64 * 48 // 144]


@pytest.mark.parametrize("counts_only", [True, False])
def test_nothing_is_remembered_of_how_its_place_looks(counts_only: bool) -> None:
    camera = Watched("square", "", ("person",), (), (), counts_only=counts_only)
    watch = Watch(camera)
    nobody = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.intp))
    noise = np.random.default_rng(1)
    still = noise.integers(60, 190, (48, 64, 3), np.uint8)
    for n in range(120):
        frame = av.VideoFrame.from_ndarray(still + np.uint8(n % 3), format="rgb24")
        watch.see(Picture(frame, n / 2, n == 0), nobody, NOON + timedelta(seconds=n / 2), n / 2)
        del frame
    assert bool(remembered(watch)) is not counts_only
    assert (watch.preview() is None) is counts_only
    texts = [value for name in Watch.__slots__ if isinstance(value := getattr(watch, name), bytes)]
    assert all(len(text) <= 64 for text in texts)
