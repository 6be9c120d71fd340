"""What one operator can bear, and who says so. Pure.

The standards themselves are sold; these are the figures that open restatements of them agree on.
Always holds: what is not known is not judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from townsquare.model.texts import later

Judgement = Literal["very likely acceptable", "manageable", "too much"]
Unit = Literal["alarms", "share"]

EEMUA = "EEMUA 191"
ISA = "ISA-18.2"
BOTH = later("EEMUA 191 and ISA-18.2")
NIMMO = later("Nimmo, after EEMUA 191")
ISA_2009 = later("ISA-18.2, edition of 2009")
WORST: tuple[Judgement, ...] = ("very likely acceptable", "manageable", "too much")


@dataclass(frozen=True, slots=True)
class Limit:
    """Up to `acceptable` very likely acceptable, up to `manageable` at most manageable. With
    `below` a value must stay below the first.
    """

    title: str
    unit: Unit
    acceptable: float
    manageable: float
    source: str
    below: bool = False

    def judged(self, value: float | None) -> Judgement | None:
        if value is None:
            return None
        if value < self.acceptable or (value == self.acceptable and not self.below):
            return "very likely acceptable"
        return "manageable" if value <= self.manageable and not self.below else "too much"

    @property
    def words(self) -> str:
        """Such as "up to 6, at most 12"."""
        first = f"{'below' if self.below else 'up to'} {self._said(self.acceptable)}"
        more = self.manageable > self.acceptable and not self.below
        return f"{first}, at most {self._said(self.manageable)}" if more else first

    def _said(self, value: float) -> str:
        return f"{100 * value:g} %" if self.unit == "share" else f"{value:g}"


LIMITS: Mapping[str, Limit] = {
    "perHour": Limit(later("Alarms an hour, on average"), "alarms", 6, 12, BOTH),
    "perTenMinutes": Limit(later("Alarms in ten minutes, on average"), "alarms", 1, 2, BOTH),
    "perDay": Limit(later("Alarms a day, on average"), "alarms", 150, 300, ISA_2009),
    "bucketsAboveTen": Limit(
        later("Ten minutes by the clock with more than 10 alarms"),
        "share",
        0.01,
        0.01,
        ISA,
        below=True,
    ),
    "mostInTenMinutes": Limit(later("Most alarms in any ten minutes"), "alarms", 10, 10, BOTH),
    "mostInHour": Limit(later("Most alarms in any hour"), "alarms", 15, 15, NIMMO),
    "mostInMinute": Limit(later("Most alarms in any minute"), "alarms", 2, 2, NIMMO),
    "timeInFlood": Limit(later("Time in a flood"), "share", 0.01, 0.01, ISA, below=True),
    "firstOfFlood": Limit(
        later("Most alarms in a flood's first ten minutes"), "alarms", 10, 100, EEMUA
    ),
    "shareOfTen": Limit(later("Share of the ten most frequent alarms"), "share", 0.05, 0.05, BOTH),
    "chatteringOrFleeting": Limit(later("Alarms that chatter or flee"), "alarms", 0, 0, BOTH),
    "stale": Limit(
        later("Alarms that lasted over 24 hours, on the worst day"),
        "alarms",
        5,
        5,
        BOTH,
        below=True,
    ),
}

# Of all alarms, by severity (four levels).
EXPECTED: Mapping[str, float] = {"critical": 0.01, "high": 0.05, "medium": 0.15, "low": 0.80}


def judged_share(severity: str, share: float) -> Judgement:
    """More than the expected share of what is severe, or less of what is low; over twice is red."""
    expected = EXPECTED[severity]
    off = expected / share if severity == "low" and share else share / expected
    if severity == "low" and not share:
        return "too much"
    return WORST[(off > 1) + (off > 2)]
