"""The gate: the only things that a vision worker can say.

Four closed, frozen types. A field that is not listed here cannot pass: no box, no track, no
picture, no embedding, no plate. Nor can words: texts are of closed lists, or the names of what a
worker was given. The worker writes them as lines of JSON to a pipe; the other end refuses anything
else and ends the worker that tried.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from townsquare.model.camera import Direction, RoadUser
from townsquare.model.errors import Invalid
from townsquare.vision.light import Light
from townsquare.vision.trouble import Trouble

What = Literal[
    "stoppedVehicle",
    "wrongWay",
    "intrusion",
    "crowding",
    "leftObject",
    "queue",
    "sceneChanged",
]
Sandbox = Literal["partial", "none"]
Clock = Literal["stream", "arrival"]
Decoder = Literal["software", "hardware"]
Quality = Literal["unknown", "good", "dark", "frozen"]
Time = Annotated[datetime, Meta(tz=True)]
# Far more than a picture shows, and little enough that a sum of them stays exact.
Number = Annotated[int, Meta(ge=0, le=10_000)]
Mean = Annotated[float, Meta(ge=0, le=10_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Rate = Annotated[float, Meta(ge=0, le=1e9)]
Total = Annotated[int, Meta(ge=0, le=10**9)]
Pixels = Annotated[int, Meta(ge=1, le=65_535)]
AHEAD = timedelta(minutes=1)  # of the house, by a clock that both read: it was set meanwhile
BACK = timedelta(days=3650)  # a camera may have worked for that long


class Crossings(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="crossings"
):
    camera: str
    line: str
    of: RoadUser
    direction: Direction
    n: Number
    since: Time
    until: Time


class Occupancy(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="occupancy"
):
    camera: str
    zone: str
    of: RoadUser
    mean: Mean
    max: Number
    since: Time
    until: Time


class Event(Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="event"):
    camera: str
    zone: str
    what: What
    since: Time
    until: Time | None
    confidence: Share


class Health(Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="health"):
    """`trouble` is empty while the camera works. `size` is width and height of its pictures."""

    camera: str
    read_per_s: Rate
    analysed_per_s: Rate
    dropped: Total
    quality: Quality
    sandbox: Sandbox
    background: Share  # of the preview's background that is ready
    since: Time  # of the present state, working or in trouble
    trouble: Trouble = ""
    size: tuple[Pixels, Pixels] | None = None
    clock: Clock = "arrival"  # whose times the counts have
    decoder: Decoder = "software"
    light: Light = "unknown"


Observation = Crossings | Occupancy | Event | Health

_decoder: msgspec.json.Decoder[Observation] = msgspec.json.Decoder(Observation)


def read(line: bytes) -> Observation:
    """Raises Invalid for anything that is not exactly an observation."""
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError as error:
        # The decoder's own message would repeat a part of what was said.
        raise Invalid("a vision worker said something that the gate refuses") from error


def of_its_time(observation: Observation, now: datetime) -> bool:
    """A time that is far off would close the windows of years, or break what reckons with it."""
    until = getattr(observation, "until", None)
    return all(now - BACK <= at <= now + AHEAD for at in (observation.since, until) if at)


def write(observation: Observation) -> bytes:
    return msgspec.json.encode(observation) + b"\n"
