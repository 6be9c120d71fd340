"""The gate: the only things that a vision worker can say.

Closed, frozen types. A field that is not listed here cannot pass: no box, no track, no
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
from townsquare.vision.aligned import WINDOW, window_of
from townsquare.vision.light import Light
from townsquare.vision.sandbox import Sandbox
from townsquare.vision.speed import LEAST_TOLD, bands
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
Clock = Literal["stream", "arrival"]
Decoder = Literal["software", "hardware"]
Quality = Literal["unknown", "good", "dark", "frozen"]
Time = Annotated[datetime, Meta(tz=True)]
# Far more than a picture shows, and little enough that a sum of them stays exact.
MOST = 10_000
Number = Annotated[int, Meta(ge=0, le=MOST)]
Mean = Annotated[float, Meta(ge=0, le=MOST)]
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


class Queued(Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="queue"):
    """Vehicles that wait in a zone, and to where they stand; None where metres are unknown."""

    camera: str
    zone: str
    vehicles: Number
    length_m: Number | None
    since: Time
    until: Time


class Turns(Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="turns"):
    """Of a window that has closed. `coverage` is the share of it that was watched."""

    camera: str
    entry: str
    exit: str
    of: RoadUser
    n: Number
    since: Time
    until: Time
    coverage: Share

    def __post_init__(self) -> None:
        _require_window(self.since, self.until)


class Speeds(Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="speeds"):
    """Of a window that has closed: how many crossed a line in each band of speed, in their order
    (`speed.bands`), and never so few that anybody's speed could be read from it.
    """

    camera: str
    line: str
    of: RoadUser
    direction: Direction
    bands: Annotated[tuple[Number, ...], Meta(max_length=8)]
    since: Time
    until: Time
    coverage: Share

    def __post_init__(self) -> None:
        _require_window(self.since, self.until)
        if len(self.bands) != len(bands(self.of)) or sum(self.bands) < LEAST_TOLD:
            raise ValueError("speeds of too few, or in other bands")


def _require_window(since: datetime, until: datetime) -> None:
    """Else the times of one window would tell those of somebody in it."""
    if window_of(since) != since or until - since != WINDOW:
        raise ValueError("no window")


class Health(Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="health"):
    """`trouble` is empty while the camera works. `size` is width and height of its pictures.
    `asked_per_s` is how many pictures what moves there asks to be analysed; `overloaded` says that
    the machine had no time for as many.
    """

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
    asked_per_s: Rate = 0.0
    overloaded: bool = False


MOST_TRIED = 4  # lines at once


class Passages(Struct, frozen=True, forbid_unknown_fields=True):
    """How often the line with this place in the question was crossed."""

    line: Annotated[int, Meta(ge=0, lt=MOST_TRIED)]
    of: RoadUser
    direction: Direction
    n: Number


class Tried(Struct, frozen=True, forbid_unknown_fields=True, tag_field="observed", tag="tried"):
    """The answer to question `id`: sums over `over_s` seconds that were watched, at most five
    minutes, and none where that is less than one.
    """

    camera: str
    id: Annotated[int, Meta(ge=0, le=2**31)]
    over_s: Annotated[float, Meta(ge=0, le=301)]
    counts: Annotated[tuple[Passages, ...], Meta(max_length=MOST_TRIED * 14)]


Observation = Crossings | Occupancy | Event | Queued | Turns | Speeds | Health
Said = Observation | Tried

_decoder: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)


def read(line: bytes) -> Said:
    """Raises Invalid for anything that is not exactly one of these."""
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError as error:
        # The decoder's own message would repeat a part of what was said.
        raise Invalid("a vision worker said something that the gate refuses") from error


def of_its_time(observation: Observation, now: datetime) -> bool:
    """A time that is far off would close the windows of years, or break what reckons with it."""
    until = getattr(observation, "until", None)
    return all(now - BACK <= at <= now + AHEAD for at in (observation.since, until) if at)


def write(said: Said) -> bytes:
    return msgspec.json.encode(said) + b"\n"
