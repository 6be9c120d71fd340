"""A warning as people write it, and the rules of CAP 1.2 that it must keep. Pure.

Always holds: what `checked` gives can be published: its terms are those of the standard, its times
make sense, its area lies on Earth and is closed. The words are those of the OASIS standard CAP 1.2.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal

from msgspec import Meta, Struct

from townsquare.alerts.incidents.text import LONGEST, optional, required
from townsquare.model.errors import Invalid
from townsquare.model.position import Position

Status = Literal["Actual", "Exercise", "Test"]
Kind = Literal["Alert", "Update", "Cancel"]
Category = Literal[
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
]
# Without `Assess`, which the standard keeps from public warnings (3.2.2, responseType).
Response = Literal[
    "Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "AllClear", "None"
]
Urgency = Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
Severity = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
Certainty = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
Moment = Annotated[datetime, Meta(tz=True)]

MOST_TEXTS, MOST_AREAS, MOST_SHAPES, MOST_CORNERS = 12, 20, 20, 100
LONGEST_HEADLINE = 160  # what a text display shows (3.2.2, headline)
LONGEST_TIME = timedelta(days=7)
WIDEST_KM = 200
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")  # RFC 3066


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    """The warning in one language."""

    language: str
    event: str
    headline: str
    description: str
    instruction: str = ""


class Area(Struct, frozen=True, forbid_unknown_fields=True):
    """A polygon is "lat,lon lat,lon …", its last corner the first; a circle "lat,lon km"."""

    description: str
    polygons: tuple[str, ...] = ()
    circles: tuple[str, ...] = ()


class Message(Struct, frozen=True, forbid_unknown_fields=True):
    """`expires` ends it. What is the same in every language stands once."""

    category: Category
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    expires: Moment
    texts: tuple[Text, ...]
    areas: tuple[Area, ...]
    status: Status = "Exercise"
    response: Response = "Monitor"
    onset: Moment | None = None
    note: str = ""


def checked(message: Message, now: datetime) -> Message:
    """Raises Invalid with all that is wrong, each with its place."""
    if wrong := list(objections(message, now)):
        raise Invalid("; ".join(wrong))
    return message


def objections(message: Message, now: datetime) -> Iterator[str]:
    if not now < message.expires <= now + LONGEST_TIME:
        yield "expires: it must end in the next 7 days, such as in 6 hours"
    if message.onset and message.onset >= message.expires:
        yield "onset: it must begin before it expires"
    yield from _said("note", lambda: optional(message.note, "the note", 1_000))
    if not 1 <= len(message.texts) <= MOST_TEXTS:
        yield f"texts: 1 to {MOST_TEXTS} languages, not {len(message.texts)}"
    if not 1 <= len(message.areas) <= MOST_AREAS:
        yield f"areas: 1 to {MOST_AREAS} areas, not {len(message.areas)}"
    languages = [one.language for one in message.texts]
    if len(set(languages)) < len(languages):
        yield "texts: each language once"
    for n, text in enumerate(message.texts):
        yield from _of_text(f"texts[{n}]", text)
    for n, area in enumerate(message.areas):
        yield from _of_area(f"areas[{n}]", area)


def _of_text(place: str, text: Text) -> Iterator[str]:
    if not LANGUAGE.fullmatch(text.language):
        yield f"{place}.language: {text.language[:20]!r} is no language such as en or sr-Cyrl"
    yield from _said(place, lambda: required(text.event, "event", 200))
    yield from _said(place, lambda: required(text.headline, "headline", LONGEST_HEADLINE))
    yield from _said(place, lambda: required(text.description, "description", LONGEST))
    yield from _said(place, lambda: optional(text.instruction, "instruction", LONGEST))


def _of_area(place: str, area: Area) -> Iterator[str]:
    yield from _said(place, lambda: required(area.description, "description", 200))
    if not 1 <= len(area.polygons) + len(area.circles) <= MOST_SHAPES:
        yield f"{place}: 1 to {MOST_SHAPES} polygons and circles"
    for n, text in enumerate(area.polygons):
        yield from _said(f"{place}.polygons[{n}]", partial(polygon, text))
    for n, text in enumerate(area.circles):
        yield from _said(f"{place}.circles[{n}]", partial(circle, text))


def _said(place: str, check: Callable[[], object]) -> Iterator[str]:
    try:
        check()
    except Invalid as wrong:
        yield f"{place}: {wrong}"


def polygon(text: str) -> Sequence[Position]:
    """Raises Invalid."""
    corners = [position(pair) for pair in text.split()]
    if not 4 <= len(corners) <= MOST_CORNERS or corners[0] != corners[-1]:
        raise Invalid(
            "a polygon has 4 or more corners, the last one being the first, such as"
            " '52.5,13.4 52.5,13.5 52.6,13.5 52.5,13.4'"
        )
    if len(set(corners)) < 3:
        raise Invalid("a polygon has at least three different corners")
    return corners


def circle(text: str) -> tuple[Position, float]:
    """Centre and radius in km. Raises Invalid."""
    parts = text.split()
    if len(parts) != 2 or not (radius := _number(parts[1])) or not 0 < radius <= WIDEST_KM:
        raise Invalid(
            f"a circle is 'lat,lon km' with up to {WIDEST_KM} km, such as '52.5,13.4 0.5'"
        )
    return position(parts[0]), radius


def position(pair: str) -> Position:
    """Of "lat,lon". Raises Invalid."""
    found = [_number(part) for part in pair.split(",")]
    if len(found) != 2 or None in found:
        raise Invalid(f"{pair[:40]!r} is no 'lat,lon' such as '52.5,13.4'")
    lat, lon = (float(part or 0) for part in found)
    return Position(lon, lat)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d{1,3}(\.\d{1,8})?", text) else None
