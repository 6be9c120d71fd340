"""Pictures from a video file or a stream, in order and at the pace at which they were taken.

A file is played at real time and begins again at its end, as if it were a camera. HLS comes in
pieces of some seconds, which are played at real time too; RTSP comes as it is taken. Whatever
goes wrong is told as NoPictures.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import av
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from townsquare.vision.address import arrives_as_taken, is_file
from townsquare.vision.trouble import NoPictures

PATIENCE_S = 10.0  # for a connection, and for the next packet: longer than a camera's key frames
MOST_BROKEN = 100  # packets in a row; a stream joined in the middle starts with some
ENDS_EARLY = 0.9  # share of the length that the file itself states
LATE_S = 1.0  # what is played later than this goes on from now, rather than hurry after
JUMP_S = 10.0  # ahead, or LATE_S back: the clock of the stream was set, time went on as before


@dataclass(frozen=True, slots=True)
class Picture:
    """`at_s` is seconds of video shown so far, on through every loop of a file. `first` says that
    nothing before leads up to this picture: the start, or the seam of a loop.
    """

    frame: VideoFrame
    at_s: float
    first: bool


def pictures(url: str, since_s: float = 0.0) -> Iterator[Picture]:
    """All pictures of a file, or of a stream while it lasts, as fast as they are asked for.

    Of a file those from `since_s` on, and some before. Raises NoPictures.
    """
    container = _open(url)
    try:
        stream = _video(container, url)
        if since_s:
            _seek(container, stream, since_s, url)
        yield from _pictures(container, stream, url, goes_on=bool(since_s))
    finally:
        container.close()


def length_s(url: str) -> float:
    """What a file says of itself; 0 where it does not. Raises NoPictures."""
    with _open(url) as container:
        return max(0, container.duration or 0) / av.time_base


def taken_at(url: str) -> datetime | None:
    """When a file says that its recording began. Raises NoPictures."""
    with _open(url) as container:
        said = container.metadata.get("creation_time", "")
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        return None
    # Cameras whose clock was never set say 1904 or 1970.
    return at if at.tzinfo and at.year > 2000 else None


def _seek(container: InputContainer, stream: VideoStream, since_s: float, url: str) -> None:
    """To the last key frame before."""
    start = container.start_time or 0
    try:
        container.seek(start + int(since_s * av.time_base), backward=True)
    except (OSError, av.error.FFmpegError) as error:
        raise NoPictures("broken", url, _why(error)) from None


def in_real_time(
    url: str,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Picture]:
    """Without an end. Raises NoPictures, also when a stream ends."""
    if arrives_as_taken(url):
        yield from pictures(url)
        raise NoPictures("ended", url)
    began, shown_s = clock(), 0.0
    while is_file(url) or not shown_s:
        loop_s = shown_s
        for picture in pictures(url):
            at_s = loop_s + picture.at_s
            early_s = began + at_s - clock()
            if early_s > 0:
                sleep(early_s)
            elif early_s < -LATE_S:
                began -= early_s
            # A seam has the length of the last step, so that the pace goes on.
            shown_s = at_s + _length_s(picture.frame)
            yield replace(picture, at_s=at_s)
    raise NoPictures("ended", url)


def thinned(all_of: Iterator[Picture], per_s: float) -> Iterator[tuple[Picture, bool]]:
    """Each picture, and whether it is one of the `per_s` a second to be analysed."""
    step_s, due_s = 1 / per_s, float("-inf")
    for picture in all_of:
        # A little early is on time: streams jitter, and 1/10 s is not exact in binary.
        wanted = picture.first or picture.at_s >= due_s - 0.01
        if wanted:
            due_s = due_s + step_s if due_s + step_s > picture.at_s else picture.at_s + step_s
        yield picture, wanted


def _length_s(frame: VideoFrame) -> float:
    return float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.04


def _open(url: str) -> InputContainer:
    options = {"rtsp_transport": "tcp"} if arrives_as_taken(url) else {}
    try:
        return av.open(url, timeout=(PATIENCE_S, PATIENCE_S), options=options)
    except (OSError, av.error.FFmpegError) as error:
        # From None, here and below: FFmpeg's own message has the whole url with the login.
        raise _no_answer(url, error) from None


def _no_answer(url: str, error: Exception) -> NoPictures:
    match error:
        case FileNotFoundError() | av.error.HTTPNotFoundError():
            return NoPictures("missing", url)
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return NoPictures("refused", url)
        case av.error.InvalidDataError() | av.error.EOFError():
            return NoPictures("notVideo", url)
    return NoPictures("unreadable" if is_file(url) else "noAnswer", url, _why(error))


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).lower()


def _video(container: InputContainer, url: str) -> VideoStream:
    if not container.streams.video:
        raise NoPictures("noVideo", url)
    stream = container.streams.video[0]
    # One thread: a second costs more in all than it saves, and there are other cameras.
    stream.codec_context.thread_count = 1
    return stream


def _pictures(
    container: InputContainer, stream: VideoStream, url: str, *, goes_on: bool = False
) -> Iterator[Picture]:
    began = time.monotonic()
    start_s: float | None = None
    at_s = 0.0
    for frame in _frames(container, stream, url):
        # What comes as it is taken has the time of arrival, which nobody can set.
        now_s = time.monotonic() - began if arrives_as_taken(url) else frame.time or 0.0
        first = start_s is None
        if first and goes_on:
            start_s = float((stream.start_time or 0) * (stream.time_base or 0))
            at_s = now_s - start_s
        if start_s is None or not -LATE_S < now_s - start_s - at_s < JUMP_S:
            start_s = now_s - at_s
        at_s = max(now_s - start_s, at_s)
        yield Picture(frame, at_s, first)
    if start_s is None:
        raise NoPictures("noPicture", url)
    _require_whole(container, at_s, url)


def _frames(container: InputContainer, stream: VideoStream, url: str) -> Iterator[VideoFrame]:
    broken = 0
    packets = container.demux(stream)
    while True:
        try:
            packet: Any = next(packets, None)
            if packet is None:
                return
            frames = packet.decode()
        except av.error.InvalidDataError:
            broken += 1
            if broken > MOST_BROKEN:
                raise NoPictures("garbled", url) from None
            continue
        except (OSError, av.error.FFmpegError) as error:
            raise NoPictures("broken" if is_file(url) else "stopped", url, _why(error)) from None
        broken = 0 if frames else broken
        yield from frames


def _require_whole(container: InputContainer, end_s: float, url: str) -> None:
    """A file that ends long before the end it states was cut off on the way here."""
    stated_s = (container.duration or 0) / av.time_base
    if is_file(url) and end_s < ENDS_EARLY * stated_s - 1:
        raise NoPictures("cutOff", url, f"after {end_s:.0f} s of {stated_s:.0f} s")
