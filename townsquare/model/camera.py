"""A fixed camera as the town declares it: where it stands, what it counts, and for what.

Pixels are x, y of the picture, origin top left. A line has a direction: crossing it from its
left to its right, looking from `a` to `b`, is "in"; the other way is "out". So for a line
drawn from the top down, moving left is in; for one drawn to the right, moving down is in.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from townsquare.model.errors import Invalid
from townsquare.model.mask import Mask, Size, hidden, require_room
from townsquare.model.mask import Point as Point
from townsquare.model.position import Position

Direction = Literal["in", "out"]
Transport = Literal["tcp", "udp"]
RoadUser = Literal["person", "bicycle", "motorcycle", "car", "bus", "truck", "tram"]
MOTOR_VEHICLES: tuple[RoadUser, ...] = ("motorcycle", "car", "bus", "truck", "tram")

NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
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


LEAST_GROUND_POINTS = 4
FARTHEST = 100_000  # pixels or metres: more than any camera shows


def _require_range(name: str, value: float, least: float, most: float, unit: str) -> None:
    """Raises Invalid."""
    if not least <= value <= most:
        raise Invalid(f"{name} = {value:g} must be from {least:g} to {most:g} {unit}")


def _require_classes(classes: tuple[RoadUser, ...]) -> None:
    if not classes:
        raise Invalid(f"classes is empty; name some of {', '.join(get_args(RoadUser))}")


@dataclass(frozen=True, slots=True)
class StoppedVehicle:
    """A motor vehicle that came and has stood still for `after_s`."""

    after_s: float = 60

    def __post_init__(self) -> None:
        _require_range("after_s", self.after_s, 10, 3600, "seconds")


@dataclass(frozen=True, slots=True)
class WrongWay:
    """The way that one drives goes from `a` to `b`, pixels; whoever moves more than `angle_deg`
    off it moves against it.
    """

    a: Point
    b: Point
    classes: tuple[RoadUser, ...] = MOTOR_VEHICLES
    angle_deg: float = 120

    def __post_init__(self) -> None:
        if self.a == self.b:
            raise Invalid(f"wrong_way has no direction: a and b are both {self.a}")
        _require_range("angle_deg", self.angle_deg, 90, 180, "degrees")
        _require_classes(self.classes)


@dataclass(frozen=True, slots=True)
class Intrusion:
    """Somebody of these classes has been in the zone for `after_s`, at a time of the town's day
    `between` these two, over midnight too; without them at any time.
    """

    classes: tuple[RoadUser, ...] = ("person",)
    after_s: float = 2
    between: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_range("after_s", self.after_s, 0, 120, "seconds")
        _require_classes(self.classes)
        hours = [HOUR.fullmatch(text) for text in self.between]
        if hours and (len(hours) != 2 or not all(hours) or self.between[0] == self.between[1]):
            raise Invalid(
                f"between = {list(self.between)} must be two different times of day, such as"
                ' ["22:00", "06:00"]; leave it out for any time'
            )

    def applies(self, clock: str) -> bool:
        """At this time of the town's day, such as "22:00"; the first of the two counts, the second
        does not.
        """
        if not self.between:
            return True
        start, end = self.between
        # Times of this form come in the order of their letters.
        return start <= clock < end if start < end else clock >= start or clock < end


@dataclass(frozen=True, slots=True)
class Crowding:
    """As many as `persons` (0: any number), or `per_m2` of them where the ground is known."""

    persons: int = 0
    per_m2: float = 2.0
    after_s: float = 10

    def __post_init__(self) -> None:
        _require_range("persons", self.persons, 0, 10_000, "persons")
        _require_range("per_m2", self.per_m2, 0.1, 10, "persons per square metre")
        _require_range("after_s", self.after_s, 1, 3600, "seconds")


@dataclass(frozen=True, slots=True)
class Queue:
    """Behind the stop line `line`: as many as `vehicles`, or as long as `length_m` (0: any)."""

    line: str
    vehicles: int = 5
    length_m: float = 0
    after_s: float = 30

    def __post_init__(self) -> None:
        _require_range("vehicles", self.vehicles, 1, 1000, "vehicles")
        _require_range("length_m", self.length_m, 0, 5000, "metres")
        _require_range("after_s", self.after_s, 1, 3600, "seconds")


@dataclass(frozen=True, slots=True)
class LeftObject:
    """Something that was not there has lain still for `after_s`."""

    after_s: float = 60

    def __post_init__(self) -> None:
        _require_range("after_s", self.after_s, 30, 3600, "seconds")


@dataclass(frozen=True, slots=True)
class SceneChanged:
    """For `after_s` the camera has been covered, blinded, or turned to another view."""

    after_s: float = 20

    def __post_init__(self) -> None:
        _require_range("after_s", self.after_s, 5, 600, "seconds")


@dataclass(frozen=True, slots=True)
class Zone:
    """Beside who is in it, a zone is watched for the events that it has parameters of."""

    name: str
    corners: tuple[Point, ...]
    stopped_vehicle: StoppedVehicle | None = None
    wrong_way: WrongWay | None = None
    intrusion: Intrusion | None = None
    crowding: Crowding | None = None
    queue: Queue | None = None
    left_object: LeftObject | None = None

    def __post_init__(self) -> None:
        require_name("zone", self.name)
        if len(self.corners) < 3:
            raise Invalid(f"zone {self.name!r} needs at least 3 corners, has {len(self.corners)}")


@dataclass(frozen=True, slots=True)
class GroundPoint:
    """Where a point of the ground is in the picture, and how many metres from a place of one's
    own choice it lies, in two directions at right angles.
    """

    pixel: Point
    metres: Point

    def __post_init__(self) -> None:
        for value in (*self.pixel, *self.metres):
            _require_range("ground point", value, -FARTHEST, FARTHEST, "pixels, metres")


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
    lines, zones and masks are then pixels of that one. `drawn_on` is the size of the picture that
    they are pixels of: a mask must not lie elsewhere when a camera sends another one.
    `counts_only` says that no picture of it is ever made, and nothing remembered to make one of.

    What it is for and who answers for it may be missing here: such a camera does not go live, and
    the others do (vision.permit).
    """

    name: str
    title: str
    url: str
    position: Position
    direction: float | None = None  # where it looks: degrees from north, clockwise
    view_deg: float | None = None  # how wide its view is
    reach_m: float = 30  # how far it is of use, for the map
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
    masks: tuple[Mask, ...] = ()
    drawn_on: Size | None = None
    counts_only: bool = False
    ground: tuple[GroundPoint, ...] = ()
    scene_changed: SceneChanged | None = None
    depends_on: str = ""  # id of the entity that it hangs on: a box, a switch
    sample: bool = False  # a recorded clip, not a camera of the town
    record: bool = False  # sealed, where the town records

    def __post_init__(self) -> None:
        require_name("camera", self.name)
        for url in (self.url, self.small_url):
            _require_address(self.name, url)
        self._require_view()
        if self.depends_on and ":" not in self.depends_on:
            raise Invalid(
                f"camera {self.name!r}: depends_on = {self.depends_on!r} is no id of an entity;"
                ' right is, for example, "urn:ngsi-ld:Device:box-3"'
            )
        names = [line.name for line in self.lines] + [zone.name for zone in self.zones]
        if twice := {name for name in names if names.count(name) > 1}:
            raise Invalid(f"camera {self.name!r}: two lines or zones are named {min(twice)!r}")
        if 0 < len(self.ground) < LEAST_GROUND_POINTS:
            raise Invalid(
                f"camera {self.name!r} has {len(self.ground)} [[camera.ground]]; metres need"
                f" {LEAST_GROUND_POINTS} or more known points, or none at all"
            )
        for zone in self.zones:
            self._require_watchable(zone)
        self._require_sight()
        if self.counts_only:
            self._require_no_memory()
        if self.record and (self.counts_only or self.masks):
            raise Invalid(
                f"camera {self.name!r} has record = true, and footage is what the camera sends:"
                " leave out counts_only and masks, and mask it in the camera itself"
            )

    def _require_view(self) -> None:
        if (self.direction is None) != (self.view_deg is None):
            raise Invalid(f"camera {self.name!r}: direction and view_deg are given together")
        _require_range("direction", self.direction or 0, 0, 360, "degrees from north, clockwise")
        _require_range("view_deg", self.view_deg or 1, 1, 180, "degrees")
        _require_range("reach_m", self.reach_m, 1, 1000, "metres")

    def _require_watchable(self, zone: Zone) -> None:
        """An event may need a line or the ground of its camera."""
        lines = [line.name for line in self.lines]
        if zone.queue and zone.queue.line not in lines:
            raise Invalid(
                f"queue of zone {zone.name!r}: camera {self.name!r} has no line"
                f" {zone.queue.line!r}; name one of its [[camera.lines]], the stop line"
            )
        if zone.queue and zone.queue.length_m and not self.ground:
            raise Invalid(
                f"queue of zone {zone.name!r}: length_m needs four [[camera.ground]] of camera"
                f" {self.name!r}; write vehicles = N instead"
            )
        if zone.crowding and not zone.crowding.persons and not self.ground:
            raise Invalid(
                f"crowding of zone {zone.name!r}: write persons = N; per_m2 alone needs four"
                f" [[camera.ground]] of camera {self.name!r}"
            )

    def _require_sight(self) -> None:
        """What is drawn under a mask counts nothing."""
        if self.drawn_on is not None and min(self.drawn_on) < 1:
            raise Invalid(f"camera {self.name!r}: drawn_on is {self.drawn_on}; give pixels")
        if not self.masks:
            return
        if self.drawn_on is None:
            raise Invalid(
                f"camera {self.name!r} has masks, which must not lie elsewhere on another picture:"
                " write drawn_on = [width, height], the size of the one they are pixels of"
            )
        try:
            require_room(self.masks, self.drawn_on)
        except Invalid as error:
            raise Invalid(f"camera {self.name!r}: {error}") from error
        for what, share in self.shadowed():
            if share == 1:
                raise Invalid(f"camera {self.name!r}: a mask hides all of {what}; draw one anew")

    def shadowed(self) -> list[tuple[str, float]]:
        """Lines and zones that lie under masks, and with which share of them."""
        drawn: list[tuple[str, tuple[Point, ...]]]
        drawn = [(f"line {line.name!r}", (line.a, line.b)) for line in self.lines]
        drawn += [(f"zone {zone.name!r}", zone.corners) for zone in self.zones]
        shares = [(what, hidden(self.masks, corners)) for what, corners in drawn]
        return [(what, share) for what, share in shares if share]

    def _require_no_memory(self) -> None:
        """These events compare with how the place was, which is a picture."""
        wants = [f"left_object of zone {zone.name!r}" for zone in self.zones if zone.left_object]
        wants += ["scene_changed"] if self.scene_changed else []
        if wants:
            raise Invalid(
                f"camera {self.name!r} is counts_only, so nothing is remembered of how its place"
                f" looks, which {wants[0]} needs; leave out one of the two"
            )

    @property
    def counted_url(self) -> str:
        """The stream that is read."""
        return self.small_url or self.url
