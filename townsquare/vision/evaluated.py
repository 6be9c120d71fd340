"""Evaluations of a camera as everyone may read them, and what they say of its counts. Pure.

Always holds: an evaluation has sums and no time of a crossing, and is told to the hour. It speaks
of lines as they were drawn then, of the detector that counted then, and of the light there was:
for anything else the error is unknown.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from townsquare.model.camera import Camera, Direction, Line, Point, RoadUser
from townsquare.model.count_error import CountError
from townsquare.model.entity import Attribute, Entity, Json, entity, iso, relationship, urn
from townsquare.vision.error import Tally, Way, combined, measuring
from townsquare.vision.light import Light

EVALUATION = "CameraEvaluation"
METHOD = "hand count, matched one to one within 2 s"
# What the hand looked at. The drawn picture shows only whom the machine has found.
Where = Literal["street", "picture"]
WHERE: Mapping[Where, str] = {
    "street": f"{METHOD}, counted on the street",
    "picture": f"{METHOD}, counted on the drawn picture",
}
Ends = tuple[Point, Point]


@dataclass(frozen=True, slots=True)
class Model:
    """The detector that counts, and the checksum of its graph."""

    name: str = ""
    sum: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`at` is the hour it began in; `ends` are of its lines, as they were drawn."""

    at: datetime
    minutes: float
    light: Light
    model: Model
    by: str  # role
    ends: Mapping[str, Ends]
    tallies: Mapping[Way, Tally]
    method: str = METHOD


@dataclass(frozen=True, slots=True)
class Known:
    """An error, and the day of the newest evaluation that it is from."""

    error: CountError
    on: date


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one camera's counts. `model` is the one that counts now."""

    evaluations: tuple[Evaluation, ...] = ()
    model: Model = Model()

    def known(
        self, line: Line, of: RoadUser, to: Direction, light: Light, counted: Collection[RoadUser]
    ) -> Known | None:
        for group in measuring(of, counted):
            if known := self.along((line.name, group, to), line, light):
                return known
        return None

    def along(self, way: Way, line: Line, light: Light) -> Known | None:
        """What is known of those who go this way, by the evaluations that fit."""
        fit = [e for e in self.evaluations if self._fits(e, line, light) and way in e.tallies]
        found = [(e, e.tallies[way]) for e in fit]
        error = combined([tally for _, tally in found])
        if error is None:
            return None
        return Known(error, max(e.at.date() for e, tally in found if tally.by_hand))

    def _fits(self, evaluation: Evaluation, line: Line, light: Light) -> bool:
        drawn = evaluation.ends.get(line.name) == (line.a, line.b)
        same = evaluation.light == light and evaluation.model == self.model
        return drawn and same and bool(self.model.sum)


def ends(camera: Camera, names: Collection[str]) -> dict[str, Ends]:
    return {line.name: (line.a, line.b) for line in camera.lines if line.name in names}


def hour_of(at: datetime) -> datetime:
    """Sums of a quarter of an hour at night, with its minutes, might tell of one walker."""
    return at.replace(minute=0, second=0, microsecond=0)


# --- as entities


def to_entity(camera: str, name: str, made: Evaluation) -> Entity:
    return entity(
        urn(EVALUATION, f"{camera}-{name}"),
        EVALUATION,
        refDevice=relationship(urn("Camera", camera)),
        dateEvaluated=Attribute(iso(made.at)),
        durationMinutes=Attribute(made.minutes),
        light=Attribute(made.light),
        detector=Attribute(made.model.name),
        detectorChecksum=Attribute(made.model.sum),
        evaluatedBy=Attribute(made.by),
        method=Attribute(made.method),
        results=Attribute([_result(way, tally, made.ends) for way, tally in made.tallies.items()]),
    )


def _result(way: Way, tally: Tally, drawn: Mapping[str, Ends]) -> Json:
    line, of, direction = way
    a, b = drawn[line]
    return {
        "line": line,
        "a": list(a),
        "b": list(b),
        "of": of,
        "direction": direction,
        "hits": tally.hits,
        "missed": tally.missed,
        "false": tally.false,
    }


def from_entity(kept: Entity) -> Evaluation:
    results = kept.value("results")
    return Evaluation(
        at=datetime.fromisoformat(kept.value("dateEvaluated")),
        minutes=kept.value("durationMinutes"),
        light=kept.value("light"),
        model=Model(kept.value("detector"), kept.value("detectorChecksum")),
        by=kept.value("evaluatedBy"),
        ends={r["line"]: (_point(r["a"]), _point(r["b"])) for r in results},
        tallies={
            (r["line"], r["of"], r["direction"]): Tally(r["hits"], r["missed"], r["false"])
            for r in results
        },
        method=kept.value("method"),
    )


def _point(told: Sequence[float]) -> Point:
    x, y = told
    return (x, y)


def minutes(length: timedelta) -> float:
    return round(length.total_seconds() / 60, 1)
