"""All that a worker says, taken from outside: every byte of its pipes, and every call to the system
by which anything could leave it. That the house ends one who says more is a contract test.
"""

import asyncio
import contextlib
import io
import itertools
import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from tests import rtsp, traced
from tests.alone import Alone, alone, packets
from townsquare.model.camera import Line, RoadUser, Zone
from townsquare.vision import observation, preview, wire
from townsquare.vision.background import READY
from townsquare.vision.observation import Crossings, Health, Occupancy, Tried
from townsquare.vision.settings import Settings
from townsquare.vision.wire import Show, Try, Watched
from townsquare.vision.workers import Workers

ROOT = Path(__file__).parents[2]
CLIPS = Path(__file__).parents[3] / "shared" / "data" / "videos"
WEST = Line("west", (300, 170), (300, 345))
PLAZA = Zone("plaza", ((215, 205), (600, 150), (767, 292), (767, 488), (330, 300)))
MID = Line("mid", (0, 216), (767, 216))
VEHICLES: tuple[RoadUser, ...] = ("car", "truck", "bus", "motorcycle")
SQUARE = Watched("square", str(ROOT / "demo" / "square.mp4"), ("person",), (WEST,), (PLAZA,))
SAMPLES = (
    Watched("people", str(CLIPS / "vtest.avi"), ("person",), (WEST,), (PLAZA,)),
    Watched("street", str(CLIPS / "car-detection.mp4"), VEHICLES, (MID,), ()),
    Watched("junction", str(CLIPS / "ot_Cars-Truck.mp4"), VEHICLES, (), ()),
)
ABSENT = Watched("absent", "absent.mp4", ("person",), (), ())
LEASE_S = 4.0
Pixels = npt.NDArray[np.int16]  # (h, w, 3)

pytestmark = pytest.mark.skipif(not traced.works(), reason="needs strace, and to trace a child")


def sampled() -> list[Watched]:
    """The clip of the demo, and the samples where they are."""
    return [SQUARE, *(camera for camera in SAMPLES if Path(camera.url).exists())]


@dataclass(frozen=True)
class Taken:
    """All that one worker said and did: before, during and after a lease for one camera."""

    cameras: list[Watched]
    numbers: tuple[int, int]
    said: bytes
    before: bytes
    shown: bytes
    later: bytes
    leased: str
    printed: str
    calls: list[traced.Call]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """A worker that runs for about a minute, until a background is ready and a lease has ended."""
    folder = tmp_path_factory.mktemp("worker")
    cameras, printed = sampled(), folder / "printed"
    with alone(cameras, printed, lambda run: traced.command(run, folder / "calls")) as worker:
        worker.until(lambda: ready(worker), 240)
        before, leased = bytes(worker.shows.content), ready(worker)[0]
        until = datetime.now(UTC) + timedelta(seconds=LEASE_S)
        worker.order(Show(leased, until))
        worker.order(Try(leased, 7, ((WEST.a, WEST.b), (MID.a, MID.b))))
        worker.until(lambda: datetime.now(UTC) > until + timedelta(seconds=1), 60)
        shown = bytes(worker.shows.content)
        time.sleep(2)
    return Taken(
        cameras,
        worker.numbers,
        bytes(worker.says.content),
        before,
        shown,
        bytes(worker.shows.content)[len(shown) :],
        leased,
        printed.read_text(),
        list(traced.calls(folder / "calls")),
    )


def ready(worker: Alone) -> list[str]:
    """Cameras of which a preview could be drawn."""
    healths = [one for one in worker.said() if isinstance(one, Health)]
    return [one.camera for one in healths if one.background >= READY]


# --- the first pipe


def test_every_line_of_the_first_pipe_is_an_observation_and_no_byte_is_over(taken: Taken) -> None:
    lines = taken.said.splitlines(keepends=True)
    seen = [observation.read(line) for line in lines]
    assert [json.loads(observation.write(one)) for one in seen] == [*map(json.loads, lines)]
    assert {type(one) for one in seen} >= {Crossings, Occupancy, Health, Tried}
    assert {one.camera for one in seen} == {camera.name for camera in taken.cameras}


# Written out once more, as docs/vision.md has them: who adds a field has to say it here.
ALWAYS = {"observed", "camera", "since"}
KEYS = {
    "crossings": ALWAYS | {"line", "of", "direction", "n", "until"},
    "occupancy": ALWAYS | {"zone", "of", "mean", "max", "until"},
    "event": ALWAYS | {"zone", "what", "until", "confidence"},
    "queue": ALWAYS | {"zone", "vehicles", "length_m", "until"},
    "turns": ALWAYS | {"entry", "exit", "of", "n", "until", "coverage"},
    "speeds": ALWAYS | {"line", "of", "direction", "bands", "until", "coverage"},
    "health": ALWAYS
    | {"read_per_s", "analysed_per_s", "dropped", "quality", "sandbox", "background", "trouble"}
    | {"size", "clock", "decoder", "light", "asked_per_s", "overloaded"},
    "tried": {"observed", "camera", "id", "over_s", "counts"},
}
NAMES = ("line", "zone", "entry", "exit")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
# Of a picture of 768 x 576, in which no more are seen; a place in it is a larger number.
MOST_THERE = 60


