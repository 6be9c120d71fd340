"""What the process of a clear view does: reads its camera, and hands on pictures of it.

Always holds: masks are burnt in before a picture goes on, as everywhere, and where the picture has
another size than they were drawn on nothing is shown; nothing is kept.
"""

import os
import queue
import sys
import threading
import time

import numpy as np
from av import VideoFrame

from townsquare.vision import wire
from townsquare.vision.clear.job import Job
from townsquare.vision.inbox import waits_s
from townsquare.vision.outlet import begin, end_with, offer, send
from townsquare.vision.preview import jpeg
from townsquare.vision.read import Pace, in_real_time, thinned
from townsquare.vision.reader import fitting
from townsquare.vision.reading.opening import Way, transport
from townsquare.vision.trouble import NoPictures

PER_S = 5.0
WIDEST = 1280  # pixels


def work(job: Job, pipe: int) -> None:
    """Never returns."""
    threading.excepthook = end_with
    begin(end_with_input)
    begin(end_after, job.seconds)
    packets: queue.Queue[bytes] = queue.Queue(maxsize=1)
    begin(send, packets, pipe)
    waits = waits_s()
    for failures, wait_s in enumerate(waits):
        try:
            show(job, packets, failures)
        except NoPictures as error:
            print(f"camera {job.camera.name}: {error}", file=sys.stderr, flush=True)
        time.sleep(wait_s)


def show(job: Job, packets: "queue.Queue[bytes]", failures: int) -> None:
    """Until the camera gives no more. Raises NoPictures."""
    camera = job.camera
    way = Way(transport(camera.transport, failures), PER_S, masks=camera.masks)
    for picture, wanted in thinned(fitting(camera, in_real_time(camera.url, way=way)), Pace(PER_S)):
        if wanted and packets.empty():
            offer(packets, wire.packet(camera.name, encoded(picture.frame)))


def encoded(frame: VideoFrame) -> bytes:
    """JPEG, no wider than a screen needs."""
    width = min(frame.width, WIDEST) // 2 * 2
    height = round(frame.height * width / frame.width) // 2 * 2
    small = frame.reformat(width=width, height=height, format="rgb24")
    return jpeg(np.asarray(small.to_ndarray(), np.uint8))


def end_with_input() -> None:
    while sys.stdin.buffer.readline():
        pass
    os._exit(0)  # the house closed our input, or is gone


def end_after(seconds: float) -> None:
    time.sleep(seconds)
    os._exit(0)
