"""How many alarms rang when, by severity: the last 24 hours of the control room. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from townsquare.alerts.load.flood import Span
from townsquare.alerts.load.story import Transition

STEP = timedelta(minutes=10)


class Bin(Struct, frozen=True, rename="camel"):
    """Annunciations from `since` on for one `STEP`; of another severity than these four is none."""

    since: datetime
    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0


class Down(Struct, frozen=True):
    since: datetime
    until: datetime


class Timeline(Struct, frozen=True, rename="camel"):
    """`known_since` is when the first alarm rang whose past is kept; before it nothing is known,
    and neither is what rang while the house was `down`.
    """

    step_minutes: int
    known_since: datetime | None
    bins: list[Bin]
    down: list[Down] = []


Rang = Counter[tuple[int, str]]  # by step and severity


def rang(annunciations: Iterable[Transition], since: datetime) -> Rang:
    return Counter(((one.at - since) // STEP, one.severity) for one in annunciations)


def timeline(
    rang: Rang,
    known_since: datetime | None,
    since: datetime,
    steps: int,
    down: Iterable[Span] = (),
) -> Timeline:
    bins = [
        Bin(
            since + n * STEP,
            *(rang[n, severity] for severity in ("critical", "high", "medium", "low")),
        )
        for n in range(steps)
    ]
    return Timeline(STEP // timedelta(minutes=1), known_since, bins, [Down(*one) for one in down])