def test_no_line_has_a_number_of_a_track_a_box_or_a_place(taken: Taken) -> None:
    given = {camera.name: places(camera) for camera in taken.cameras}
    for line in taken.said.splitlines():
        said: dict[str, Any] = json.loads(line)
        assert set(said) <= KEYS[said["observed"]]
        said.pop("bands", None)  # of a closed window, and of five or more
        for passages in said.pop("counts", ()):
            assert set(passages) == {"line", "of", "direction", "n"}
            assert passages["line"] in (0, 1)
            assert passages["n"] <= MOST_THERE
        sizes = said.pop("size", None)
        assert sizes in (None, [768, 576], [768, 432], [800, 600])
        assert not [value for value in said.values() if isinstance(value, list | dict)]
        assert {said.get(name) for name in NAMES} <= {None, "", *given[said["camera"]]}
        numbers = [v for v in said.values() if isinstance(v, int | float)]
        if said["observed"] in ("crossings", "occupancy"):
            assert all(n == int(n) <= MOST_THERE for n in numbers)
        times = {key for key, value in said.items() if TIME.fullmatch(str(value))}
        assert times <= {"since", "until"}


def places(camera: Watched) -> set[str]:
    return {line.name for line in camera.lines} | {zone.name for zone in camera.zones}


# --- the second pipe


def test_the_second_pipe_is_empty_without_a_lease_and_after_it(taken: Taken) -> None:
    assert taken.before == b""
    assert taken.later == b""


def test_of_a_camera_that_only_counts_it_is_empty_whoever_asks(tmp_path: Path) -> None:
    counting = msgspec.structs.replace(SQUARE, counts_only=True)
    with alone([counting], tmp_path / "printed") as worker:
        worker.order(Show("square", datetime.now(UTC) + timedelta(seconds=60)))
        worker.until(lambda: any(isinstance(one, Crossings) for one in worker.said()), 60)
    assert bytes(worker.shows.content) == b""


def test_under_a_lease_it_carries_pictures_of_that_camera_and_no_byte_is_over(taken: Taken) -> None:
    seen = list(packets(taken.shown))
    assert b"".join(wire.packet(name, jpeg) for name, jpeg in seen) == taken.shown
    assert {name for name, _ in seen} == {taken.leased}
    assert len(seen) <= 2 * LEASE_S + 2
    pictures = [jpeg for _, jpeg in seen if jpeg]  # none while the background is made anew
    assert pictures
    assert all(closed(jpeg) for jpeg in pictures)


def closed(jpeg: bytes) -> bool:
    """Only what a picture needs is in it, each part once or as often as it must be, and nothing
    behind its end. A comment may name the encoder.
    """
    at, kinds = 2, []
    while jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        kind, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4])
        if kind == 0xFE:
            assert re.fullmatch(rb"Lavc[\d.]+\0?", jpeg[at + 4 : at + 2 + length])
        kinds.append(kind)
        at += 2 + length
    assert set(kinds) <= {0xE0, 0xFE, 0xDB, 0xC0, 0xC4}
    # In the coded picture itself FF is followed by 00; FF D9 is the end.
    return jpeg[:2] == b"\xff\xd8" and jpeg.index(b"\xff\xd9", at) == len(jpeg) - 2


