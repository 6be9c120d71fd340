"""What sealing costs: cameras of 2.4 Mbit/s that one core seals and keeps, disk included.

Each segment is ten seconds of packets of one camera, put together, sealed and made durable by the
recorder's own code; beside it the same number of bytes is written and made durable, unsealed. The
time of a core is the larger of what passed and what was computed, so that a fast disk flatters
nobody. Usage: python bench/seal.py [SECONDS]
"""

import io
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from rich.console import Console
from rich.table import Table

from townsquare.trust.seal import keys
from townsquare.trust.seal.keys import CustodianKey
from townsquare.vision.sandbox import Confined
from townsquare.vision.sealed import durable
from townsquare.vision.sealed.cutting import Piece
from townsquare.vision.sealed.desk import Desk
from townsquare.vision.sealed.hours import hour_of
from townsquare.vision.sealed.sizes import Sizes

SEGMENT_S, RATE_MBIT = 10, 2.4
PER_S = 25
GOAL = 100
AT = datetime(2031, 5, 1, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Cost:
    """Of one segment, in seconds."""

    passed: float
    computed: float

    @property
    def cameras(self) -> float:
        return SEGMENT_S / max(self.passed, self.computed)


def clip() -> bytes:
    """Ten seconds of pictures with noise, as MPEG-4 of the bit rate, a key frame each second."""
    random, content = np.random.default_rng(0), io.BytesIO()
    with av.open(content, "w", format="matroska") as out:
        stream = out.add_stream("mpeg4", rate=PER_S)
        assert isinstance(stream, VideoStream)  # noqa: S101 - it was just added
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.bit_rate, stream.gop_size = int(RATE_MBIT * 1e6), PER_S
        for n in range(SEGMENT_S * PER_S):
            noise = random.integers(0, 90, (360, 640, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(noise + np.uint8(n % 100), format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, PER_S)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return content.getvalue()


def desk(folder: Path) -> Desk:
    named = (CustodianKey(name, keys.fresh().public, bytes(32)) for name in ("a", "b", "c"))
    hour = {hour_of(AT): keys.fresh().public}
    return Desk(folder, tuple(named), "terms", "policy", hour, Confined(), lambda _: None)


def piece(content: bytes) -> Piece:
    """Of as many packets as make the bytes of ten seconds; reading them is part of the cost."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        made = Piece(stream, 0.0)
        for packet in container.demux(stream):
            if packet.size:
                made.add(packet)
    return made


def measured(work: Callable[[int], object], seconds: float) -> Cost:
    began, computed, times = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began < seconds:
        work(times)
        times += 1
    return Cost((time.monotonic() - began) / times, (time.process_time() - computed) / times)


def main(seconds: float) -> None:
    content = clip()
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        place, sizes = desk(folder), Sizes()
        raw = bytes(content)

        def seal(n: int) -> None:
            since = AT + timedelta(milliseconds=n)
            span = since, since + timedelta(seconds=SEGMENT_S)
            place.keep(piece(content), "bench", span, sizes)

        def write(n: int) -> None:
            durable.write(folder / f"{n}.part", raw)
            (folder / f"{n}.part").replace(folder / f"{n}.raw")
            durable.settled(folder)

        sealed = measured(seal, seconds)
        length = next(folder.rglob("*.seal")).stat().st_size
        plain = measured(write, seconds)
    table = Table("", "sealed", "written only", "ratio", box=None)
    ratio = sealed.cameras / plain.cameras
    table.add_row(
        f"cameras of {len(content) * 8 / SEGMENT_S / 1e6:.1f} Mbit/s that one core keeps, disk"
        " included",
        f"{sealed.cameras:,.0f}",
        f"{plain.cameras:,.0f}",
        f"{ratio:.2f}",
    )
    table.add_row(
        "a segment of ten seconds, ms that pass",
        f"{sealed.passed * 1e3:.1f}",
        f"{plain.passed * 1e3:.1f}",
        "",
    )
    table.add_row(
        "of that computed, ms", f"{sealed.computed * 1e3:.1f}", f"{plain.computed * 1e3:.1f}", ""
    )
    table.add_row("bytes on disk, MB", f"{length / 1e6:.2f}", f"{len(content) / 1e6:.2f}", "")
    Console(width=110).print(table)
    print(f"goal: {GOAL} cameras a core; {'met' if sealed.cameras >= GOAL else 'NOT met'}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 15.0)
