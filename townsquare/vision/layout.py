"""What is drawn on a camera's picture, apart from the rest of it; and what is wrong with it. Pure.

Always holds: a layout that was accepted fits its camera and picture as one in the settings must,
and is refused in the same words.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from townsquare.model.camera import Camera, GroundPoint, Line, Zone
from townsquare.model.errors import Invalid
from townsquare.model.mask import Mask, Size
from townsquare.vision.ground import on_picture
from townsquare.vision.inside import require_inside

MOST = 32  # of each kind; a picture has no room for more
MOST_CORNERS = 64
Thing = TypeVar("Thing")
Raw = Annotated[tuple[dict[str, Any], ...], Meta(max_length=MOST)]


@dataclass(frozen=True, slots=True)
class Layout:
    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    ground: tuple[GroundPoint, ...] = ()
    masks: tuple[Mask, ...] = ()


class Sketch(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A layout as somebody draws it, of which any part may be wrong."""

    lines: Raw = ()
    zones: Raw = ()
    ground: Raw = ()
    masks: Raw = ()


class Problem(msgspec.Struct, frozen=True):
    """`at` is such as lines.0; ground is all of its points, and nothing the layout as a whole."""

    at: str
    what: str


KINDS: Mapping[str, type] = {"lines": Line, "zones": Zone, "ground": GroundPoint, "masks": Mask}


def drawn(camera: Camera) -> Layout:
    return Layout(camera.lines, camera.zones, camera.ground, camera.masks)


def laid_out(camera: Camera, layout: Layout, drawn_on: Size | None) -> Camera:
    """The camera with this on its picture. Raises Invalid."""
    return replace(
        camera,
        lines=layout.lines,
        zones=layout.zones,
        ground=layout.ground,
        masks=layout.masks,
        drawn_on=drawn_on,
    )


def examined(camera: Camera, sketch: Sketch, size: Size) -> tuple[Layout | None, list[Problem]]:
    """The layout where all of it is right, and what is not."""
    problems: list[Problem] = []
    found: dict[str, list[Any]] = {
        kind: [_read(raw, into, f"{kind}.{n}", problems) for n, raw in enumerate(rows)]
        for kind, into in KINDS.items()
        if (rows := getattr(sketch, kind)) is not None
    }
    if problems:
        return None, problems
    layout = Layout(**{kind: tuple(things) for kind, things in found.items()})
    problems += _outside(layout, size)
    problems += _attempted("", lambda: laid_out(camera, layout, size))
    if layout.ground and not problems:
        drawn = layout.lines, layout.zones
        problems += _attempted("ground", lambda: on_picture(layout.ground, drawn, size))
    return (None if problems else layout), problems


def _read(raw: Mapping[str, Any], into: type[Thing], at: str, problems: list[Problem]) -> Thing:
    """None in place of what is wrong, which is then among the problems."""
    found: list[Thing] = []

    def read() -> None:
        corners = raw.get("corners")
        if isinstance(corners, Sequence) and len(corners) > MOST_CORNERS:
            raise Invalid(f"{len(corners)} corners are too many; {MOST_CORNERS} are the most")
        found.append(msgspec.convert(raw, into))

    problems += _attempted(at, read)
    return found[0] if found else None  # type: ignore[return-value]  # nobody looks at it then


def _outside(layout: Layout, size: Size) -> Iterator[Problem]:
    for n, line in enumerate(layout.lines):
        yield from _attempted(f"lines.{n}", partial(require_inside, [line], [], size))
    for n, zone in enumerate(layout.zones):
        yield from _attempted(f"zones.{n}", partial(require_inside, [], [zone], size))


def _attempted(at: str, attempt: Callable[[], object]) -> list[Problem]:
    try:
        attempt()
    except Invalid as error:
        return [Problem(at, str(error))]
    except msgspec.ValidationError as error:
        return [Problem(at, f"this is not drawn whole: {error}")]
    return []


# --- as text for the settings


def toml(layout: Layout, drawn_on: Size | None = None) -> str:
    """As it is written into townsquare.toml, below its [[camera]]."""
    head = [f"drawn_on = [{drawn_on[0]}, {drawn_on[1]}]"] if drawn_on and layout.masks else []
    return "\n\n".join([*head, *(part for kind in KINDS for part in _tables(kind, layout))]) + "\n"


def _tables(kind: str, layout: Layout) -> Iterator[str]:
    for thing in getattr(layout, kind):
        rows = [f"{name} = {_toml(value)}" for name, value in _values(thing) if value is not None]
        yield "\n".join([f"[[camera.{kind}]]", *rows])


def _values(thing: Any) -> Iterator[tuple[str, Any]]:
    for field in fields(thing):
        yield field.name, getattr(thing, field.name)


def _toml(value: Any) -> str:
    if is_dataclass(value):
        inner = (f"{name} = {_toml(v)}" for name, v in _values(value) if v is not None)
        return f"{{ {', '.join(inner)} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float):
        return f"{value:g}"
    # A string of JSON is one of TOML.
    return msgspec.json.encode(value).decode()
