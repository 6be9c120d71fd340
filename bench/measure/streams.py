"""What a camera costs: to decode it, to count it as a worker does, and to count it the usual way.

Cost is processor time of the whole process, and time on the clock, for a second of the stream.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av import VideoFrame

from measure.clips import ROOT
from townsquare.model.camera import Line
from townsquare.vision.detect import Detector
from townsquare.vision.glance import Glance
from townsquare.vision.looking import rate_per_s
from townsquare.vision.read import Pace, pictures, thinned
from townsquare.vision.watch import Watch
from townsquare.vision.wire import Watched

SQUARE = ROOT / "demo" / "square.mp4"
STREAM_S = 12.0
NOISE = 3.0  # grey levels: a sensor by daylight
NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stream:
    """`quiet`: the square without anybody (the median of its pictures), held, with the noise of a
    sensor.
    """

    width: int
    height: int
    per_s: int
    quiet: bool = False

    @property
    def name(self) -> str:
        return f"{self.width} x {self.height} at {self.per_s}" + ", quiet" * self.quiet


STREAMS = (Stream(640, 360, 10), Stream(1920, 1080, 25))
QUIET = (Stream(640, 360, 10, quiet=True), Stream(1920, 1080, 25, quiet=True))


@dataclass(frozen=True, slots=True)
class Cost:
    """For a second of stream. `looks` are calls of the detector a second."""

    cpu_ms: float
    wall_ms: float
    looks: float = 0.0

    def __str__(self) -> str:
        return f"{self.cpu_ms:.0f} ({self.wall_ms:.0f})"


def cost(work: Callable[[], int]) -> Cost:
    """`work` tells how often it asked the detector."""
    cpu_s, wall_s = time.process_time(), time.monotonic()
    looks = work()
    spent_s, took_s = time.process_time() - cpu_s, time.monotonic() - wall_s
    return Cost(spent_s * 1000 / STREAM_S, took_s * 1000 / STREAM_S, looks / STREAM_S)


def encoded(stream: Stream, folder: Path) -> Path:
    """The square in another size and rate, as a camera would send it: H.264, no B-pictures."""
    path = folder / f"{stream.width}{'-quiet' * stream.quiet}.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=stream.per_s)
        video.width, video.height, video.pix_fmt = stream.width, stream.height, "yuv420p"
        video.options = {"preset": "veryfast", "crf": "23", "bf": "0", "g": str(2 * stream.per_s)}
        for n, frame in enumerate(held(stream) if stream.quiet else repeated(stream)):
            frame.pts, frame.time_base = n, Fraction(1, stream.per_s)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def repeated(stream: Stream) -> Iterator[VideoFrame]:
    """Pictures of the square, each as often as the rate needs."""
    shown = 0
    for picture in pictures(str(SQUARE)):
        while shown <= picture.at_s * stream.per_s and shown < STREAM_S * stream.per_s:
            shown += 1
            yield picture.frame.reformat(stream.width, stream.height, "yuv420p")


def held(stream: Stream) -> Iterator[VideoFrame]:
    some = [frame.to_ndarray() for frame in repeated(Stream(stream.width, stream.height, 1))]
    empty = np.median(some, axis=0).astype(np.int16)
    noise = np.random.default_rng(1)
    for _ in range(round(STREAM_S * stream.per_s)):
        noisy = empty + np.asarray(noise.normal(0, NOISE, empty.shape), np.int16)
        yield VideoFrame.from_ndarray(np.clip(noisy, 0, 255).astype(np.uint8), format="yuv420p")


# --- ways to count


def decoded(clip: Path) -> int:
    for _ in pictures(str(clip)):
        pass
    return 0


def as_a_worker(clip: Path, detector: Detector, *, adapting: bool = False) -> int:
    """With the background, the quality of the picture, tracks and a line."""
    lines = (Line("middle", (300, 100), (300, 300)),)
    watch = Watch(Watched("bench", str(clip), ("person",), lines, ()))
    glance, pace = Glance(detector), Pace(5.0)
    for picture, wanted in thinned(pictures(str(clip)), pace):
        if wanted:
            found = glance.boxes(picture, watch.scene.tracks.alive)
            watch.see(picture, found, NOON + timedelta(seconds=picture.at_s), picture.at_s)
            if adapting:
                pace.per_s = rate_per_s(watch.scene.tracks.alive, 5.0)
    return glance.looks


def the_usual_way(clip: Path, detector: Detector) -> int:
    """Every picture made blue, green and red, and looked at. Following is not in it."""
    n = 0
    for picture in pictures(str(clip)):
        picture.frame.to_ndarray(format="bgr24")
        detector.detect(picture.frame)
        n += 1
    return n
