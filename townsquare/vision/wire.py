"""What goes into a worker, and how previews come out. Observations have `observation.py`.

The job comes first on standard input, since URLs may carry logins, which do not belong on a
command line that others can read; then orders, a line each. The end of the input ends the worker.
"""

import struct
from collections.abc import Callable, Iterable, Set
from datetime import datetime

import msgspec
from msgspec import Struct

from townsquare.model.camera import (
    Camera,
    GroundPoint,
    Line,
    Point,
    RoadUser,
    SceneChanged,
    Transport,
    Zone,
)
from townsquare.model.errors import Invalid
from townsquare.model.mask import Mask, Size
from townsquare.vision.address import with_login

MOST_JPEG = 2_000_000  # bytes
_HEADER = struct.Struct(">HI")  # length of the camera's name, length of the picture


class Watched(Struct, frozen=True):
    """As much of a camera as a worker must know. `url` carries the login; `timezone` is the town's,
    for what is watched at certain hours only.
    """

    name: str
    url: str
    classes: tuple[RoadUser, ...]
    lines: tuple[Line, ...]
    zones: tuple[Zone, ...]
    transport: Transport = "tcp"
    masks: tuple[Mask, ...] = ()
    drawn_on: Size | None = None
    counts_only: bool = False
    ground: tuple[GroundPoint, ...] = ()
    scene_changed: SceneChanged | None = None
    timezone: str = "UTC"


class Compiled(Struct, frozen=True):
    """A model as this machine runs it: where it lies, and the sum of its content. Without a file
    there is none.
    """

    file: str = ""
    sum: str = ""


NONE = Compiled()
SEAL_BYTES = 32  # of the house, in front of the content


class Job(Struct, frozen=True):
    cameras: tuple[Watched, ...]
    detections_per_second: float
    detector: str  # name of a model
    models: str  # the town's folder of them
    hardware: bool = False  # whether a graphics card may decode
    cores: float = 1.0  # of the machine's, which are this worker's share
    compiled: Compiled = NONE  # the model, if the house has that


class Show(Struct, frozen=True, tag_field="order", tag="show"):
    """Send previews of this camera until then."""

    camera: str
    until: datetime


class Try(Struct, frozen=True, tag_field="order", tag="try"):
    """Say how often each of these lines would have been crossed in the last minutes."""

    camera: str
    id: int
    lines: tuple[tuple[Point, Point], ...]


Order = Show | Try


def watched(camera: Camera, secret: Callable[[str], str], timezone: str) -> Watched:
    """`secret` gives the value behind secret:NAME."""
    login = secret(camera.login) if camera.login else ""
    return Watched(
        camera.name,
        with_login(camera.counted_url, login),
        camera.classes,
        camera.lines,
        camera.zones,
        camera.transport,
        camera.masks,
        camera.drawn_on,
        camera.counts_only,
        camera.ground,
        camera.scene_changed,
        timezone,
    )


def shown(cameras: Iterable[Watched]) -> Set[str]:
    """Names of those of which pictures may be made."""
    return {camera.name for camera in cameras if not camera.counts_only}


def line(message: Job | Order) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def job(text: bytes) -> Job:
    return msgspec.json.decode(text, type=Job)


_orders: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)


def order(text: bytes) -> Order:
    return _orders.decode(text)


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
