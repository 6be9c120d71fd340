"""Pictures from a video file or a stream, in order and at the pace at which they were taken.

A file is played at real time and begins again at its end, as if it were a camera. HLS comes in
pieces of some seconds, which are played at real time too; RTSP comes as it is taken. Whatever
goes wrong is told as NoPictures.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import av
from av import VideoFrame

from townsquare.vision.address import arrives_as_taken, is_file
from townsquare.vision.observation import Clock, Decoder
from townsquare.vision.reading.burning import Burning
from townsquare.vision.reading.clock import USUAL_STEP_S, Live, Recorded
from townsquare.vision.reading.decoding import Video, frames, video
from townsquare.vision.reading.opening import ALL, Way, opened, why
from townsquare.vision.reading.upright import Upright
from townsquare.vision.trouble import NoPictures

ENDS_EARLY = 0.9  # share of the length that the file itself states
LATE_S = 1.0  # what is played later than this goes on from now, rather than hurry after
LEAST_LOOP_S = 1.0  # a file of one picture is not opened more often


@dataclass(frozen=True, slots=True)
class Picture:
    """`at_s` is seconds of video shown so far, on through every loop of a file. `first` says that
    nothing before leads up to this picture: the start, the seam of a loop, another size.

    One pixel of the frame stands for `scale` x `scale` of the camera's, in which lines are drawn.
    `taken` is when, by the camera's `clock`; None where only its arrival is known. `lost` is how
    many were damaged since the picture before.
    """

    frame: VideoFrame
    at_s: float
    first: bool
    scale: int = 1
    taken: datetime | None = None
    lost: int = 0
    clock: Clock = "arrival"
    decoder: Decoder = "software"

    @property
    def size(self) -> tuple[int, int]:
        """Of the camera's picture: width and height."""
        return self.frame.width * self.scale, self.frame.height * self.scale


@dataclass(slots=True)
class Pace:
    """How many pictures a second are to be analysed. It may be set at any time."""

    per_s: float


def pictures(url: str, since_s: float = 0.0, way: Way = ALL) -> Iterator[Picture]:
    """Whole pictures of a file, or of a stream while it lasts, as fast as they are asked for.

    Of a file those from `since_s` on, and some before. Raises NoPictures.
    """
    container = opened(url, way)
    try:
        stream = video(container, url, way)
        if since_s:
            _seek(stream, since_s)
        yield from _pictures(stream, way, goes_on=bool(since_s))
    finally:
        container.close()


def length_s(url: str) -> float:
    """What a file says of itself; 0 where it does not. Raises NoPictures."""
    with opened(url, ALL) as container:
        return max(0, container.duration or 0) / av.time_base


def taken_at(url: str) -> datetime | None:
    """When a file says that its recording began. Raises NoPictures."""
    with opened(url, ALL) as container:
        said = container.metadata.get("creation_time", "")
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return None
    # Cameras whose clock was never set say 1904 or 1970.
    return at if at.tzinfo and at.year > 2000 else None


def _seek(stream: Video, since_s: float) -> None:
    """To the last key frame before."""
    start = stream.container.start_time or 0
    try:
        stream.container.seek(start + int(since_s * av.time_base), backward=True)
    except (OSError, av.error.FFmpegError) as error:
        raise NoPictures("broken", stream.url, why(error)) from None


def in_real_time(
    url: str,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    way: Way = ALL,
) -> Iterator[Picture]:
    """Without an end. Raises NoPictures, also when a stream ends."""
    if arrives_as_taken(url):
        yield from pictures(url, way=way)
        raise NoPictures("ended", url)
    began, shown_s = clock(), 0.0
    while is_file(url) or not shown_s:
        loop_s = shown_s
        for picture in pictures(url, way=way):
            at_s = loop_s + picture.at_s
            early_s = began + at_s - clock()
            if early_s > 0:
                sleep(early_s)
            elif early_s < -LATE_S:
                began -= early_s
            # A seam has the length of the last step, so that the pace goes on.
            shown_s = at_s + _length_s(picture.frame)
            yield replace(picture, at_s=at_s)
        shown_s = max(shown_s, loop_s + LEAST_LOOP_S)
    raise NoPictures("ended", url)


def thinned(all_of: Iterator[Picture], pace: Pace) -> Iterator[tuple[Picture, bool]]:
    """Each picture, and whether it is one of those to be analysed."""
    last_s = float("-inf")
    for picture in all_of:
        due_s = last_s + 1 / pace.per_s
        # A little early is on time: streams jitter, and 1/10 s is not exact in binary.
        wanted = picture.first or picture.at_s >= due_s - 0.01
        if wanted:
            # Of a step that was missed the rest is not made up for.
            last_s = due_s if due_s + 1 / pace.per_s > picture.at_s else picture.at_s
        yield picture, wanted


def _length_s(frame: VideoFrame) -> float:
    return float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.04


def _pictures(stream: Video, way: Way, *, goes_on: bool = False) -> Iterator[Picture]:
    upright, burning, live = Upright(), Burning(way.masks), Live()
    recorded = Recorded(_step_s(stream))
    alike: tuple[int, int] | None = None
    for whole in frames(stream):
        frame = burning.burnt(upright.turned(whole), stream.scale)
        now = (frame.width, frame.height)
        at_s = _at_s(stream, whole, live if arrives_as_taken(stream.url) else recorded, goes_on)
        yield Picture(
            frame,
            at_s,
            first=now != alike,
            scale=stream.scale,
            taken=live.last if live.clock == "stream" else None,
            lost=stream.lost_since(),
            clock=live.clock,
            decoder=stream.decoder,
        )
        alike = now
    if alike is None:
        raise NoPictures("noPicture", stream.url)
    _require_whole(stream, at_s)


def _at_s(stream: Video, frame: VideoFrame, time_of: Live | Recorded, goes_on: bool) -> float:
    if isinstance(time_of, Live):
        return time_of.after(stream.sent_at(frame), datetime.now(UTC), time.monotonic())
    if time_of.began:
        return time_of.after(frame.time)
    start_s = float((stream.stream.start_time or 0) * (stream.stream.time_base or 0))
    return time_of.begin(frame.time, (frame.time or 0.0) - start_s if goes_on else 0.0)


def _step_s(stream: Video) -> float:
    """Between two pictures, where their time stamps do not tell. A rate may be none, or absurd."""
    rate = float(stream.stream.average_rate or 0)
    return 1 / rate if 1 <= rate <= 240 else USUAL_STEP_S


def _require_whole(stream: Video, end_s: float) -> None:
    """A file that ends long before the end it states was cut off on the way here."""
    stated_s = (stream.container.duration or 0) / av.time_base
    if is_file(stream.url) and end_s < ENDS_EARLY * stated_s - 1:
        raise NoPictures("cutOff", stream.url, f"after {end_s:.0f} s of {stated_s:.0f} s")
