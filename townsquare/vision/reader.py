"""The thread that reads one camera: it tries again and again, and says why there is no picture."""

import os
import sys
import time
from collections.abc import Iterator

from townsquare.model.errors import Invalid
from townsquare.vision.inbox import STEADY_S, Inbox, Taken, now, waits_s
from townsquare.vision.inside import require_inside, require_same
from townsquare.vision.read import Pace, Picture, in_real_time, thinned
from townsquare.vision.reading.opening import Way, transport
from townsquare.vision.sandbox import Confined
from townsquare.vision.trouble import NoPictures
from townsquare.vision.wire import Watched

UNDECODED = {"garbled", "noPicture", "tooLarge"}


def keep_reading(
    camera: Watched, pace: Pace, hardware: bool, inbox: Inbox, confined: Confined
) -> None:
    """Never returns. A camera that fails is tried again, later each time."""
    waits, failures, usual_per_s = waits_s(), 0, pace.per_s
    while True:
        began_s = time.monotonic()
        way = Way(transport(camera.transport, failures), usual_per_s, hardware, camera.masks)
        error = one_try(camera, way, pace, inbox)
        print(f"camera {camera.name}: {error}", file=sys.stderr, flush=True)
        if confined.replaced(camera.url):
            os._exit(0)  # begun anew, the process may read what lies there now
        inbox.put(Taken(camera.name, now(), trouble=error.trouble, size=error.size))
        lasted = time.monotonic() - began_s > STEADY_S
        waits = waits_s() if lasted else waits
        failures = 0 if lasted or error.trouble == "outside" else failures + 1
        # What a graphics card cannot decode, the processor may.
        hardware = hardware and error.trouble not in UNDECODED
        time.sleep(next(waits))


def one_try(camera: Watched, way: Way, pace: Pace, inbox: Inbox) -> NoPictures:
    """All that one connection, or one file, gives; and why it gives no more."""
    try:
        all_of = fitting(camera, in_real_time(camera.url, way=way))
        for picture, wanted in thinned(all_of, pace):
            inbox.read(camera.name, picture.lost)
            if wanted:
                inbox.put(Taken(camera.name, picture.taken or now(), picture))
    except NoPictures as error:
        return error
    return NoPictures("ended", camera.url)


def fitting(camera: Watched, all_of: Iterator[Picture]) -> Iterator[Picture]:
    """Raises NoPictures, also where what is drawn does not fit the picture, which may change."""
    for picture in all_of:
        if picture.first:
            try:
                require_same(camera.drawn_on, picture.size)
                require_inside(camera.lines, camera.zones, picture.size)
            except Invalid as error:
                raise NoPictures("outside", camera.url, str(error), picture.size) from error
        yield picture
