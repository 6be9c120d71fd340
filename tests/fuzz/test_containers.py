"""Whatever a file or a list of pieces holds: the house goes on, a good camera beside it is read,
and the health of the bad one says what it is.

Some run with every test run; `make fuzz` goes on for LONG_S seconds, and prints how many there were
and how often a worker ended. A worker that ends is begun anew, later each time (as the room does).
"""

import asyncio
import contextlib
import http.server
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice
from pathlib import Path

import av
import pytest
from av.video.stream import VideoStream

from townsquare.model.camera import Line
from townsquare.model.errors import Unavailable
from townsquare.vision.observation import Health
from townsquare.vision.settings import Settings
from townsquare.vision.wire import Watched
from townsquare.vision.workers import Workers

LONG_S = float(os.environ.get("LONG_S", "60"))
SQUARE = Path(__file__).parents[2] / "demo" / "square.mp4"
CLIPS = Path(__file__).parents[3] / "shared" / "data" / "videos"
SAMPLES = {
    SQUARE: ("mp4", "mkv", "ts", "flv"),
    CLIPS / "car-detection.mp4": ("mp4", "ts"),
    CLIPS / "vtest.avi": ("avi", "mkv"),
}
PICTURES = 20  # two seconds: whole clips are read in the time that a round has
ROUND_S = 8.0  # health is told every five
AT_ONCE = 20
PEAK_MB = 900.0
GOOD = Watched("good", str(SQUARE), ("person",), (Line("west", (300, 170), (300, 345)),), ())


# --- whole files


@cache
def containers(folder: Path) -> dict[str, bytes]:
    """The beginnings of the clips, in every container that is read often, and as HLS."""
    found = {}
    for clip, endings in SAMPLES.items():
        if clip.exists():
            for ending in endings:
                found[f"{clip.stem}.{ending}"] = remuxed(clip, folder / f"whole.{ending}")
    found["square.mjpeg"] = motion_jpeg(folder / "whole.mjpeg")
    return found


def remuxed(clip: Path, into: Path) -> bytes:
    with av.open(str(clip)) as source, av.open(str(into), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in islice(source.demux(video=0), PICTURES):
            packet.stream = stream
            out.mux(packet)
    return into.read_bytes()


def motion_jpeg(into: Path) -> bytes:
    with av.open(str(SQUARE)) as source, av.open(str(into), "w", format="mjpeg") as out:
        stream = out.add_stream("mjpeg", rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 192, 144, "yuvj420p"
        for frame in islice(source.decode(video=0), PICTURES):
            out.mux(stream.encode(frame.reformat(192, 144, "yuvj420p", dst_color_range="JPEG")))
    return into.read_bytes()


# --- made bad


Harm = Callable[[bytearray, random.Random], bytearray]


def place(content: bytearray, chance: random.Random) -> int:
    """Heads hold more that can be believed wrongly: half of all harm is done there."""
    return chance.randrange(min(len(content), 2000) if chance.random() < 0.5 else len(content))


def flipped(content: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 5, 50, 500))):
        content[place(content, chance)] ^= 1 << chance.randrange(8)
    return content


def extreme(content: bytearray, chance: random.Random) -> bytearray:
    """Lengths and sizes that are as large, or as small, as they can be."""
    for _ in range(chance.choice((1, 4))):
        at = place(content, chance)
        content[at : at + 4] = chance.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\x80"))
    return content


def cut(content: bytearray, chance: random.Random) -> bytearray:
    return content[: place(content, chance) + 1]


def removed(content: bytearray, chance: random.Random) -> bytearray:
    at = place(content, chance)
    del content[at : at + chance.choice((1, 100, 5000))]
    return content or bytearray(b"\0")


def repeated(content: bytearray, chance: random.Random) -> bytearray:
    at, length = place(content, chance), chance.choice((8, 200, 20_000))
    content[at:at] = content[at : at + length] * chance.choice((1, 5))
    return content


def inserted(content: bytearray, chance: random.Random) -> bytearray:
    at = place(content, chance)
    content[at:at] = chance.randbytes(chance.choice((1, 64, 4096)))
    return content


def elsewhere(content: bytearray, chance: random.Random) -> bytearray:
    a, b, length = place(content, chance), place(content, chance), chance.choice((16, 2000))
    content[a : a + length], content[b : b + length] = (
        content[b : b + length],
        content[a : a + length],
    )
    return content


