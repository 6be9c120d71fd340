"""Cameras that are recorded: a real recorder, its segments on the shelf, and what the town says."""

import asyncio
import contextlib
import io
import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest

from tests import footage
from tests.conftest import OpenBroker
from tests.contract.sealed.vault import LOOK
from tests.footage import Town as Keeping
from tests.square import SQUARE
from townsquare import app
from townsquare.context.broker import Broker
from townsquare.model.camera import Camera
from townsquare.model.entity import Entity
from townsquare.model.errors import NotFound
from townsquare.model.town import Town
from townsquare.trust.seal import listing
from townsquare.vision.sealed.agreed import Agreed
from townsquare.vision.sealed.books import UNWRITTEN
from townsquare.vision.sealed.hours import footage_id, hour_of
from townsquare.vision.sealed.recording import Place, Recording

CLIP = Path(__file__).parents[3] / "demo" / "square.mp4"
WITHIN_S = 120.0
GB = 1_000_000_000


async def eventually(holds: Callable[[], Awaitable[object]]) -> None:
    end = asyncio.get_running_loop().time() + WITHIN_S
    while not await holds():
        assert asyncio.get_running_loop().time() < end, "it did not come to that in time"
        await asyncio.sleep(0.2)


@dataclass
class House:
    """That records one camera from a file, or more."""

    broker: Broker
    data: Path
    cameras: list[Camera]
    free: int = 100 * GB
    of: list[footage.Custodian] = field(default_factory=footage.custodians)

    def __post_init__(self) -> None:
        self.town = Keeping(self.data, self.of)
        self.shelf = self.town.shelf

    @contextlib.asynccontextmanager
    async def runs(self) -> AsyncIterator[Recording]:
        terms = footage.terms(self.of)
        place = Place(self.data, self.data, lambda: self.free, GB, 500 * GB)
        room = Recording(
            self.broker,
            Town(),
            self.cameras,
            place,
            self.shelf,
            self.town.keys,
            Agreed(self.broker, terms),
        )
        task = asyncio.create_task(room.run())
        try:
            yield room
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def lines(self, camera: str = "square") -> list[listing.Line]:
        return [
            line for hour in self.shelf.hours(camera) for line in self.shelf.lines(camera, hour)
        ]

    async def state(self, camera: str = "square") -> Entity | None:
        try:
            return await self.broker.read(f"urn:ngsi-ld:RecordingState:{camera}", *LOOK)
        except NotFound:
            return None

    async def recorded(self, number: int = 1, camera: str = "square") -> None:
        async def there() -> bool:
            return len(self.lines(camera)) >= number

        await eventually(there)

    async def is_in_state(self, status: str, camera: str = "square") -> Entity:
        async def told() -> bool:
            found = await self.state(camera)
            return found is not None and found.value("status") == status

        await eventually(told)
        found = await self.state(camera)
        assert found is not None
        return found

    async def is_amid(self) -> None:
        """Some seconds of a segment are in the recorder's memory, and nowhere else."""

        async def amid() -> bool:
            passed = datetime.now(UTC) - self.lines()[-1].until
            return timedelta(seconds=4) < passed < timedelta(seconds=8)

        await eventually(amid)

    async def told(self, room: Recording) -> None:
        """As every five minutes, when the last segment that is listed is the last there is."""
        await room.books.tell(self.lines()[-1].until + UNWRITTEN)

    async def hour(self, camera: str = "square") -> Entity:
        first = self.lines(camera)[0]
        return await self.broker.read(footage_id(camera, hour_of(first.since)), *LOOK)


@pytest.fixture
def house(open_broker: OpenBroker, tmp_path: Path) -> House:
    shutil.copyfile(CLIP, tmp_path / "square.mp4")
    camera = replace(SQUARE, url="square.mp4", lines=(), zones=(), record=True)
    return House(open_broker(*app.TYPES), tmp_path, [camera])


def pictures(content: bytes) -> int:
    with av.open(io.BytesIO(content), "r") as container:
        return sum(1 for _ in container.decode(video=0))


