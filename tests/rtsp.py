"""A camera that speaks RTSP, on a port of this machine: one session after the other, MPEG-4 by RTP.

What RFC 7826's older brother (RFC 2326) needs for a player to get pictures, and RFC 3550's report
of the sender, in which a camera says what time it is.
"""

import contextlib
import itertools
import re
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import av
import numpy as np

SSRC, LARGEST, TICKS_PER_S = 7, 1200, 90_000
SINCE_1900_S = 2_208_988_800
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\na=fmtp:96 profile-level-id=1\r\n"
    "a=control:video\r\nm=audio 0 RTP/AVP 0\r\na=control:sound\r\n"
)


@cache
def packets() -> list[bytes]:
    """Pictures of 64 x 48 that get brighter."""
    shades = [np.full((48, 64, 3), 2 * n, np.uint8) for n in range(100)]
    return coded(av.VideoFrame.from_ndarray(shade, format="rgb24") for shade in shades)


def coded(frames: Iterable[av.VideoFrame]) -> list[bytes]:
    """As MPEG-4, every fifth picture complete in itself. All frames are as large as the first."""
    encoder = av.CodecContext.create("mpeg4", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.pix_fmt, encoder.framerate, encoder.gop_size = "yuv420p", Fraction(25), 5
    found = []
    for n, frame in enumerate(frames):
        if not encoder.is_open:
            encoder.width, encoder.height = frame.width, frame.height
        plain = frame.reformat(format="yuv420p")
        plain.pts, plain.time_base = n, Fraction(1, 25)
        found += [bytes(packet) for packet in encoder.encode(plain)]
    return found


@dataclass(slots=True)
class Camera:
    """`lets` are the ways that it sends by; `late_s` is how old its pictures are by its own clock,
    None where it does not say. After so many `pictures` it says nothing more, and the line stays
    for `silent_s`. `asked` is what was set up: way and part.
    """

    lets: frozenset[str] = frozenset({"tcp", "udp"})
    late_s: float | None = None
    per_s: float = 25.0
    pictures: int = 100
    silent_s: float = 10.0
    shows: Sequence[bytes] = field(default_factory=packets)  # over and over
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def serving(camera: Camera) -> Iterator[Camera]:
    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                talk(camera, self)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
    server.daemon_threads = True
    camera.url = f"rtsp://127.0.0.1:{server.server_address[1]}/live"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield camera
    finally:
        camera.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Outlet:
    """Where RTP (0) and RTCP (1) go."""

    def __init__(self, session: socketserver.StreamRequestHandler, ports: tuple[int, int] | None):
        self.session, self.ports = session, ports
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ports or ()]
        for one in self.sockets:
            one.bind(("127.0.0.1", 0))

    def send(self, channel: int, packet: bytes) -> None:
        if self.ports is None:
            head = struct.pack(">cBH", b"$", channel, len(packet))
            self.session.request.sendall(head + packet)
        else:
            self.sockets[channel].sendto(packet, ("127.0.0.1", self.ports[channel]))

    def close(self) -> None:
        for one in self.sockets:
            one.close()

    @property
    def told(self) -> str:
        if self.ports is None:
            return "RTP/AVP/TCP;unicast;interleaved=0-1"
        a, b = self.ports
        mine = "-".join(str(one.getsockname()[1]) for one in self.sockets)
        return f"RTP/AVP/UDP;unicast;client_port={a}-{b};server_port={mine}"


def talk(camera: Camera, session: socketserver.StreamRequestHandler) -> None:
    outlet: Outlet | None = None
    while request := read(session):
        method, target, heads = request
        status, more, body = "200 OK", "", ""
        if method == "DESCRIBE":
            body, more = SDP, f"Content-Base: {camera.url}/\r\nContent-Type: application/sdp\r\n"
        elif method == "SETUP":
            way = "tcp" if "tcp" in heads["transport"].lower() else "udp"
            camera.asked.append((way, target.rsplit("/", 1)[1]))
            if way in camera.lets:
                outlet = Outlet(session, ports(heads["transport"]))
                more = f"Transport: {outlet.told}\r\nSession: 1\r\n"
            else:
                status = "461 Unsupported Transport"
        elif method == "PLAY":
            more = "Session: 1\r\n"
        size = f"Content-Length: {len(body)}\r\n" if body else ""
        answer = f"RTSP/1.0 {status}\r\nCSeq: {heads['cseq']}\r\n{more}{size}\r\n{body}"
        session.request.sendall(answer.encode())
        if method == "PLAY" and outlet is not None:
            play(camera, outlet)
            return


def read(session: socketserver.StreamRequestHandler) -> tuple[str, str, dict[str, str]] | None:
    first = session.rfile.readline().decode()
    lines = (session.rfile.readline().decode().strip() for _ in range(50))
    heads = dict(line.lower().split(": ", 1) for line in itertools.takewhile(bool, lines))
    return (*first.split()[:2], heads) if first else None  # type: ignore[return-value] # two words


def ports(transport: str) -> tuple[int, int] | None:
    found = re.search(r"client_port=(\d+)-(\d+)", transport)
    return (int(found[1]), int(found[2])) if found else None


def play(camera: Camera, outlet: Outlet) -> None:
    number = itertools.count()
    for n, picture in enumerate(itertools.islice(itertools.cycle(camera.shows), camera.pictures)):
        at = n * round(TICKS_PER_S / camera.per_s)
        if camera.late_s is not None:
            outlet.send(1, report(at, time.time() - camera.late_s))
        for start in range(0, len(picture), LARGEST):
            last = start + LARGEST >= len(picture)
            head = struct.pack(">BBHII", 0x80, 96 | last << 7, next(number) & 0xFFFF, at, SSRC)
            outlet.send(0, head + picture[start : start + LARGEST])
        if camera.ended.wait(1 / camera.per_s):
            break
    camera.ended.wait(camera.silent_s)
    outlet.close()


def report(at: int, wall_s: float) -> bytes:
    whole = int(wall_s)
    ntp = (whole + SINCE_1900_S, int((wall_s - whole) * 2**32))
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, SSRC, *ntp, at, 0, 0)
