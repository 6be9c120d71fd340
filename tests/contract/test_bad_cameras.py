"""Cameras as they should not be, all in one real worker beside a good one: what its health says of
each, and that the good one is counted on. How each is read has tests of its own (test_bad_input).
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pytest

from tests import rtsp
from tests.contract.test_bad_input import Size, clip, damaged, raw
from tests.contract.test_reading import cut, text
from townsquare.model.camera import Line, Zone
from townsquare.vision.observation import Health
from townsquare.vision.settings import Settings
from townsquare.vision.trouble import Trouble
from townsquare.vision.wire import Watched
from townsquare.vision.workers import Workers

SQUARE = Path(__file__).parents[2] / "demo" / "square.mp4"
WEST = Line("west", (300, 170), (300, 345))
PLAZA = Zone("plaza", ((215, 205), (600, 150), (767, 292), (767, 488), (330, 300)))
BEYOND = Line("beyond", (100, 0), (100, 40))
GOOD = Watched("good", str(SQUARE), ("person",), (WEST,), (PLAZA,))


@dataclass(frozen=True)
class Bad:
    """A camera: a file that is made, or the address of a stream. `trouble` is told of it at last,
    with or after these sizes; `dropped` is whether it says that pictures were lost.
    """

    name: str
    make: Callable[[Path], object] = lambda path: path
    ending: str = "mkv"
    trouble: Trouble = ""
    sizes: Sequence[Size] = ()
    dropped: bool = False
    lines: tuple[Line, ...] = ()


def changed(path: Path, first: Size, then: Size) -> None:
    path.write_bytes(raw(first, 150) + raw(then, 150))  # six seconds each


def spoilt(path: Path) -> None:
    """The demo's clip, of which a byte in so many is another."""
    path.write_bytes(damaged(SQUARE.read_bytes()[:900_000], 3_000))


def garbled(path: Path) -> None:
    clip(path, "mjpeg", pixels="yuvj420p", stamps=range(150))
    content, at = bytearray(path.read_bytes()), -1
    while (at := content.find(b"\xff\xd8", at + 1)) >= 0:
        content[at : at + 600] = bytes(600)
    path.write_bytes(content)


def of_unknown_codec(path: Path) -> None:
    content = clip(path, "mjpeg", pixels="yuvj420p", stamps=range(10)).read_bytes()
    assert content.count(b"MJPG") == 2
    path.write_bytes(content.replace(b"MJPG", b"????"))


def on_its_side(path: Path) -> None:
    content = clip(path).read_bytes()
    at = content.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2: the matrix of the track
    turn = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content[:at] + turn + content[at + 36 :])


def noisy(path: Path) -> None:
    """Pictures that need many bytes: enough of them are left when a part is cut off."""
    random = np.random.default_rng(1)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for _ in range(40):
            noise = random.integers(0, 256, (48, 64, 3), np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        out.mux(stream.encode())
    cut(path, 0.4)


BAD = [
    Bad("absent", trouble="missing"),
    Bad("empty", lambda path: text(path, b""), "mp4", "notVideo"),
    Bad("without index", lambda path: cut(clip(path), 0.4), "mp4", "notVideo"),
    Bad("cut off", noisy, trouble="cutOff"),
    Bad("damaged", spoilt, "mp4", sizes=[(768, 576)], dropped=True),
    Bad("garbled", garbled, trouble="garbled"),
    Bad("of unknown codec", of_unknown_codec, "avi", "garbled"),
    Bad("changing", lambda p: changed(p, (64, 48), (128, 96)), "m4v", "", [(64, 48), (128, 96)]),
    Bad(
        "changing under a line",
        lambda path: changed(path, (128, 96), (64, 48)),
        "m4v",
        "outside",
        [(128, 96), (64, 48)],
        lines=(BEYOND,),
    ),
    Bad("line outside", clip, "mkv", "outside", [(64, 48)], lines=(BEYOND,)),
    Bad("no rate", lambda path: path.write_bytes(raw((64, 48), 50)), "m4v", sizes=[(64, 48)]),
    Bad("changing rate", lambda p: clip(p, stamps=[0, 1, 2, 9, 10, 30]), sizes=[(64, 48)]),
    Bad("portrait", lambda path: clip(path, size=(48, 64)), sizes=[(48, 64)]),
    Bad("on its side", on_its_side, "mp4", sizes=[(48, 64)]),
    Bad("grey", lambda path: clip(path, "ffv1", pixels="gray"), sizes=[(64, 48)]),
    Bad(
        "8K",
        lambda path: clip(path, "mjpeg", (7680, 4320), "yuvj420p", [0]),
        "avi",
        sizes=[(7680, 4320)],
    ),
    Bad(
        "more than 8K",
        lambda path: clip(path, "mjpeg", (7696, 4320), "yuvj420p", [0]),
        "avi",
        "tooLarge",
    ),
]


@dataclass
class Told:
    """Of one camera so far."""

    sizes: list[Size] = field(default_factory=list)
    last: Health | None = None
    dropped: int = 0
    works: bool = False  # pictures were read, and some of them looked at

    def hear(self, health: Health) -> None:
        self.last = health
        self.dropped += health.dropped
        self.works |= not health.trouble and health.read_per_s > 0 and health.analysed_per_s > 0
        if health.size and self.sizes[-1:] != [health.size]:
            self.sizes.append(health.size)

    def fits(self, bad: Bad) -> bool:
        size = [*self.sizes, None][: len(bad.sizes)] == list(bad.sizes)
        lost = self.dropped > 0 or not bad.dropped
        if bad.trouble:
            return self.last is not None and self.last.trouble == bad.trouble and size and lost
        return self.works and size and lost


async def test_each_is_told_in_the_health_of_its_camera_and_a_good_one_is_counted_on(
    tmp_path: Path,
) -> None:
    cameras = [GOOD]
    for bad in BAD:
        path = tmp_path / f"{bad.name}.{bad.ending}"
        bad.make(path)
        cameras.append(Watched(bad.name, str(path), ("person",), bad.lines, ()))
    silent = Bad("silent", trouble="stopped", sizes=[(64, 48)])
    with rtsp.serving(rtsp.Camera(pictures=20, silent_s=60)) as stream:
        cameras.append(Watched("silent", stream.url, ("person",), (), ()))
        settings = Settings(detections_per_second=2, cameras_per_worker=len(cameras))
        async with Workers(settings) as house:
            told, counted = await listened(house, cameras, [*BAD, silent])
            (pid,) = house.pids()
            assert peak_mb(pid) < 900
    assert counted
    assert told["good"].works


async def listened(
    house: Workers, cameras: list[Watched], waits: list[Bad]
) -> tuple[dict[str, Told], bool]:
    """Until everything that is waited for was told; and whether the good one was counted."""
    told, counted = {camera.name: Told() for camera in cameras}, False
    try:
        async with asyncio.timeout(60):
            async for one in house.observed(cameras):
                if isinstance(one, Health):
                    told[one.camera].hear(one)
                else:
                    counted |= one.camera == "good"
                waits = [bad for bad in waits if not told[bad.name].fits(bad)]
                if not waits and counted and told["good"].works:
                    break
    except TimeoutError:
        pytest.fail(f"not told: {[(bad.name, told[bad.name]) for bad in waits]}")
    return told, counted


def peak_mb(pid: int) -> float:
    lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
