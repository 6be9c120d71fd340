"""Pictures from a video file or a stream, in order and at the pace at which they were taken.

A file is played at real time and begins again at its end, as if it were a camera. HLS comes in
pieces of some seconds, which are played at real time too; RTSP comes as it is taken. A message
never contains the login that a URL may carry.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import av
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from townsquare.model.errors import Invalid, NotFound, TownsquareError, Unavailable

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


def is_file(url: str) -> bool:
    return "://" not in url


def arrives_as_taken(url: str) -> bool:
    return url.startswith(("rtsp://", "rtsps://"))


def without_login(url: str) -> str:
    """What may be shown of a URL."""
    if is_file(url):
        return url
    parts = urlsplit(url)
    # A token in the query opens many cameras as well as a password does.
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def without_address(message: str, url: str) -> str:
    """For pages that everyone can read: not where in the town's network or disk it is."""
    return message.replace(without_login(url), Path(url).name if is_file(url) else "its stream")


def with_login(url: str, login: str) -> str:
    """`login` is name:password, as the secret holds it."""
    if not login:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


def pictures(url: str) -> Iterator[Picture]:
    """All pictures of a file, or of a stream while it lasts, as fast as they are asked for.

    Raises NotFound, Invalid or Unavailable, with a remedy.
    """
    container = _open(url)
    try:
        yield from _pictures(container, _video(container, url), url)
    finally:
        container.close()


def in_real_time(
    url: str,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Picture]:
    """Without an end; raises what `pictures` raises, and Unavailable when a stream ends."""
    if arrives_as_taken(url):
        yield from pictures(url)
        raise _ended(url)
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
    raise _ended(url)


def thinned(all_of: Iterator[Picture], per_s: float) -> Iterator[tuple[Picture, bool]]:
    """Each picture, and whether it is one of the `per_s` a second to be analysed."""
    step_s, due_s = 1 / per_s, float("-inf")
    for picture in all_of:
        # A little early is on time: streams jitter, and 1/10 s is not exact in binary.
        wanted = picture.first or picture.at_s >= due_s - 0.01
        if wanted:
            due_s = due_s + step_s if due_s + step_s > picture.at_s else picture.at_s + step_s
        yield picture, wanted


def _ended(url: str) -> Unavailable:
    return Unavailable(f"{without_login(url)} ended; it is tried again, check the camera")


def _length_s(frame: VideoFrame) -> float:
    return float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.04


def _open(url: str) -> InputContainer:
    shown = without_login(url)
    options = {"rtsp_transport": "tcp"} if arrives_as_taken(url) else {}
    try:
        return av.open(url, timeout=(PATIENCE_S, PATIENCE_S), options=options)
    except FileNotFoundError as error:
        raise NotFound(f"video {shown} does not exist; check the camera's url") from error
    except (av.error.InvalidDataError, av.error.EOFError) as error:
        raise Invalid(f"{shown} is empty, cut off or no video; copy or export it anew") from error
    except OSError as error:  # what FFmpeg says of files and networks
        raise _no_answer(shown, error) from error
    except av.error.FFmpegError as error:
        raise _no_answer(shown, error) from error


def _no_answer(shown: str, error: Exception) -> TownsquareError:
    why = (getattr(error, "strerror", None) or type(error).__name__).lower()
    if is_file(shown):
        return Invalid(f"video {shown} cannot be read ({why}); check the file and its owner")
    return Unavailable(
        f"{shown} does not answer ({why}); it is tried again, check the camera, its"
        " address and its login"
    )


def _video(container: InputContainer, url: str) -> VideoStream:
    if not container.streams.video:
        raise Invalid(f"{without_login(url)} has no video in it; check the camera's url")
    stream = container.streams.video[0]
    # One thread: a second costs more in all than it saves, and there are other cameras.
    stream.codec_context.thread_count = 1
    return stream


def _pictures(container: InputContainer, stream: VideoStream, url: str) -> Iterator[Picture]:
    began = time.monotonic()
    start_s: float | None = None
    at_s = 0.0
    for frame in _frames(container, stream, url):
        # What comes as it is taken has the time of arrival, which nobody can set.
        now_s = time.monotonic() - began if arrives_as_taken(url) else frame.time or 0.0
        first = start_s is None
        if start_s is None or not -LATE_S < now_s - start_s - at_s < JUMP_S:
            start_s = now_s - at_s
        at_s = max(now_s - start_s, at_s)
        yield Picture(frame, at_s, first)
    if start_s is None:
        raise Invalid(f"{without_login(url)} holds no picture; copy or export it anew")
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
                raise Invalid(f"{without_login(url)} sends no readable video") from None
            continue
        except (OSError, av.error.FFmpegError) as error:
            raise _stopped(url, error) from error
        broken = 0 if frames else broken
        yield from frames


def _stopped(url: str, error: Exception) -> TownsquareError:
    shown = without_login(url)
    if is_file(url):
        return Invalid(f"video {shown} cannot be read on; copy or export it anew")
    why = (getattr(error, "strerror", None) or type(error).__name__).lower()
    return Unavailable(f"{shown} stopped sending ({why}); it is tried again, check the camera")


def _require_whole(container: InputContainer, end_s: float, url: str) -> None:
    """A file that ends long before the end it states was cut off on the way here."""
    stated_s = (container.duration or 0) / av.time_base
    if is_file(url) and end_s < ENDS_EARLY * stated_s - 1:
        raise Invalid(
            f"video {url} ends after {end_s:.0f} s but should last {stated_s:.0f} s;"
            " it was cut off, copy it anew"
        )
