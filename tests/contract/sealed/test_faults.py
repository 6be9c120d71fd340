"""What goes wrong with a camera or a disk costs what was not recorded then, and nothing else."""

import io
import resource
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from tests import rtsp
from tests.conftest import OpenBroker
from tests.contract.sealed.test_recording import CLIP, House, eventually, pictures
from tests.square import SQUARE
from townsquare import app

RECORDED = replace(SQUARE, lines=(), zones=(), record=True)
LITTLE = 100_000  # bytes: less than the smallest segment


@pytest.fixture
def house(open_broker: OpenBroker, tmp_path: Path) -> House:
    return House(open_broker(*app.TYPES), tmp_path, [])


async def test_a_camera_by_rtsp_is_recorded_as_it_comes(house: House) -> None:
    with rtsp.serving(rtsp.Camera(pictures=100_000)) as camera:
        house.cameras = [replace(RECORDED, url=camera.url)]
        async with house.runs():
            await house.recorded(2)
    assert {way for way, _ in camera.asked} == {"tcp"}
    assert {part for _, part in camera.asked} == {"video"}
    for line in house.lines()[:2]:
        assert pictures(house.town.opened("square", line)) > 100


async def test_a_camera_that_is_lost_and_comes_back_leaves_a_gap_that_is_told(house: House) -> None:
    with rtsp.serving(rtsp.Camera(pictures=300, silent_s=4)) as camera:
        house.cameras = [replace(RECORDED, url=camera.url)]
        async with house.runs() as room:
            await house.recorded(4)
            await house.told(room)
    assert all(pictures(house.town.opened("square", line)) for line in house.lines())
    gaps = (await house.hour()).value("gaps")
    assert gaps
    assert {gap["why"] for gap in gaps} == {"camera"}


def readable(content: bytes) -> int:
    """Pictures, where one that the change cut in two is not readable."""
    found = 0
    with av.open(io.BytesIO(content), "r") as container:
        for packet in container.demux(video=0):
            with suppress(av.error.InvalidDataError):
                found += len(packet.decode())
    return found


def coded(codec: str, seconds: int, rate: int = 5) -> bytes:
    """MPEG-TS of pictures that get brighter, a key frame each second."""
    content = io.BytesIO()
    with av.open(content, "w", format="mpegts") as out:
        stream = out.add_stream(codec, rate=25 if codec == "mpeg2video" else rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.gop_size = 25
        per_s = 25 if codec == "mpeg2video" else rate
        for n in range(seconds * per_s):
            shade = np.full((48, 64, 3), n % 250, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
        out.mux(stream.encode())
    return content.getvalue()


@contextmanager
def served(*answers: bytes) -> Iterator[str]:
    """One after the other, then the last again and again."""
    left = [*answers]

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(200)
            self.send_header("content-type", "video/mp2t")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/live.ts"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_a_camera_that_changes_its_codec_goes_on_in_another_segment(house: House) -> None:
    before, after = coded("mpeg2video", 12), coded("mpeg4", 12)
    with served(before + after, after) as url:
        house.cameras = [replace(RECORDED, url=url)]
        async with house.runs():
            await house.recorded(4)
    codecs = set()
    for line in house.lines():
        hour = next(hour for hour in house.shelf.hours("square"))
        codecs.add(house.shelf.segment("square", hour, line.file).header.codec)
        assert readable(house.town.opened("square", line)) > 0
    assert codecs == {"mpeg2video", "mpeg4"}


async def test_a_disk_that_takes_no_more_costs_what_came_then(house: House) -> None:
    shutil.copyfile(CLIP, house.data / "square.mp4")
    house.cameras = [RECORDED]
    async with house.runs() as room:
        await house.is_in_state("recording")
        pid, number = room.alive[0].child.pid, len(house.lines())
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (LITTLE, resource.RLIM_INFINITY))
        failing = await house.is_in_state("failing")
        assert failing.value("trouble") == "the disk could not be written"
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
        await house.is_in_state("recording")
        await house.recorded(number + 1)

        async def told() -> bool:
            await house.told(room)
            return bool((await house.hour()).value("gaps"))

        await eventually(told)
    assert {gap["why"] for gap in (await house.hour()).value("gaps")} == {"disk"}
    assert all(house.town.opened("square", line) for line in house.lines())
    assert not list(house.data.rglob(".*.seal"))
