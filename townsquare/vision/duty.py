"""What a worker does all its life: reads its cameras, and tells what it counts.

Counts leave through one pipe, previews through another; there is no third way out. When standard
input ends, because the house closed it or was killed, the process ends at once.
"""

import math
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from townsquare.vision import budget, observation, trying, wire
from townsquare.vision.detect import opened
from townsquare.vision.glance import Glance
from townsquare.vision.inbox import Inbox, Taken, now
from townsquare.vision.looking import rate_per_s
from townsquare.vision.meter import Meter
from townsquare.vision.observation import Clock, Decoder, Health, Said
from townsquare.vision.outlet import begin, end_with, offer, send, write_all
from townsquare.vision.read import Pace
from townsquare.vision.reader import keep_reading
from townsquare.vision.reading.hardware import decodes
from townsquare.vision.sandbox import Confined
from townsquare.vision.trouble import Trouble
from townsquare.vision.watch import Watch
from townsquare.vision.wire import Job, Try

HEALTH_EVERY_S = 5.0
PREVIEW_EVERY_S = 0.5
LATEST = timedelta(seconds=65)  # a camera's clock may be late by a minute


@dataclass(slots=True)
class Duty:
    """A camera as the analysing thread keeps it; times by the steady clock."""

    watch: Watch
    glance: Glance
    pace: Pace
    since: datetime = field(default_factory=now)
    trouble: Trouble = ""
    told_s: float | None = None
    analysed: int = 0
    wanted_per_s: float = 0.0  # by what moves there; nothing while there is no picture
    asked: float = 0.0  # sum of these over the pictures analysed
    held: int = 0  # of the pictures analysed, those that came later than wanted
    shown_s: float = 0.0
    tried_s: float | None = None
    clock: Clock = "arrival"
    decoder: Decoder = "software"


