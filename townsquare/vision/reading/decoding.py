"""Pictures out of packets: only those that are needed, and none that is known to be damaged."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import av
from av import VideoFrame
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from townsquare.vision.address import is_file
from townsquare.vision.observation import Decoder
from townsquare.vision.reading.clock import sent_at
from townsquare.vision.reading.opening import Way, why
from townsquare.vision.trouble import NoPictures

MOST_BROKEN = 1000  # packets in a row without a picture; key frames come more often
DAMAGE = 10  # a damaged one counts as so many; a stream joined in the middle starts with some
MOST_PIXELS = 7680 * 4320  # 8K; a broken header can claim far more than there is memory
# At the worst three pictures out of four are ones that no other refers to.
LEFT_BY_SKIPPING = 1 / 4
REDUCES = ("mjpeg", "mpeg4")  # codecs that can decode to half the size, and half again
ENOUGH_PX = (1280, 720)  # longer and shorter side that stay: no model looks at 900 x 500


@dataclass(slots=True)
class Video:
    """The video of a container, as it is decoded. `scale` is by how much pictures are smaller."""

    container: InputContainer
    stream: VideoStream
    url: str
    scale: int = 1
    lost: int = 0  # since the last picture: damaged, or not decoded at all
    sent: dict[int, float] = field(default_factory=dict)  # by the camera's clock, by time stamp

    @property
    def decoder(self) -> Decoder:
        return "hardware" if self.stream.codec_context.is_hwaccel else "software"

    def lost_since(self) -> int:
        lost, self.lost = self.lost, 0
        return lost

    def sent_at(self, frame: VideoFrame) -> float | None:
        """By the camera's clock, in seconds since 1970. What was sent before is forgotten."""
        at = self.sent.pop(frame.pts, None) if frame.pts is not None else None
        self.sent = {pts: s for pts, s in self.sent.items() if pts > (frame.pts or 0)}
        return at


def video(container: InputContainer, url: str, way: Way) -> Video:
    """Raises NoPictures."""
    if not container.streams.video:
        raise NoPictures("noVideo", url)
    stream = container.streams.video[0]
    # What PyAV's types leave out: there is none where FFmpeg does not know the codec.
    context: VideoCodecContext | None = stream.codec_context
    if context is None:
        raise NoPictures("garbled", url, "its codec is not known")
    if context.width * context.height > MOST_PIXELS:
        raise NoPictures("tooLarge", url, f"{context.width} x {context.height}")
    # One thread: a second costs more in all than it saves, and there are other cameras.
    context.thread_count = 1
    halvings = halved(context.name, (context.width, context.height)) if way.per_s else 0
    context.options = {"max_pixels": str(MOST_PIXELS)}
    if halvings:
        context.options |= {"lowres": str(halvings)}
    if leaves_room(float(stream.average_rate or 0), way.per_s):
        context.skip_frame = "NONREF"
    return Video(container, stream, url, scale=2**halvings)


def leaves_room(rate_per_s: float, wanted_per_s: float) -> bool:
    """Whether enough pictures are left without those that no other refers to."""
    return 0 < wanted_per_s <= rate_per_s * LEFT_BY_SKIPPING


def halved(codec: str, size: tuple[int, int]) -> int:
    """How many times a picture may be made half as large while it is decoded: 0, 1 or 2. Without
    a remainder, so that a pixel of it stands for a square of pixels.
    """
    if codec not in REDUCES:
        return 0
    longer, shorter = max(size) // ENOUGH_PX[0], min(size) // ENOUGH_PX[1]
    return max(n for n in (0, 1, 2) if n == 0 or _fits(size, 2**n, min(longer, shorter)))


def _fits(size: tuple[int, int], scale: int, most: int) -> bool:
    return scale <= most and size[0] % scale == 0 and size[1] % scale == 0


def frames(video: Video) -> Iterator[VideoFrame]:
    """Those that are whole. Raises NoPictures."""
    url, broken = video.url, 0
    packets = video.container.demux(video.stream)
    while True:
        try:
            packet: Any = next(packets, None)
            if packet is None:
                return
            found = _decoded(packet, video)
        except av.error.InvalidDataError:
            found = None
            video.lost += 1
        except (OSError, av.error.FFmpegError) as error:
            raise NoPictures("broken" if is_file(url) else "stopped", url, why(error)) from None
        whole = [frame for frame in found or () if not frame.is_corrupt]
        video.lost += len(found or ()) - len(whole)
        # A packet without a picture says less: some codecs hold pictures back, and one that begins
        # in the middle waits for a picture that is complete in itself.
        broken = 0 if whole else broken + (1 if found == [] else DAMAGE)
        if broken > MOST_BROKEN:
            raise NoPictures("garbled", url)
        yield from whole


def _decoded(packet: Any, video: Video) -> list[VideoFrame]:
    if packet.has_sidedata("prft") and packet.pts is not None:
        video.sent[packet.pts] = sent_at(bytes(packet.get_sidedata("prft")))
    found: list[VideoFrame] = packet.decode()
    return found
