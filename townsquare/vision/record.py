"""What a recorder does all its life: reads its cameras, and lays sealed segments on the shelf.

Always holds: what is written is ciphertext, of keys that this process has no other half of; a
segment is listed once it is durable; a camera that fails, and a disk that is full, cost what was
not recorded then and nothing before or after. When standard input ends, what was begun is sealed,
and the process ends.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from av import Packet
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from townsquare.model.errors import Invalid
from townsquare.trust.seal.keys import custodian_key
from townsquare.vision.address import arrives_as_taken
from townsquare.vision.inbox import STEADY_S, now, waits_s
from townsquare.vision.outlet import begin, end_with, write_all
from townsquare.vision.reading.opening import Way, opened, transport, why
from townsquare.vision.sandbox import Confined
from townsquare.vision.sealed import recorded
from townsquare.vision.sealed.cutting import JUMP_S, Piece, jumped
from townsquare.vision.sealed.desk import Desk, NotKept
from townsquare.vision.sealed.recorded import Lack, Lost, Said, Source, State, Task
from townsquare.vision.sealed.sizes import Sizes
from townsquare.vision.trouble import NoPictures

STATE_EVERY_S = 5.0
SEAM = timedelta(seconds=2)  # that a new connection may take without a gap worth telling
SHORTEST_S = 0.001  # of a segment, so that each has a name of its own
LATE_S = 1.0  # that a packet may come later than the one before it
LEAST_LOOP_S = 1.0  # a file of one picture is not opened more often


@dataclass(slots=True)
class Film:
    """One camera: packets go in, segments go onto the shelf. `until` is what was recorded last."""

    camera: Source
    desk: Desk
    sizes: Sizes
    piece: Piece | None = None
    since: datetime | None = None
    until: datetime | None = None
    stamp_s: float | None = None  # of the last packet, by the stream
    seen_s: float = 0.0  # when it came, by the steady clock
    lack: Lack = "camera"
    trouble: NoPictures | None = None
    recording: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, packet: "Packet[VideoStream]", stream: VideoStream) -> None:
        """Raises NoPictures where the stream must be opened anew."""
        with self.lock:
            at_s, stamp_s = time.monotonic(), _stamp_s(packet)
            if jumped(self.stamp_s, stamp_s):
                self._jump(at_s)
            seen_s = self._seen_s(at_s, stamp_s)
            self.stamp_s = stamp_s if stamp_s is not None else self.stamp_s
            if self.piece and self.piece.full(packet, at_s):
                self._cut(at_s)
            piece = self.piece or self._begin(stream, at_s)
            try:
                piece.add(packet)
                self.seen_s = seen_s
            except Invalid as error:
                self._drop("camera", str(error))
                raise NoPictures("garbled", self.camera.url, str(error)) from error

    def lose(self, trouble: NoPictures) -> None:
        """What came so far is kept."""
        with self.lock:
            self._cut(self.seen_s)
            self.stamp_s, self.recording = None, False
            self.lack, self.trouble = "camera", trouble

    def end(self) -> None:
        with self.lock:
            self._cut(self.seen_s)

    def state(self) -> State:
        told = self.trouble.trouble if self.trouble and not self.recording else ""
        lack = "" if self.recording else self.lack
        level = self.desk.confined.level()
        return State(self.camera.name, self.recording, level, lack, told)

    def _begin(self, stream: VideoStream, at_s: float) -> Piece:
        at = max(now(), self.until) if self.until else now()
        if self.until and at - self.until > SEAM:
            self.desk.tell(Lost(self.camera.name, self.until, at, self.lack))
        piece = Piece(stream, at_s)
        self.piece, self.since = piece, at
        return piece

    def _seen_s(self, at_s: float, stamp_s: float | None) -> float:
        """When a packet came; or should have: the last one of a camera that fell silent is handed
        out only when the connection ends.
        """
        if self.stamp_s is None or stamp_s is None:
            return at_s
        return min(at_s, self.seen_s + max(stamp_s - self.stamp_s, 0.0) + LATE_S)

    def _jump(self, at_s: float) -> None:
        """The time of the stream was set, or the stream began anew, maybe in another way: only a
        new connection says so. Raises NoPictures.
        """
        self._cut(at_s)
        if "://" in self.camera.url and not arrives_as_taken(self.camera.url):
            raise NoPictures("ended", self.camera.url, "its time jumped")

    def _cut(self, at_s: float) -> None:
        """What was put together becomes a segment, until this time by the steady clock: that of the
        packet which the next one begins with, or else of the last one.
        """
        piece, since = self.piece, self.since
        self.piece = None
        if piece is None or since is None or piece.out is None:
            return
        passed = timedelta(seconds=max(at_s - piece.began_s, SHORTEST_S))
        until = since + passed  # a clock that is set meanwhile makes no segment longer or shorter
        try:
            kept = self.desk.keep(piece, self.camera.name, (since, until), self.sizes)
        except NotKept as error:
            self.until = since
            self._failed(error)
            return
        self.until, self.recording = until, True
        self.desk.tell(kept)

    def _failed(self, error: NotKept) -> None:
        print(f"camera {self.camera.name}: {error}", file=sys.stderr, flush=True)
        self.lack, self.recording = error.lack, False

    def _drop(self, lack: Lack, told: str) -> None:
        self.piece = None
        self._failed(NotKept(lack, told))


def _stamp_s(packet: "Packet[VideoStream]") -> float | None:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return None if stamp is None else float(stamp * packet.time_base)


def keep_recording(film: Film) -> None:
    """Never returns. A camera that fails is tried again, later each time."""
    waits, failures, camera = waits_s(), 0, film.camera
    while True:
        began_s = time.monotonic()
        error = one_try(film, Way(transport(camera.transport, failures)))
        film.lose(error)
        if film.desk.confined.replaced(camera.url):
            film.end()
            os._exit(0)  # begun anew, the process may read what lies there now
        lasted = time.monotonic() - began_s > STEADY_S
        waits, failures = (waits_s(), 0) if lasted else (waits, failures + 1)
        print(f"camera {camera.name}: {error}", file=sys.stderr, flush=True)
        time.sleep(next(waits))


def one_try(film: Film, way: Way) -> NoPictures:
    """All that one connection gives, or a file, over and over; and why it gives no more."""
    url = film.camera.url
    try:
        while True:
            began_s = time.monotonic()
            with closing(opened(url, way)) as container:
                for packet in packets(container, url):
                    film.take(packet, container.streams.video[0])
            if "://" in url:
                return NoPictures("ended", url)
            time.sleep(max(0.0, LEAST_LOOP_S - (time.monotonic() - began_s)))
    except NoPictures as error:
        return error


def packets(container: InputContainer, url: str) -> "Iterator[Packet[VideoStream]]":
    """Of the video, in real time. Raises NoPictures."""
    if not container.streams.video:
        raise NoPictures("noVideo", url)
    stream, as_taken = container.streams.video[0], arrives_as_taken(url)
    known, began_s, first = stream.codec_context.extradata, time.monotonic(), None
    try:
        for packet in container.demux(stream):
            if not packet.size:
                continue
            stamp_s = _stamp_s(packet)
            if not as_taken and stamp_s is not None:
                first = stamp_s if first is None else first
                early_s = began_s + stamp_s - first - time.monotonic()
                time.sleep(max(early_s, 0.0) if early_s < JUMP_S else 0.0)
            if changed(packet, known):
                raise NoPictures("ended", url, "it changed how it codes")
            yield packet
    except (OSError, FFmpegError) as error:
        raise NoPictures("stopped" if "://" in url else "broken", url, why(error)) from None


def changed(packet: "Packet[VideoStream]", known: bytes | None) -> bool:
    """Whether the stream goes on in another way than it began."""
    if not packet.has_sidedata("new_extradata"):
        return False
    return bytes(packet.get_sidedata("new_extradata")) != (known or b"")


def work(task: Task, confined: Confined, says: int) -> None:
    """Never returns."""
    threading.excepthook = end_with
    speaking = threading.Lock()

    def tell(said: Said) -> None:
        with speaking:
            write_all(says, recorded.line(said))

    desk = Desk(
        Path(task.folder),
        tuple(custodian_key(one) for one in task.custodians),
        task.terms,
        task.policy,
        recorded.taken(task.keys),
        confined,
        tell,
    )
    films = [Film(camera, desk, Sizes(camera.least)) for camera in task.cameras]
    for film in films:
        begin(keep_recording, film)
    begin(hear, desk, films)
    while True:
        time.sleep(STATE_EVERY_S)
        for film in films:
            tell(film.state())


def hear(desk: Desk, films: list[Film]) -> None:
    """What the house says, until its end."""
    for said in sys.stdin.buffer:
        order = recorded.renewed(said)
        desk.keys, desk.policy = recorded.taken(order.keys), order.policy
    for film in films:
        film.end()
    os._exit(0)
