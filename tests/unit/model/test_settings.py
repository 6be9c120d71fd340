"""What people get wrong in townsquare.toml, and the sentence that they get back."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import pytest

from townsquare.model.camera import Camera, GroundPoint, Intrusion, Line, StoppedVehicle, Zone
from townsquare.model.errors import Invalid
from townsquare.model.mask import Mask
from townsquare.model.position import Position
from townsquare.model.rule import Rule
from townsquare.model.settings import parse
from townsquare.model.toml import lines


@dataclass(frozen=True, slots=True)
class Web:
    port: int = 8400
    public_url: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise Invalid(f"port {self.port} is not between 1 and 65535")


@dataclass(frozen=True, slots=True)
class Vision:
    detections_per_second: float = 5
    device: Literal["cpu", "cuda"] = "cpu"
    seen: Position | None = None


@dataclass(frozen=True, slots=True)
class Town:
    web: Web = field(default_factory=Web)
    vision: Vision = field(default_factory=Vision)
    camera: tuple[Camera, ...] = ()
    rule: tuple[Rule, ...] = ()
    limits: tuple[float, float] = (0, 1)
    on: bool = True


CAMERA = """\
[[camera]]
name = "square"
title = "Market square"
url = "square.mp4"
position = { lon = 13.5, lat = 52.4 }
purposes = ["crowd safety"]
legal_basis = "police law"
owner = "Town"
review = 2027-06-30
"""


def complaint(text: str) -> str:
    with pytest.raises(Invalid) as caught:
        parse(text, "townsquare.toml", Town)
    return str(caught.value)


def test_an_empty_file_gives_the_defaults() -> None:
    assert parse("", "townsquare.toml", Town) == Town()


def test_a_camera_with_lines_and_zones() -> None:
    text = CAMERA + (
        'lines = [ { name = "west", a = [300, 170], b = [300, 345.5] } ]\n'
        "[[camera.zones]]\n"
        'name = "plaza"\n'
        "corners = [[0, 0], [1, 0],\n [1, 1]]\n"
    )
    [camera] = parse(text, "townsquare.toml", Town).camera
    assert camera.position == Position(13.5, 52.4)
    assert camera.review == date(2027, 6, 30)
    assert camera.lines == (Line("west", (300, 170), (300, 345.5)),)
    assert camera.zones == (Zone("plaza", ((0, 0), (1, 0), (1, 1))),)


PLAZA = '[[camera.zones]]\nname = "plaza"\ncorners = [[0, 0], [1, 0], [1, 1]]\n'
GROUND = "ground = [ { pixel = [0, 0], metres = [0, 1.5] } ]\n"


def test_a_zone_that_is_watched() -> None:
    text = CAMERA + PLAZA + "stopped_vehicle = {}\n[camera.zones.intrusion]\nafter_s = 5\n"
    [zone] = parse(text, "townsquare.toml", Town).camera[0].zones
    assert zone.stopped_vehicle == StoppedVehicle(after_s=60)
    assert zone.intrusion == Intrusion(classes=("person",), after_s=5)
    assert zone.crowding is None


def test_known_points_of_the_ground() -> None:
    text = CAMERA + "".join(
        f"[[camera.ground]]\npixel = [{x}, {y}]\nmetres = [{x / 2}, {y}]\n"
        for x, y in [(0, 0), (9, 0), (9, 9), (0, 9)]
    )
    [camera] = parse(text, "townsquare.toml", Town).camera
    assert camera.ground[1] == GroundPoint((9, 0), (4.5, 0))


def test_masks_and_counts_only() -> None:
    text = CAMERA + "drawn_on = [640, 360]\ncounts_only = true\n" + mask(5, 5, 9, 5, 9, 9.5)
    [camera] = parse(text, "townsquare.toml", Town).camera
    assert camera.masks == (Mask(((5, 5), (9, 5), (9, 9.5))),)
    assert camera.drawn_on == (640, 360)
    assert camera.counts_only


def mask(*at: float) -> str:
    corners = [list(corner) for corner in zip(at[::2], at[1::2], strict=True)]
    return f"[[camera.masks]]\ncorners = {corners}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "drawn_on = [64, 48]\n" + mask(0, 0, 5, 5),
            "line 11: a mask needs at least 3 corners, not 2",
        ),
        (
            "drawn_on = [64, 48]\n" + mask(0, 0, 5, 5, 9, 9),
            "line 11: a mask with corners [0, 0], [5, 5], [9, 9] has no area: it hides nothing",
        ),
        (
            mask(0, 0, 5, 5, 0, 9),
            "line 1: camera 'square' has masks, which must not lie elsewhere on another picture:"
            " write drawn_on = [width, height], the size of the one they are pixels of",
        ),
        (
            "drawn_on = [64, 48]\n" + mask(0, 0, 9, 0, 9, 9) + mask(60, 0, 65, 5, 60, 9),
            "line 1: camera 'square': mask 2 lies outside the picture: 65, 5, where the picture is"
            " 64 x 48 pixels",
        ),
        (
            "drawn_on = [64, 48]\n"
            + mask(0, 0, 40, 0, 40, 48, 0, 48)
            + mask(30, 0, 64, 0, 64, 48, 30, 48),
            "line 1: camera 'square': its masks hide all of the picture; leave free what is to be"
            " counted",
        ),
        (
            'drawn_on = [64, 48]\nlines = [ { name = "west", a = [1, 1], b = [9, 9] } ]\n'
            + mask(0, 0, 10, 0, 10, 10, 0, 10),
            "line 1: camera 'square': a mask hides all of line 'west'; draw one anew",
        ),
        (
            "drawn_on = [64, 48]\n" + PLAZA + mask(0, 0, 10, 0, 10, 10, 0, 10),
            "line 1: camera 'square': a mask hides all of zone 'plaza'; draw one anew",
        ),
        (
            "drawn_on = [0, 48]\n",
            "line 1: camera 'square': drawn_on is (0, 48); give pixels",
        ),
        (
            "counts_only = true\n" + PLAZA + "left_object = {}\n",
            "line 1: camera 'square' is counts_only, so nothing is remembered of how its place"
            " looks, which left_object of zone 'plaza' needs; leave out one of the two",
        ),
        (
            "counts_only = true\n[camera.scene_changed]\n",
            "line 1: camera 'square' is counts_only, so nothing is remembered of how its place"
            " looks, which scene_changed needs; leave out one of the two",
        ),
    ],
)
def test_what_is_wrong_with_masks(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(CAMERA + text, "townsquare.toml", Town)
    assert str(caught.value) == f"townsquare.toml {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PLAZA + "stopped_vehicle = { after_s = 5 }\n",
            "line 13: after_s = 5 must be from 10 to 3600 seconds",
        ),
        (
            PLAZA + "wrong_way = { a = [1, 1], b = [1, 1] }\n",
            "line 13: wrong_way has no direction: a and b are both (1.0, 1.0)",
        ),
        (
            PLAZA + "intrusion = { classes = [] }\n",
            "line 13: classes is empty; name some of person, bicycle, motorcycle, car, bus,"
            " truck, tram",
        ),
        (
            PLAZA + 'queue = { line = "stop" }\n',
            "line 1: queue of zone 'plaza': camera 'square' has no line 'stop';"
            " name one of its [[camera.lines]], the stop line",
        ),
        (
            PLAZA + "crowding = {}\n",
            "line 1: crowding of zone 'plaza': write persons = N; per_m2 alone needs four"
            " [[camera.ground]] of camera 'square'",
        ),
        (
            'lines = [ { name = "stop", a = [0, 0], b = [1, 1] } ]\n'
            + PLAZA
            + 'queue = { line = "stop", length_m = 50 }\n',
            "line 1: queue of zone 'plaza': length_m needs four [[camera.ground]] of camera"
            " 'square'; write vehicles = N instead",
        ),
        (
            GROUND,
            "line 1: camera 'square' has 1 [[camera.ground]]; metres need 4 or more known points,"
            " or none at all",
        ),
    ],
)
def test_what_is_wrong_with_what_a_zone_is_watched_for(text: str, message: str) -> None:
    assert complaint(CAMERA + text) == f"townsquare.toml {message}"


def test_a_rule() -> None:
    text = """
