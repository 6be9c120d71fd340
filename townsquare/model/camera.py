"""A fixed camera as the town declares it: where it stands, what it counts, and for what.

Pixels are x, y of the picture, origin top left. A line has a direction: crossing it from its
left to its right, looking from `a` to `b`, is "in"; the other way is "out". So for a line
drawn from the top down, moving left is in; for one drawn to the right, moving down is in.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from townsquare.model.errors import Invalid
from townsquare.model.position import Position

Point = tuple[float, float]
Direction = Literal["in", "out"]
Transport = Literal["tcp", "udp"]
RoadUser = Literal["person", "bicycle", "motorcycle", "car", "bus", "truck", "tram"]

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
SCHEMES = ("rtsp", "rtsps", "http", "https")
USER_INFO = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@")


def require_name(thing: str, name: str) -> None:
    """Names become part of ids and addresses. Raises Invalid."""
    if not NAME.fullmatch(name):
        raise Invalid(f"{thing} name {name!r}: use a-z, 0-9 and . _ - after the first")


@dataclass(frozen=True, slots=True)
class Line:
    """`towards` and `away` are words for the two directions, for people to read."""

    name: str
    a: Point
    b: Point
    towards: str = "in"
    away: str = "out"

    def __post_init__(self) -> None:
        require_name("line", self.name)
        if self.a == self.b:
            raise Invalid(f"line {self.name!r} has no length: a and b are both {self.a}")


@dataclass(frozen=True, slots=True)
class Zone:
    name: str
    corners: tuple[Point, ...]

    def __post_init__(self) -> None:
        require_name("zone", self.name)
        if len(self.corners) < 3:
            raise Invalid(f"zone {self.name!r} needs at least 3 corners, has {len(self.corners)}")


@dataclass(frozen=True, slots=True)
class Assessment:
    """Of the impact on people's rights (GDPR, article 35): where it lies, and of when it is."""

    reference: str
    completed: date


def _require_address(camera: str, url: str) -> None:
    """Raises Invalid."""
    if USER_INFO.match(url):
        raise Invalid(
            f"camera {camera!r}: its url carries a login, which others can read;"
            ' keep name:password as a secret and write login = "secret:NAME"'
        )
    scheme, mark, _ = url.partition("://")
    if mark and scheme not in SCHEMES:
        raise Invalid(
            f"camera {camera!r}: {scheme}:// is not read; its url takes a file or"
            f" {', '.join(f'{known}://' for known in SCHEMES)}"
        )


@dataclass(frozen=True, slots=True)
class Camera:
    """`url` is a file, rtsp:// or http(s):// (HLS); a login is named by `login = "secret:NAME"`.
    `small_url` is a smaller stream of the same camera, on which it is counted where it is given;
    lines and zones are then pixels of that one.

    What it is for and who answers for it may be missing here: such a camera does not go live, and
    the others do (vision.permit).
    """

    name: str
    title: str
    url: str
    position: Position
    purposes: tuple[str, ...] = ()  # of the town's list (trust.purposes)
    legal_basis: str = ""
    owner: str = ""  # who answers for it
    review: date | None = None  # by when its need is looked at again
    impact_assessment: Assessment | None = None
    small_url: str = ""
    transport: Transport = "tcp"  # of rtsp://
    login: str = ""
    classes: tuple[RoadUser, ...] = ("person",)
    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    sample: bool = False  # a recorded clip, not a camera of the town

    def __post_init__(self) -> None:
        require_name("camera", self.name)
        for url in (self.url, self.small_url):
            _require_address(self.name, url)
        names = [line.name for line in self.lines] + [zone.name for zone in self.zones]
        if twice := {name for name in names if names.count(name) > 1}:
            raise Invalid(f"camera {self.name!r}: two lines or zones are named {min(twice)!r}")

    @property
    def counted_url(self) -> str:
        """The stream that is read."""
        return self.small_url or self.url
