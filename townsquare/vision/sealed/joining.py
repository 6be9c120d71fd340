"""Pieces of a recording put into one file, without encoding anything anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from townsquare.model.errors import Invalid


def joined(pieces: Sequence[Path], file: Path) -> None:
    """One after the other; what is missing in between is skipped. Raises Invalid where the camera
    changed what it sends, or a piece cannot be read: then the pieces stand alone.
    """
    try:
        with av.open(str(file), "w", format="mp4") as out:
            joining = _Joining(out)
            for piece in pieces:
                joining.add(piece)
    except av.error.FFmpegError as error:
        raise Invalid(f"the pieces cannot be joined: {error.strerror}") from error


@dataclass(slots=True)
class _Joining:
    """`at` is the end of what is in the file, seconds."""

    out: OutputContainer
    stream: VideoStream | None = None
    alike: tuple[str, int, int, bytes | None] | None = None
    at: Fraction = Fraction(0)

    def add(self, piece: Path) -> None:
        with av.open(str(piece), "r") as container:
            source = container.streams.video[0]
            stream = self._stream(source, piece)
            base, end = source.time_base or Fraction(1, 90_000), self.at
            first: int | None = None
            for packet in container.demux(source):
                if packet.dts is None or packet.pts is None:
                    continue
                first = packet.dts if first is None else first
                shift = round(self.at / base) - first
                packet.dts, packet.pts = packet.dts + shift, packet.pts + shift
                end = max(end, (packet.dts + (packet.duration or 1)) * base)
                packet.stream = stream
                self.out.mux(packet)
            self.at = end

    def _stream(self, source: VideoStream, piece: Path) -> VideoStream:
        """Raises Invalid."""
        context = source.codec_context
        told = (context.codec.name, context.width, context.height, context.extradata)
        if self.stream is None:
            self.stream, self.alike = self.out.add_stream_from_template(source), told
        elif told != self.alike:
            raise Invalid(f"{piece.name} is of another kind than the pieces before it")
        return self.stream