@dataclass(slots=True)
class Worker:
    """`wanted` says until when previews of a camera are; the thread that hears orders sets it."""

    usual_per_s: float
    confined: Confined
    inbox: Inbox
    duties: dict[str, Duty]
    tell: Callable[[Said], None]
    show: Callable[[bytes], None]
    wanted: dict[str, datetime] = field(default_factory=dict)
    cores: float = 1.0
    meter: Meter = field(default_factory=Meter)
    allowed_per_s: float = math.inf  # pictures of all cameras together
    most_each: float = math.inf  # of a camera, so that they keep to that
    asked: "queue.SimpleQueue[Try]" = field(default_factory=queue.SimpleQueue)

    def run(self) -> None:
        while True:
            taken = self.inbox.take(patience_s=1.0)
            if taken is not None:
                with self.meter.analysing(taken.picture is not None):
                    self.attend(self.duties[taken.camera], taken)
            while not self.asked.empty():
                self.try_out(self.asked.get())
            if spent := self.meter.second():
                self.allowed_per_s = budget.allowed_per_s(self.allowed_per_s, spent, self.cores)
                self.share_out()
            for duty in self.duties.values():
                # Of a camera that sends nothing windows close as well.
                for told in duty.watch.flows.close(now() - LATEST):
                    self.tell(told)
                if duty.told_s and time.monotonic() - duty.told_s >= HEALTH_EVERY_S:
                    self.tell(self.health(duty))

    def attend(self, duty: Duty, taken: Taken) -> None:
        changed = duty.told_s is None or taken.trouble != duty.trouble
        if changed:
            duty.trouble, duty.since = taken.trouble, taken.at
        if taken.picture is None:
            # Whatever lasted is not over but unknown, which the trouble says.
            duty.watch.lose()
            duty.wanted_per_s = 0.0
            duty.watch.size = taken.size or duty.watch.size
        else:
            self.analyse(duty, taken)
        if changed:
            self.tell(self.health(duty))

    def analyse(self, duty: Duty, taken: Taken) -> None:
        picture = taken.picture
        assert picture is not None  # noqa: S101 - the caller looked
        duty.clock, duty.decoder = picture.clock, picture.decoder
        found = duty.glance.boxes(picture, duty.watch.scene.tracks.alive)
        for seen in duty.watch.see(picture, found, taken.at, time.monotonic()):
            self.tell(seen)
        duty.wanted_per_s = rate_per_s(duty.watch.scene.tracks.alive, self.usual_per_s)
        duty.pace.per_s = min(duty.wanted_per_s, self.most_each)
        duty.analysed += 1
        duty.asked += duty.wanted_per_s
        duty.held += duty.pace.per_s < duty.wanted_per_s
        wanted = self.wanted.get(taken.camera)
        if wanted and now() < wanted and time.monotonic() - duty.shown_s >= PREVIEW_EVERY_S:
            duty.shown_s = time.monotonic()
            self.show(wire.packet(taken.camera, duty.watch.preview()))

    def share_out(self) -> None:
        wanted = [duty.wanted_per_s for duty in self.duties.values()]
        self.most_each = budget.most_each(wanted, self.allowed_per_s)
        for duty in self.duties.values():
            duty.pace.per_s = min(duty.wanted_per_s or self.usual_per_s, self.most_each)

    def try_out(self, asked: Try) -> None:
        """For who has a preview, and not all the time: the house asks no more than that."""
        duty, at_s = self.duties[asked.camera], time.monotonic()
        early = duty.tried_s is not None and at_s - duty.tried_s < trying.EVERY_S / 2
        wanted = self.wanted.get(asked.camera)
        if wanted is None or now() >= wanted or early:
            return
        duty.tried_s = at_s
        watch = duty.watch
        self.tell(trying.answered(asked, watch.lately, watch.camera.classes, watch.size, at_s))

    def health(self, duty: Duty) -> Health:
        """Rates are since the last time."""
        watch, at_s = duty.watch, time.monotonic()
        tally = self.inbox.tally(watch.camera.name)
        for_s = at_s - duty.told_s if duty.told_s else HEALTH_EVERY_S
        analysed, asked, held = duty.analysed, duty.asked, duty.held
        duty.told_s, duty.analysed, duty.asked, duty.held = at_s, 0, 0.0, 0
        return Health(
            camera=watch.camera.name,
            read_per_s=round(tally.read / for_s, 1),
            analysed_per_s=round(analysed / for_s, 1),
            dropped=tally.dropped,
            quality="unknown" if duty.trouble else watch.quality,
            sandbox=self.confined.level(),
            background=round(watch.known(), 3),
            since=duty.since,
            trouble=duty.trouble or watch.trouble,
            size=watch.size,
            clock=duty.clock,
            decoder=duty.decoder,
            light="unknown" if duty.trouble else watch.light,
            asked_per_s=round(asked / analysed, 1) if analysed else 0.0,
            overloaded=2 * held > analysed,
        )


def hear(
    orders: Iterable[bytes],
    wanted: dict[str, datetime],
    shown: Set[str],
    asked: "queue.SimpleQueue[Try]",
) -> None:
    """`shown` are the cameras of which pictures may be made; of others none is, whoever asks."""
    for text in orders:
        order = wire.order(text)
        if isinstance(order, Try):
            asked.put(order)
        elif order.camera in shown:
            wanted[order.camera] = order.until
    os._exit(0)  # the house closed our input, or is gone


def work(job: Job, confined: Confined, observations: int, previews: int) -> None:
    """Never returns. Raises CannotStart."""
    threading.excepthook = end_with
    packets: queue.Queue[bytes] = queue.Queue(maxsize=len(job.cameras))
    detector = opened(job.detector, Path(job.models) if job.models else None, job.compiled)
    worker = Worker(
        job.detections_per_second,
        confined,
        Inbox(),
        {
            camera.name: Duty(Watch(camera), Glance(detector), Pace(job.detections_per_second))
            for camera in job.cameras
        },
        tell=lambda told: write_all(observations, observation.write(told)),
        show=lambda packet: offer(packets, packet),
        cores=job.cores,
    )
    hardware = job.hardware and decodes()
    begin(send, packets, previews)
    begin(hear, sys.stdin.buffer, worker.wanted, wire.shown(job.cameras), worker.asked)
    for camera in job.cameras:
        pace = worker.duties[camera.name].pace
        begin(keep_reading, camera, pace, hardware, worker.inbox, confined)
    worker.run()
