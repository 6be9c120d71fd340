"""The process that sees, from its first moment: `python -m townsquare.vision.worker 5 7`.

It is given two pipes by number, for observations and for previews, and its job on standard input.
It gives up what it does not need while it is still one thread; only then does it load what decodes
and infers, which starts threads of its own.
"""

import sys

from townsquare.model.errors import CannotStart
from townsquare.vision import cards, wire
from townsquare.vision.address import is_file
from townsquare.vision.sandbox import confine


def main() -> None:
    observations, previews = map(int, sys.argv[1:3])
    job = wire.job(sys.stdin.buffer.readline())
    files = [camera.url for camera in job.cameras if is_file(camera.url)]
    looked_up, devices = cards.reached(job.hardware)
    models = [job.models] if job.models else []
    confined = confine([*files, *models, *looked_up], devices)
    # Not above: threads that these start as they are loaded would not be confined.
    from townsquare.vision import duty

    duty.work(job, confined, observations, previews)


if __name__ == "__main__":
    try:
        main()
    except (CannotStart, BrokenPipeError) as error:
        sys.exit(f"vision worker: {error}")
