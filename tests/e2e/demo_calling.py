"""The demo, of settings that a test wrote, and it may call this machine too."""

import sys
from pathlib import Path

from townsquare.cli.run import start
from townsquare.context import outgoing

if __name__ == "__main__":
    outgoing._inside = lambda address: False
    file, _, port, _, data = sys.argv[1:]
    start(Path(file), Path(data), int(port), "demo")
