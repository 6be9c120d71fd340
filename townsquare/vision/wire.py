"""What goes into a worker, and how previews come out. Observations have `observation.py`.

The job comes first on standard input, since URLs may carry logins, which do not belong on a
command line that others can read; then orders, a line each. The end of the input ends the worker.
"""

import struct
from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from townsquare.model.camera import Camera, Line, RoadUser, Transport, Zone
from townsquare.model.errors import Invalid
from townsquare.vision.address import with_login

MOST_JPEG = 2_000_000  # bytes
_HEADER = struct.Struct(">HI")  # length of the camera's name, length of the picture


class Watched(Struct, frozen=True):
    """As much of a camera as a worker must know. `url` carries the login."""

    name: str
    url: str
    classes: tuple[RoadUser, ...]
    lines: tuple[Line, ...]
    zones: tuple[Zone, ...]
    transport: Transport = "tcp"


class Job(Struct, frozen=True):
    cameras: tuple[Watched, ...]
    detections_per_second: float
    detector: str  # name of a model
    models: str  # the town's folder of them
    hardware: bool = False  # whether a graphics card may decode


class Show(Struct, frozen=True):
    """Send previews of this camera until then."""

    camera: str
    until: datetime


def watched(camera: Camera, secret: Callable[[str], str]) -> Watched:
    """`secret` gives the value behind secret:NAME."""
    login = secret(camera.login) if camera.login else ""
    url = with_login(camera.counted_url, login)
    return Watched(camera.name, url, camera.classes, camera.lines, camera.zones, camera.transport)


def line(message: Job | Show) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def job(text: bytes) -> Job:
    return msgspec.json.decode(text, type=Job)


def show(text: bytes) -> Show:
    return msgspec.json.decode(text, type=Show)


def packet(camera: str, jpeg: bytes | None) -> bytes:
    """A preview; without a picture the background is not ready."""
    name, picture = camera.encode(), jpeg or b""
    return _HEADER.pack(len(name), len(picture)) + name + picture


def unpacked(header: bytes) -> tuple[int, int]:
    """Lengths of the name and the picture that follow. Raises Invalid."""
    name, picture = _HEADER.unpack(header)
    if picture > MOST_JPEG:
        raise Invalid(f"a vision worker announced a preview of {picture} bytes")
    return name, picture


HEADER_BYTES = _HEADER.size