HARMS: tuple[Harm, ...] = (flipped, extreme, cut, removed, repeated, inserted, elsewhere)


def harmed(whole: bytes, seed: int) -> bytes:
    chance, content = random.Random(seed), bytearray(whole)
    for harm in chance.choices(HARMS, k=chance.choice((1, 1, 2, 4))):
        content = harm(content, chance)
    return bytes(content)


# --- one round: a worker with a good camera and many bad ones


@dataclass(slots=True)
class Seen:
    """`ended` is how often a worker did; `troubles` of bad cameras, "" where they could be read."""

    files: int = 0
    ended: list[str] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    serve = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def bad_ones(folder: Path, address: str, seeds: Sequence[int]) -> list[Watched]:
    """A harmed file for each seed; some of them are lists of pieces, or pieces of a sound list."""
    whole = containers(folder.parent)
    found = []
    for seed in seeds:
        name = sorted(whole)[seed % len(whole)]
        file = folder / f"{seed}-{name}"
        file.write_bytes(harmed(whole[name], seed))
        url = str(file)
        if name.endswith(".ts"):
            url = f"{address}/{in_pieces(file, seed).name}"
        found.append(Watched(f"camera{seed}", url, ("person",), GOOD.lines, ()))
    return found


def in_pieces(piece: Path, seed: int) -> Path:
    text = (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
        f"#EXTINF:2.0,\n{piece.name}\n#EXTINF:2.0,\n{piece.name}\n#EXT-X-ENDLIST\n"
    ).encode()
    listed = piece.with_suffix(".m3u8")
    # Half of the lists are harmed too, behind the word by which they are known.
    listed.write_bytes(b"#EXTM3U" + harmed(text[7:], seed) if seed % 2 else text)
    return listed


async def go_round(folder: Path, seeds: Sequence[int], seen: Seen) -> None:
    folder.mkdir()  # noqa: ASYNC240 - before anything waits
    with served(folder) as address:
        cameras = [GOOD, *bad_ones(folder, address, seeds)]
        settings = Settings(detections_per_second=1, cameras_per_worker=len(cameras))
        last: dict[str, Health] = {}
        async with Workers(settings) as house:
            for again in range(3):
                try:
                    async with asyncio.timeout(ROUND_S + 30):
                        await listen(house, cameras, last)
                    break
                except Unavailable as error:
                    seen.ended.append(f"{error} {list(seeds)}")
                    await asyncio.sleep(2.0**again)
    assert last["good"].read_per_s > 0
    assert last["good"].trouble == ""
    assert set(last) == {camera.name for camera in cameras}, "of each the health was told"
    seen.files += len(seeds)
    seen.troubles.update(health.trouble for name, health in last.items() if name != "good")


async def listen(house: Workers, cameras: Sequence[Watched], last: dict[str, Health]) -> None:
    """For a round, and until everybody was heard and the good one goes on after that."""
    end_s, waits = time.monotonic() + ROUND_S, {camera.name for camera in cameras}
    async for one in house.observed(cameras):
        if isinstance(one, Health):
            last[one.camera] = one
            waits.discard(one.camera)
            for pid in house.pids():
                assert peak_mb(pid) < PEAK_MB
        if time.monotonic() > end_s and not waits:
            return


def peak_mb(pid: int) -> float:
    lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    return next((int(s.split()[1]) for s in lines if s.startswith("VmHWM:")), 0) / 1024


async def test_the_house_and_a_good_camera_outlive_bad_ones(tmp_path: Path) -> None:
    seen = Seen()
    await go_round(tmp_path / "round", range(AT_ONCE), seen)
    assert seen.ended == []
    assert len(seen.troubles) > 2


@pytest.mark.fuzz
async def test_they_outlive_many(tmp_path: Path) -> None:
    seen, end_s = Seen(), time.monotonic() + LONG_S
    first = random.randrange(10**9)
    while time.monotonic() < end_s:
        await go_round(tmp_path / f"{first}", range(first, first + AT_ONCE), seen)
        first += AT_ONCE
    print(f"{seen.files} files, {dict(seen.troubles)}; workers that ended: {seen.ended}")
    assert not seen.ended