async def test_a_camera_is_recorded_and_two_custodians_see_what_it_saw(house: House) -> None:
    async with house.runs() as room:
        await house.recorded(2)
        found = await house.is_in_state("recording")
        assert found.value("sandbox") in ("partial", "none")
        await house.told(room)
    first, second = house.lines()[:2]
    assert abs(second.since - first.until) < listing.SEAM
    assert pictures(house.town.opened("square", first)) == 100
    hour = await house.hour()
    assert hour.value("status") == "recording"
    assert hour.value("segmentCount") >= 2
    assert hour.value("gaps") == []
    assert hour.value("termsHash") == footage.terms(house.of).hash


async def test_what_was_begun_in_an_hour_is_sealed_for_it_once_the_next_has_begun(
    house: House,
) -> None:
    real = house.broker.clock
    async with house.runs() as room:
        await house.recorded()
        await house.is_amid()
        number = len(house.lines())
        house.broker.clock = lambda: real() + timedelta(hours=1)
        await house.recorded(number + 1)
        assert room.hours[0] == hour_of(real() + timedelta(hours=1))
    first, *_, last = house.lines()
    assert not listing.gaps(house.lines(), first.since, last.until)
    assert all(house.town.opened("square", line) for line in house.lines())


async def test_what_was_begun_is_sealed_when_the_town_ends(house: House) -> None:
    async with house.runs():
        await house.recorded()
    number = len(house.lines())
    assert number >= 1
    assert all(house.town.opened("square", line) for line in house.lines())
    assert not list(house.data.rglob(".*.seal"))


async def test_a_recorder_that_is_killed_begins_anew_and_the_gap_is_told(house: House) -> None:
    async with house.runs() as room:
        await house.recorded()
        await house.is_amid()
        os.kill(room.alive[0].child.pid, signal.SIGKILL)
        await house.recorded(3)
        await house.told(room)
    assert all(house.town.opened("square", line) for line in house.lines())
    gaps = (await house.hour()).value("gaps")
    assert [gap["why"] for gap in gaps] == ["off"]


async def test_after_a_restart_a_cut_segment_is_gone_and_told_and_the_rest_is_whole(
    house: House,
) -> None:
    async with house.runs():
        await house.recorded(2)
    first, cut, *others = house.lines()
    hour = hour_of(cut.since)
    file = house.shelf.file("square", hour, cut.file)
    file.write_bytes(file.read_bytes()[:5000])
    listed = house.shelf.at("square", hour) / "list.jsonl"
    listed.write_bytes(listing.encoded(first))
    async with house.runs() as room:
        await house.recorded(len(others) + 2)
        await house.told(room)
    assert not file.exists()
    assert house.lines()[: 1 + len(others)] == [first, *others]
    assert all(house.town.opened("square", line) for line in house.lines())
    assert [gap["why"] for gap in (await house.hour()).value("gaps")] == ["damaged"]


async def test_recording_stops_while_there_is_room_for_the_log_and_goes_on_after(
    house: House,
) -> None:
    async with house.runs() as room:
        await house.is_in_state("recording")
        house.free = GB // 2
        stopped = await house.is_in_state("stopped", "Disk")
        assert stopped.value("stopped") == 1
        assert "of the disk are free" in stopped.value("trouble")
        assert (await house.is_in_state("failing")).value("trouble") == (
            "the disk has too little room"
        )
        number = len(house.lines())
        assert room.alive == []
        house.free = 100 * GB
        await house.is_in_state("recording", "Disk")
        await house.recorded(number + 1)
        await house.told(room)
    gaps = (await house.hour()).value("gaps")
    assert "disk full" in [gap["why"] for gap in gaps]


async def test_a_camera_that_is_lost_fails_and_the_other_goes_on(house: House) -> None:
    shutil.copyfile(CLIP, house.data / "other.mp4")
    (house.data / "other.mp4").write_bytes(b"no video")
    house.cameras.append(replace(house.cameras[0], name="other", url="other.mp4"))
    async with house.runs():
        await house.recorded()
        failing = await house.is_in_state("failing", "other")
        assert failing.value("trouble").startswith("its stream is empty")
        await house.is_in_state("recording")
    assert house.lines("other") == []


async def test_a_camera_that_may_not_go_live_is_not_recorded(house: House) -> None:
    house.cameras = [replace(house.cameras[0], purposes=())]
    async with house.runs():
        failing = await house.is_in_state("failing")
        assert "purposes names none" in failing.value("trouble")
    assert house.lines() == []
