"""What a worker does all its life: reads its cameras, and tells what it counts.

Counts leave through one pipe, previews through another; there is no third way out. When standard
input ends, because the house closed it or was killed, the process ends at once.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from townsquare.vision import observation, wire
from townsquare.vision.detect import Detector, opened
from townsquare.vision.inbox import Inbox, Taken, now
from townsquare.vision.observation import Clock, Decoder, Health, Observation
from townsquare.vision.reader import keep_reading
from townsquare.vision.reading.hardware import decodes
from townsquare.vision.sandbox import Confined
from townsquare.vision.trouble import Trouble
from townsquare.vision.watch import Watch
from townsquare.vision.wire import Job

HEALTH_EVERY_S = 5.0
PREVIEW_EVERY_S = 0.5


@dataclass(slots=True)
class Duty:
    """A camera as the analysing thread keeps it; times by the steady clock."""

    watch: Watch
    since: datetime = field(default_factory=now)
    trouble: Trouble = ""
    told_s: float | None = None
    analysed: int = 0
    shown_s: float = 0.0
    clock: Clock = "arrival"
    decoder: Decoder = "software"


@dataclass(slots=True)
class Worker:
    """`wanted` says until when previews of a camera are; the thread that hears orders sets it."""

    detector: Detector
    confined: Confined
    inbox: Inbox
    duties: dict[str, Duty]
    tell: Callable[[Observation], None]
    show: Callable[[bytes], None]
    wanted: dict[str, datetime] = field(default_factory=dict)

    def run(self) -> None:
        while True:
            taken = self.inbox.take(patience_s=1.0)
            if taken is not None:
                self.attend(self.duties[taken.camera], taken)
            for duty in self.duties.values():
                if duty.told_s and time.monotonic() - duty.told_s >= HEALTH_EVERY_S:
                    self.tell(self.health(duty))

    def attend(self, duty: Duty, taken: Taken) -> None:
        changed = duty.told_s is None or taken.trouble != duty.trouble
        if changed:
            duty.trouble, duty.since = taken.trouble, taken.at
        if taken.picture is None:
            duty.watch.lose()
            duty.watch.size = taken.size or duty.watch.size
        else:
            self.analyse(duty, taken)
        if changed:
            self.tell(self.health(duty))

    def analyse(self, duty: Duty, taken: Taken) -> None:
        picture = taken.picture
        assert picture is not None  # noqa: S101 - the caller looked
        duty.clock, duty.decoder = picture.clock, picture.decoder
        found = self.detector.detect(picture.frame).enlarged(picture.scale)
        for seen in duty.watch.see(picture, found, taken.at, time.monotonic()):
            self.tell(seen)
        duty.analysed += 1
        wanted = self.wanted.get(taken.camera)
        if wanted and now() < wanted and time.monotonic() - duty.shown_s >= PREVIEW_EVERY_S:
            duty.shown_s = time.monotonic()
            self.show(wire.packet(taken.camera, duty.watch.preview()))

    def health(self, duty: Duty) -> Health:
        """Rates are since the last time."""
        watch, at_s = duty.watch, time.monotonic()
        tally = self.inbox.tally(watch.camera.name)
        for_s = at_s - duty.told_s if duty.told_s else HEALTH_EVERY_S
        analysed, duty.told_s, duty.analysed = duty.analysed, at_s, 0
        return Health(
            camera=watch.camera.name,
            read_per_s=round(tally.read / for_s, 1),
            analysed_per_s=round(analysed / for_s, 1),
            dropped=tally.dropped,
            quality="unknown" if duty.trouble else watch.quality,
            sandbox=self.confined.level(),
            background=round(watch.known(), 3),
            since=duty.since,
            trouble=duty.trouble,
            size=watch.size,
            clock=duty.clock,
            decoder=duty.decoder,
            light="unknown" if duty.trouble else watch.light,
        )


def send(packets: "queue.Queue[bytes]", pipe: int) -> None:
    while True:
        write_all(pipe, packets.get())


def hear(orders: Iterable[bytes], wanted: dict[str, datetime]) -> None:
    for text in orders:
        order = wire.show(text)
        wanted[order.camera] = order.until
    os._exit(0)  # the house closed our input, or is gone


def write_all(pipe: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(pipe, left) :]


def offer(packets: "queue.Queue[bytes]", packet: bytes) -> None:
    """Unless nobody takes them: counting does not wait for a preview."""
    if not packets.full():
        packets.put(packet)


def end_with(failed: threading.ExceptHookArgs) -> None:
    """A thread that fails takes the process with it: it is better started anew than half alive."""
    threading.__excepthook__(failed)
    os._exit(1)


def begin(work: Callable[..., None], *given: object) -> None:
    threading.Thread(target=work, args=given, daemon=True).start()


def work(job: Job, confined: Confined, observations: int, previews: int) -> None:
    """Never returns. Raises CannotStart."""
    threading.excepthook = end_with
    packets: queue.Queue[bytes] = queue.Queue(maxsize=len(job.cameras))
    worker = Worker(
        opened(job.detector, Path(job.models) if job.models else None),
        confined,
        Inbox(),
        {camera.name: Duty(Watch(camera)) for camera in job.cameras},
        tell=lambda told: write_all(observations, observation.write(told)),
        show=lambda packet: offer(packets, packet),
    )
    hardware = job.hardware and decodes()
    begin(send, packets, previews)
    begin(hear, sys.stdin.buffer, worker.wanted)
    for camera in job.cameras:
        begin(keep_reading, camera, job.detections_per_second, hardware, worker.inbox, confined)
    worker.run()
