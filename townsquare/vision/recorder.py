"""The process that records, from its first moment: `python -m townsquare.vision.recorder 5`.

It is given a pipe by number, for what it says, and its task on standard input: addresses of its
cameras, and public keys only. Before it loads what reads video it gives up all but to read its
cameras and to add to the folder of sealed footage.
"""

import sys

from townsquare.model.errors import CannotStart
from townsquare.vision.address import is_file
from townsquare.vision.sandbox import confine
from townsquare.vision.sealed import recorded


def main() -> None:
    says = int(sys.argv[1])
    task = recorded.task(sys.stdin.buffer.readline())
    files = [camera.url for camera in task.cameras if is_file(camera.url)]
    confined = confine(files, added_to=[task.folder])
    # Not above: threads that these start as they are loaded would not be confined.
    from townsquare.vision import record

    record.work(task, confined, says)


if __name__ == "__main__":
    try:
        main()
    except (CannotStart, BrokenPipeError) as error:
        sys.exit(f"recorder: {error}")
