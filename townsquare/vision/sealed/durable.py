"""Writing so that a power cut takes nothing of it."""

import os
from pathlib import Path


def write(file: Path, content: bytes) -> None:
    """Durable when it returns, but for the name."""
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def settled(folder: Path) -> None:
    """What was added to it keeps its name, and what was removed stays away."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
