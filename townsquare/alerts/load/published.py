"""The alarm load as everyone may read it. Pure.

Always holds: it names no alarm and no place; of alarms that are counted no number from 1 to 4 is
told, nor can it be had by taking the others from the sum. Judgements stay.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct, structs

from townsquare.alerts.load.answered import Waits
from townsquare.alerts.load.figures import Figure, Load
from townsquare.alerts.load.flood import Flood
from townsquare.alerts.load.limits import Judgement

FEWEST = 5
COUNTS = frozenset(
    {
        *("mostInTenMinutes", "mostInHour", "mostInMinute"),
        *("firstOfFlood", "chatteringOrFleeting", "stale"),
    }
)


class Shown(Struct, frozen=True):
    """`few`: the value is not told, because it is small or tells another that is."""

    name: str
    title: str
    unit: str
    value: float | None
    few: bool
    judgement: Judgement | None
    limit: str
    source: str


class Part(Struct, frozen=True):
    """`number` None: few."""

    of: str
    number: int | None
    judgement: Judgement | None


class Published(Struct, frozen=True, rename="camel"):
    """`numbers` are of ten minutes each from `since` on: 4 stands for 1 to 4, None for unknown."""

    month: str
    since: datetime
    until: datetime
    position: str
    indicative: bool
    watched_h: float
    unknown_h: float
    annunciations: int | None
    figures: tuple[Shown, ...]
    floods: tuple[Flood, ...]
    severities: tuple[Part, ...]
    acknowledged: tuple[Waits, ...]
    numbers: tuple[int | None, ...]


def published(month: str, load: Load) -> Published:
    severities = {one.severity: one.number for one in load.priorities}
    judged = {one.severity: one.judgement for one in load.priorities}
    return Published(
        month=month,
        since=load.since,
        until=load.until,
        position=load.position,
        indicative=load.indicative,
        watched_h=load.watched_h,
        unknown_h=load.unknown_h,
        annunciations=None if few(load.annunciations) else load.annunciations,
        figures=tuple(_shown(figure, load.annunciations) for figure in load.figures),
        floods=tuple(structs.replace(one, rows=None) for one in load.floods),
        severities=parts(severities, judged),
        acknowledged=tuple(_waits(load.acknowledged)),
        numbers=tuple(FEWEST - 1 if few(n) else n for n in load.numbers),
    )


def few(number: float | None) -> bool:
    return number is not None and 0 < number < FEWEST


def _shown(figure: Figure, annunciations: int) -> Shown:
    hidden = few(figure.value) if figure.name in COUNTS else few(annunciations)
    told = structs.asdict(figure)
    return Shown(**(told | {"value": None if hidden else figure.value, "few": hidden}))


def parts(numbers: Mapping[str, int], judged: Mapping[str, Judgement | None]) -> tuple[Part, ...]:
    """Of a sum that is told: where one alone is few, the next larger is not told either."""
    hidden = {of for of, number in numbers.items() if few(number)}
    others = [of for of, number in numbers.items() if number >= FEWEST]
    if hidden and sum(numbers[of] for of in hidden) < FEWEST and others:
        hidden.add(min(others, key=lambda of: numbers[of]))
    return tuple(
        Part(of, None if of in hidden else number, judged.get(of)) for of, number in numbers.items()
    )


def _waits(waits: Sequence[Waits]) -> list[Waits]:
    """How many wait still is not told: of how many, would be."""
    return [structs.replace(one, waiting=0) for one in waits if one.number >= FEWEST]
