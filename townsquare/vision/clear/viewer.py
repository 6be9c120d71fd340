"""The process that shows one camera as it is: `python -m townsquare.vision.clear.viewer 5`.

It is given one pipe by number and its job on standard input, lives for one view, and ends with it:
by a clock that nobody sets, or as soon as the house closes its input.
"""

import sys

import msgspec

from townsquare.vision.address import is_file
from townsquare.vision.clear.job import Job
from townsquare.vision.sandbox import confine


def main() -> None:
    pipe = int(sys.argv[1])
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    confine([job.camera.url] if is_file(job.camera.url) else [])
    # Not above: threads that these start as they are loaded would not be confined.
    from townsquare.vision.clear import showing

    showing.work(job, pipe)


if __name__ == "__main__":
    main()
