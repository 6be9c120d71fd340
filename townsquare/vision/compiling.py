"""The process that compiles one model: `python -m townsquare.vision.compiling NAME TOWN`.

It writes what OpenVINO made of it to standard output, and can write nothing else.
"""

import os
import sys
from pathlib import Path

from townsquare.model.errors import CannotStart, Invalid
from townsquare.vision.sandbox import confine


def main() -> None:
    name, town = sys.argv[1], Path(sys.argv[2])
    out = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no model
    confine([str(town)])
    # Not above: threads that these start as they are loaded would not be confined.
    from townsquare.vision import detect
    from townsquare.vision.detectors import listed

    with os.fdopen(out, "wb") as written:
        written.write(detect.of(listed.card(name, town)).graph.export())


if __name__ == "__main__":
    try:
        main()
    except (CannotStart, Invalid) as error:
        sys.exit(str(error))
