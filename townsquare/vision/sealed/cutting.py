"""Packets of a camera as they came, put together again as files of about ten seconds, in memory.

Always holds: nothing is decoded or encoded; a piece begins with a key frame, as long as the camera
sends one every half minute; time goes forward within a piece.
"""

import io
from dataclasses import dataclass, field

import av
from av import Packet
from av.container import OutputContainer
from av.video.stream import VideoStream

from townsquare.model.errors import Invalid

ENOUGH_S = 9.0  # then the next key frame begins a new piece: cameras send one every 1 to 10 s
LONGEST_S = 30.0
LARGEST = 1 << 26  # bytes
JUMP_S = 10.0  # between two packets: the clock of the stream was set, or it began anew
MP4 = frozenset({"h264", "hevc", "av1", "mpeg4", "mpeg2video", "mpeg1video", "vp9", "mjpeg"})
# Readable as far as it goes, without anything at its end.
FRAGMENTS = {"movflags": "empty_moov+default_base_moof+frag_keyframe"}


@dataclass(slots=True)
class Piece:
    """What was put together so far, of a stream as it was when the piece began."""

    stream: VideoStream
    began_s: float  # by the steady clock
    content: io.BytesIO = field(default_factory=io.BytesIO)
    out: OutputContainer | None = None
    copied: VideoStream | None = None
    first: int | None = None
    last: int = -1

    @property
    def codec(self) -> str:
        return self.stream.codec_context.name

    @property
    def container(self) -> str:
        return "mp4" if self.codec in MP4 else "matroska"

    def full(self, packet: "Packet[VideoStream]", at_s: float) -> bool:
        """Whether this packet is to begin another one."""
        long_s = at_s - self.began_s
        if self.content.tell() > LARGEST or long_s >= LONGEST_S:
            return True
        return packet.is_keyframe and long_s >= ENOUGH_S

    def add(self, packet: "Packet[VideoStream]") -> None:
        """Raises Invalid for what the container does not take."""
        try:
            self._add(packet)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise Invalid(f"packets of {self.codec} do not fit {self.container}") from error

    def _add(self, packet: "Packet[VideoStream]") -> None:
        if self.out is None or self.copied is None:
            options = FRAGMENTS if self.container == "mp4" else {}
            self.out = av.open(self.content, "w", format=self.container, options=options)
            self.copied = self.out.add_stream_from_template(self.stream)
        stamp = packet.dts if packet.dts is not None else packet.pts
        due = self.last + 1 if stamp is None else stamp - self._start(stamp)
        shown = due if packet.pts is None else packet.pts - self._start(packet.pts)
        packet.dts = self.last = max(due, self.last + 1)
        packet.pts = max(shown, packet.dts)
        packet.stream = self.copied
        self.out.mux(packet)

    def _start(self, stamp: int) -> int:
        if self.first is None:
            self.first = stamp
        return self.first

    def closed(self) -> bytes:
        """All of it. Raises Invalid where nothing was put in."""
        if self.out is None:
            raise Invalid("a piece without a packet")
        try:
            self.out.close()
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise Invalid(f"{self.container} of {self.codec} cannot be closed") from error
        return self.content.getvalue()


def jumped(before: float | None, after: float | None) -> bool:
    """Between two packets, by their own stamps in seconds."""
    return before is not None and after is not None and not -1.0 <= after - before < JUMP_S
