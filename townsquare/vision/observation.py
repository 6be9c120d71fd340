"""The gate: the only things that a vision worker can say.

Four closed, frozen types. A field that is not listed here cannot pass: no box, no track, no
picture, no embedding, no plate. The worker writes them as lines of JSON to a pipe; the other
end refuses anything else and ends the worker that tried.
"""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from townsquare.model.camera import Direction, RoadUser
from townsquare.model.errors import Invalid

What = Literal[
    "stoppedVehicle",
    "wrongWay",
    "intrusion",
    "crowding",
    "leftObject",
    "queue",
    "sceneChanged",
]
Sandbox = Literal["full", "partial", "none"]
Quality = Literal["unknown", "good", "dark", "frozen"]


class Crossings(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="crossings"
):
    camera: str
    line: str
    of: RoadUser
    direction: Direction
    n: int
    since: datetime
    until: datetime


class Occupancy(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="occupancy"
):
    camera: str
    zone: str
    of: RoadUser
    mean: float
    max: int
    since: datetime
    until: datetime


class Event(Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="event"):
    camera: str
    zone: str
    what: What
    since: datetime
    until: datetime | None
    confidence: float


class Health(Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="health"):
    """`trouble` is empty while the camera works; else one sentence that names it and the remedy.
    `size` is width and height of its pictures.
    """

    camera: str
    read_per_s: float
    analysed_per_s: float
    dropped: int
    quality: Quality
    sandbox: Sandbox
    background: float  # share of the preview's background that is ready, 0 to 1
    since: datetime  # of the present state, working or in trouble
    trouble: str = ""
    size: tuple[int, int] | None = None


Observation = Crossings | Occupancy | Event | Health

_decoder: msgspec.json.Decoder[Observation] = msgspec.json.Decoder(Observation)


def read(line: bytes) -> Observation:
    """Raises Invalid for anything that is not exactly an observation."""
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError as error:
        raise Invalid(f"a vision worker said something that the gate refuses: {error}") from error


def write(observation: Observation) -> bytes:
    return msgspec.json.encode(observation) + b"\n"
