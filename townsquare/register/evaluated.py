"""Hand counts of a camera, in the words that everyone reads. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from townsquare.model.customs import number
from townsquare.model.entity import Entity
from townsquare.model.texts import found, later, text

EVALUATION = "CameraEvaluation"
LIGHTS: Mapping[str, str] = {
    "day": later("by day"),
    "dusk": later("at dusk"),
    "night": later("by night"),
}


@dataclass(frozen=True, slots=True)
class Evaluated:
    """All its lines, classes and directions together; `lines` are those that were counted."""

    on: date
    minutes: float
    light: str
    detector: str
    lines: frozenset[str]
    hits: int
    missed: int
    false: int

    @property
    def said(self) -> str:
        by_hand = self.hits + self.missed
        return text(
            "{day}, {light}, {minutes} minutes: of {by_hand} crossings counted by hand the machine"
            " ({detector}) counted {hits} and missed {missed}; {false} more that it counted were"
            " none.",
            day=self.on.isoformat(),
            light=found(self.light),
            minutes=number(self.minutes, "g"),
            by_hand=by_hand,
            detector=self.detector,
            hits=self.hits,
            missed=self.missed,
            false=self.false,
        )


def evaluated(kept: Entity) -> Evaluated:
    results = kept.value("results")
    hits, missed, false = (sum(r[name] for r in results) for name in ("hits", "missed", "false"))
    return Evaluated(
        on=datetime.fromisoformat(kept.value("dateEvaluated")).date(),
        minutes=kept.value("durationMinutes"),
        light=LIGHTS[kept.value("light")],
        detector=kept.value("detector"),
        lines=frozenset(r["line"] for r in results),
        hits=hits,
        missed=missed,
        false=false,
    )


def error_said(name: str, bounded: str, evaluations: tuple[Evaluated, ...]) -> str:
    """Of a line; `bounded` is the day of the evaluation behind the newest hour with an interval."""
    if bounded:
        return text(
            "The true number is between the two that stand below each, 19 times in 20: measured"
            " on {day} against a hand count.",
            day=bounded,
        )
    if any(name in one.lines for one in evaluations):
        return text(
            "Error unknown: not measured in the light of these hours, or not as it counts now."
        )
    return text("Error unknown: never measured.")