def test_no_preview_shows_a_live_frame(taken: Taken) -> None:
    url = next(camera.url for camera in taken.cameras if camera.name == taken.leased)
    jpegs = [jpeg for _, jpeg in packets(taken.shown) if jpeg]
    frames = [small(frame) for frame in all_of(url)]
    empty = np.median(frames[::16], axis=0).astype(np.int16)
    moving = [frame for frame in frames if moved(frame, empty).sum() > 100]
    assert len(moving) > 20
    for jpeg in (jpegs[0], jpegs[len(jpegs) // 2], jpegs[-1]):
        shown = small(decoded(jpeg))
        assert max(repeated(shown, frame, empty) for frame in moving) < 0.2
    # What would be found if a live frame were coded in a preview's place.
    busiest = max(range(len(frames)), key=lambda n: moved(frames[n], empty).sum())
    live = small(decoded(encoded(next(itertools.islice(all_of(url), busiest, None)))))
    assert max(repeated(live, frame, empty) for frame in moving) > 0.8


def all_of(url: str) -> Iterator[av.VideoFrame]:
    with av.open(url, "r") as container:
        yield from container.decode(video=0)


def small(frame: av.VideoFrame) -> Pixels:
    """Large enough for somebody to be seen, and that a whole clip has room in memory."""
    return frame.reformat(160, 120, "rgb24").to_ndarray().astype(np.int16)


def decoded(jpeg: bytes) -> av.VideoFrame:
    with av.open(io.BytesIO(jpeg), "r", format="jpeg_pipe") as container:
        return next(container.decode(video=0))


def encoded(frame: av.VideoFrame) -> bytes:
    return preview.jpeg(np.asarray(frame.reformat(640, 480, "rgb24").to_ndarray(), np.uint8))


def moved(frame: Pixels, empty: Pixels) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(frame - empty).max(axis=2) > 50)


def repeated(shown: Pixels, frame: Pixels, empty: Pixels) -> float:
    """Share of what moves in the frame that is shown as it is there."""
    where = moved(frame, empty)
    alike = np.abs(shown - frame).max(axis=2) < 25
    return float((where & alike).sum() / where.sum())


# --- everything else

READS = {
    *("access", "faccessat", "faccessat2", "getcwd", "lstat", "newfstatat", "open", "openat"),
    *("readlink", "readlinkat", "stat", "statfs", "statx", "chdir", "getxattr", "lgetxattr"),
}
WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2"}
FOR_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")


def leaving(calls: Sequence[traced.Call]) -> Iterator[traced.Call]:
    """What could tell somebody something. A thread is no other process, and a file that is only
    read, mapped too, is changed by nobody.
    """
    for call in calls[1:]:  # the first one is how it was started
        reads = call.name in READS and not FOR_WRITING.search(call.given)
        thread = call.name.startswith("clone") and "CLONE_THREAD" in call.given
        shared = "MAP_SHARED" in call.given and "PROT_WRITE" in call.given and "<" in call.given
        mapped = call.name == "mmap" and not shared
        if not (reads or thread or mapped or call.failed):
            yield call


def test_a_worker_writes_to_its_two_pipes_and_does_nothing_else_that_is_seen(taken: Taken) -> None:
    said, shown = bytearray(), bytearray()
    for call in leaving(taken.calls):
        assert call.name == "write", call
        into = dict(zip(taken.numbers, (said, shown), strict=True))[call.number]
        into += call.texts[-1][: int(call.gave)]
    assert bytes(said) == taken.said
    assert bytes(shown) == taken.before + taken.shown + taken.later
    assert taken.printed == ""


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The house starts its workers under strace; the folder is where it writes."""
    script, folder = tmp_path / "python", tmp_path / "calls"
    command = " ".join(traced.command([sys.executable], folder))
    script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    return folder


async def test_under_the_house_it_is_the_same(python: Path) -> None:
    seen: list[observation.Observation] = []

    async def follow(house: Workers) -> None:
        async for one in house.observed([SQUARE]):
            seen.append(one)  # noqa: PERF401 - a list that others look at meanwhile

    async with asyncio.timeout(60), Workers(Settings()) as house:
        task = asyncio.create_task(follow(house))
        wanted = {Crossings, Occupancy, Health}
        while {type(one) for one in seen} != wanted:  # noqa: ASYNC110 - another process makes it so
            await asyncio.sleep(0.05)
        assert house.previews == {}
        house.show("square", datetime.now(UTC) + timedelta(seconds=20))
        while not house.previews:  # noqa: ASYNC110 - another process makes it so
            await asyncio.sleep(0.05)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    calls = list(traced.calls(python))
    says, shows = (int(text) for text in calls[0].texts[-2:])
    written = {says: bytearray(), shows: bytearray()}
    for call in leaving(calls):
        assert call.name == "write", call
        written[call.number] += call.texts[-1]
    lines = bytes(written[says]).splitlines()
    assert [observation.read(line) for line in lines][: len(seen)] == seen
    assert {name for name, _ in packets(bytes(written[shows]))} == {"square"}


ASKS = re.compile(rb"(OPTIONS|DESCRIBE|SETUP|PLAY|TEARDOWN|GET_PARAMETER) rtsp://127\.0\.0\.1:\d+/")


def test_to_a_camera_it_says_only_what_reading_needs_and_to_nobody_else_anything(
    tmp_path: Path,
) -> None:
    with rtsp.serving(rtsp.Camera()) as camera:
        live = msgspec.structs.replace(ABSENT, name="live", url=camera.url)
        printed, folder = tmp_path / "printed", tmp_path / "calls"
        with alone([live, ABSENT], printed, lambda run: traced.command(run, folder)) as worker:
            names = {"live", "absent"}
            worker.until(lambda: {one.camera for one in worker.said()} == names, 40)
            time.sleep(1)
        port = camera.url.rsplit(":", 1)[1].split("/")[0]
    sent = 0
    for call in leaving(list(traced.calls(folder))):
        match call.name:
            case "write":
                assert call.number in (2, worker.numbers[0])
            case "connect":
                assert f"htons({port})" in call.given
            case "sendto":
                # Reports of a receiver (RTCP) go back on the same connection, after a $.
                assert all(ASKS.match(text) or text[:1] == b"$" for text in call.texts)
                sent += int(call.gave)
            case name:
                assert name in QUIET, call
    assert 0 < sent < 4000
    (line,) = set(printed.read_text().splitlines())
    assert line == "camera absent: absent.mp4 does not exist; check the camera's url"


QUIET = {"socket", "recvfrom", "recvmsg", "getsockopt", "setsockopt", "getsockname", "getpeername"}