[[rule]]
name = "crowd"
title = "Crowd"
type = "CrowdFlowObserved"
attribute = "peopleCount"
above = 6
clear_below = 4
severity = "high"
"""
    [rule] = parse(text, "townsquare.toml", Town).rule
    assert (rule.above, rule.clear_below, rule.severity) == (6, 4, "high")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "[web]\n\nprot = 1\n",
            'townsquare.toml line 3: unknown key "prot" in [web]; did you mean "port"?'
            " Allowed: port, public_url",
            id="unknown key with a near one",
        ),
        pytest.param(
            "[vision]\nfps = 3\n",
            'townsquare.toml line 2: unknown key "fps" in [vision].'
            " Allowed: detections_per_second, device, seen",
            id="unknown key with none near",
        ),
        pytest.param(
            "# town\n[wev]\nport = 1\n",
            "townsquare.toml line 2: unknown section [wev]; did you mean"
            ' "web"? Allowed: web, vision, camera, rule, limits, on',
            id="unknown section",
        ),
        pytest.param(
            '[[cameras]]\nname = "a"\n',
            "townsquare.toml line 1: unknown section [[cameras]]; did you mean"
            ' "camera"? Allowed: web, vision, camera, rule, limits, on',
            id="unknown section of many",
        ),
        pytest.param(
            'port = "x"\n',
            'townsquare.toml line 1: unknown key "port".'
            " Allowed: web, vision, camera, rule, limits, on",
            id="key outside its section",
        ),
        pytest.param(
            '[web]\nport = "8400"\n',
            'townsquare.toml line 2: "port" in [web] must be a whole number, not "8400"',
            id="text for a number",
        ),
        pytest.param(
            "[web]\nport = true\n",
            'townsquare.toml line 2: "port" in [web] must be a whole number, not true',
            id="true for a number",
        ),
        pytest.param(
            "web = 8400\n",
            'townsquare.toml line 1: "web" must be a table with port, public_url, not 8400',
            id="value for a section",
        ),
        pytest.param(
            'on = "yes"\n',
            'townsquare.toml line 1: "on" must be true or false, not "yes"',
            id="text for yes or no",
        ),
        pytest.param(
            '[vision]\ndevice = "gpu"\n',
            'townsquare.toml line 2: "device" in [vision] must be one of "cpu", "cuda",'
            ' not "gpu"; did you mean "cpu"?',
            id="word that is none of the choices",
        ),
        pytest.param(
            "[web]\nport = 70000\n",
            "townsquare.toml line 1: port 70000 is not between 1 and 65535",
            id="out of range",
        ),
        pytest.param(
            "[vision]\nseen = { lon = 13, lat = 91 }\n",
            "townsquare.toml line 2: position lon 13.0, lat 91.0 is not on Earth",
            id="out of range within",
        ),
        pytest.param(
            "limits = [1, 2, 3]\n",
            'townsquare.toml line 1: "limits" must be 2 values in brackets, each a number,'
            " not a list of 3",
            id="pair of three",
        ),
        pytest.param(
            '[[camera]]\nname = "a"\n[[camera]]\n',
            'townsquare.toml line 1: [[camera]] lacks "title" (text in quotes) and "url" (text in'
            ' quotes) and "position" (a table with lon, lat)',
            id="missing keys",
        ),
        pytest.param(
            CAMERA + "\n" + CAMERA.replace('"Town"', "7"),
            'townsquare.toml line 18: "owner" in [[camera]] must be text in quotes, not 7',
            id="second camera",
        ),
        pytest.param(
            CAMERA + 'classes = ["person", "lorry"]\n',
            'townsquare.toml line 10: "classes" in [[camera]] must be a list in brackets, each one'
            ' of "person", "bicycle", "motorcycle", "car", "bus", "truck", "tram"; number 2 is'
            ' "lorry"',
            id="item of a list",
        ),
        pytest.param(
            CAMERA + 'lines = [\n  { name = "w", a = [1, 1], b = [1, 1] },\n]\n',
            "townsquare.toml line 11: line 'w' has no length: a and b are both (1.0, 1.0)",
            id="line without length",
        ),
        pytest.param(
            CAMERA + '[[camera.lines]]\nname = "w"\na = [1, 1]\ncolour = "red"\n',
            'townsquare.toml line 13: unknown key "colour" in [[camera.lines]].'
            " Allowed: name, a, b, towards, away",
            id="unknown key two deep",
        ),
        pytest.param(
            '[camera]\nname = "a"\n',
            "townsquare.toml line 1: write [[camera]]: there can be more than one",
            id="one bracket for a camera",
        ),
        pytest.param(
            CAMERA.replace("2027-06-30", '"next June"'),
            'townsquare.toml line 9: "review" in [[camera]] must be a date such as 2027-01-31,'
            ' not "next June"',
            id="words for a date",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, message: str) -> None:
    assert complaint(text) == message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("[web]\nport = \n", 2, id="no value"),
        pytest.param('[web]\npublic_url = "\n', 2, id="quote left open"),
        pytest.param("[web]\nport = 1\nport = 2\n", 3, id="key twice"),
        pytest.param("limits = [1,\n2\n", 3, id="bracket left open at the end"),
    ],
)
def test_what_is_not_toml_is_named_with_its_line(text: str, line: int) -> None:
    assert complaint(text).startswith(f"townsquare.toml line {line}: this is not TOML: ")


TANGLED = '''\
a.b = 1 # a.c = 2
"quoted key" = "[not] = a # table"

[x.y]
long = """
[z]
q = 1
"""
list = [ # [w]
  [1, 2],
  { k = 1.5, l = [3] },
]
last = 2026-01-02T03:04:05Z
[[row]]
[row.in]
c = 'it''s'
[[row]]
[[row.deep]]
d = 1
'''.replace("'it''s'", "'[v]'")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a", "b"), 1),
        (("a", "c"), None),
        (("quoted key",), 2),
        (("not",), None),
        (("x", "y"), 4),
        (("x", "y", "long"), 5),
        (("z",), None),
        (("x", "y", "list", 0), 10),
        (("x", "y", "list", 1, "l", 0), 11),
        (("x", "y", "last"), 13),
        (("row", 0), 14),
        (("row", 0, "in", "c"), 16),
        (("row", 1), 17),
        (("row", 1, "deep", 0, "d"), 19),
    ],
)
def test_where_each_key_stands(path: tuple[str | int, ...], line: int | None) -> None:
    assert lines(TANGLED).get(path) == line
