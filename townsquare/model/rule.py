"""What is worth an operator's attention: rooms, the town and its engineers declare it, `alerts`
applies it.

Always holds: a rule has one kind of condition and can be applied as it is; one that is broken
says in which field, and what a right one looks like.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

from townsquare.model.declaration import LIVE
from townsquare.model.entity import urn
from townsquare.model.errors import Invalid
from townsquare.model.geometry import geometry_of
from townsquare.model.schedule import EXAMPLE, read_schedule

Severity = Literal["critical", "high", "medium", "low"]
LONGEST_S = 31 * 86_400  # of any duration: longer than history is looked back on
LONGEST_TEXT = 4_000  # characters
LONGEST_AREA = 100_000
TEXTS = (
    *("title", "type", "attribute", "consequence", "response"),
    *("scope", "group", "procedure"),
)


class BrokenRule(Invalid):
    """`field` is where, and `example` what could stand there; `character`, from 1, within it."""

    def __init__(
        self, rule: str, field: str, wrong: str, example: str = "", character: int | None = None
    ) -> None:
        such = f"; right is, for example, {field} = {example}" if example else ""
        super().__init__(f"rule {rule!r}: {field}: {wrong}{such}")
        self.members = {"field": field, "character": character, "example": example}
        self.field = field
        self.example = example
        self.character = character


@dataclass(frozen=True, slots=True)
class Rule:
    """It looks at each entity of `type` in `scope`; "" means those that have no scope. It has one
    of three conditions, and an `area` (GeoJSON) narrows any of them:

    `above`          `attribute` is at or above it; it ends at or below `clear_below`
    `q`              is fulfilled, or, with `area` alone, the entity is there; it ends with that,
                     or where `ends_q` is given, with that one being fulfilled
    `no_data_for_s`  nothing was observed of `attribute` for so long; it ends with an observation

    The condition must hold for `for_s` to raise, and have ended for `clear_for_s` to return;
    None is as long as `for_s`.
    """

    name: str
    title: str
    type: str
    attribute: str = ""
    above: float | None = None
    clear_below: float | None = None
    for_s: float = 0
    severity: Severity = "medium"
    consequence: str = ""
    response: str = ""
    scope: str = LIVE
    latching: bool = False  # what it raised stays until it is reset
    q: str = ""  # in the query language of NGSI-LD
    ends_q: str = ""
    area: str = ""  # a geometry as GeoJSON text; the entity's location lies within
    no_data_for_s: float | None = None
    clear_for_s: float | None = None
    dead_time_s: float = 0  # after it returned it is not raised again for so long
    schedule: str = ""  # days and hours on the town's clocks in which it raises; "" is always
    group: str = ""  # alarms with the same share a row of the queue
    procedure: str = ""  # an id: an incident that is opened from its alarm takes it
    silences: bool = False  # its alarm explains, and silences, those of what depends on its source

    def __post_init__(self) -> None:
        for field, wrong, example in _complaints(self):
            raise BrokenRule(self.name, field, wrong, example)

    @property
    def raise_s(self) -> float:
        """How long its condition lasts before it raises."""
        return self.for_s if self.no_data_for_s is None else self.no_data_for_s

    @property
    def return_s(self) -> float:
        if self.no_data_for_s is not None:
            return 0
        return self.for_s if self.clear_for_s is None else self.clear_for_s

    @property
    def asks(self) -> bool:
        """Whether its condition is about the entity as a whole rather than one attribute."""
        return self.above is None and self.no_data_for_s is None


Complaint = tuple[str, str, str]  # field, what is wrong, an example


def _complaints(rule: Rule) -> Iterator[Complaint]:
    yield from _words(rule)
    yield from _condition(rule)
    yield from _durations(rule)
    yield from _read("area", rule.area, geometry_of, AREA)
    yield from _read("schedule", rule.schedule, read_schedule, f'"{EXAMPLE}"')


AREA = '{"type": "Polygon", "coordinates": [[[13, 52], [14, 52], [14, 53], [13, 52]]]}'


def _words(rule: Rule) -> Iterator[Complaint]:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", rule.name):
        yield "name", "its name becomes part of ids; use letters, digits, . _ -", '"square-full"'
    if not rule.type:
        yield "type", "it must say which entities it looks at", '"CrowdFlowObserved"'
    if rule.severity not in get_args(Severity):
        yield "severity", f"use one of {', '.join(get_args(Severity))}", '"high"'
    for field in (
        "title",
        "type",
        "attribute",
        "consequence",
        "response",
        "scope",
        "group",
        "procedure",
    ):
        if len(getattr(rule, field)) > LONGEST_TEXT:
            yield field, f"it has more than {LONGEST_TEXT} characters", ""
    if rule.procedure and not rule.procedure.startswith(urn("Procedure", "")):
        yield "procedure", "it is the id of a procedure", '"urn:ngsi-ld:Procedure:road"'
    if len(rule.area) > LONGEST_AREA:
        yield "area", f"it has more than {LONGEST_AREA} characters; draw it coarser", ""


def _condition(rule: Rule) -> Iterator[Complaint]:
    yield from _thresholds(rule)
    threshold, silence = rule.above is not None, rule.no_data_for_s is not None
    asks = bool(rule.q) or (bool(rule.area) and not threshold and not silence)
    if threshold + silence + asks != 1:
        wrong = "a rule has one condition: above, q, area, or no_data_for_s"
        yield "above" if threshold else "q", wrong, "60" if threshold else "'level>0.8'"
    if rule.ends_q and not rule.q:
        yield "q", "with ends_q there must be a q that begins it", "'level>0.8'"
    if (threshold or silence) and not rule.attribute:
        yield "attribute", "it must say of which attribute", '"peopleCount"'
    if asks and rule.attribute:
        yield "attribute", "a q names its attributes itself; leave this empty", '""'


def _thresholds(rule: Rule) -> Iterator[Complaint]:
    if rule.above is None:
        if rule.clear_below is not None:
            yield "above", "with clear_below there must be an above", "60"
        return
    if not isfinite(rule.above):
        yield "above", f"{rule.above} is not a number that can be reached", "60"
    if rule.clear_below is None or not rule.clear_below < rule.above:
        wrong = f"{rule.clear_below} must be less than above {rule.above}, or it would chatter"
        yield "clear_below", wrong, f"{rule.above - max(abs(rule.above) * 0.2, 0.01):g}"


def _durations(rule: Rule) -> Iterator[Complaint]:
    for field in ("for_s", "clear_for_s", "dead_time_s", "no_data_for_s"):
        seconds = getattr(rule, field)
        if seconds is not None and not 0 <= seconds <= LONGEST_S:
            yield field, f"{seconds} must be 0 seconds or more, and at most {LONGEST_S}", "60"
    if rule.no_data_for_s == 0:
        yield "no_data_for_s", "0 seconds without data are always", "600"
    if rule.no_data_for_s is not None and (rule.for_s or rule.clear_for_s is not None):
        field = "for_s" if rule.for_s else "clear_for_s"
        yield field, "no_data_for_s is the duration, and data ends it at once; leave it out", ""


def _read(
    field: str, text: str, read: Callable[[str], object], example: str
) -> Iterator[Complaint]:
    if not text:
        return
    try:
        read(text)
    except Invalid as error:
        yield field, str(error), example
