"""All that a zone is watched for, from picture to picture. Pure.

What comes out speaks of the zone: that something began, and that it is over. There is one event of
a kind at a time, however many take part in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from townsquare.model.camera import Crowding, Line, Queue, Zone
from townsquare.vision.count import inside
from townsquare.vision.events.spell import Spell, Turn, next_spell
from townsquare.vision.events.stopped import Stands, next_stands, still_in
from townsquare.vision.events.wrong_way import against
from townsquare.vision.ground import Ground, area_m2, per_m2
from townsquare.vision.observation import What
from townsquare.vision.queue import Length, Waiting, queue, waiting
from townsquare.vision.trails import Trails

EASED = 0.8  # of a limit: crowding and queue that were told are over below it


@dataclass(frozen=True, slots=True)
class Happening:
    """`until_s` is None when it begins. Seconds of the pictures."""

    zone: str
    what: What
    since_s: float
    until_s: float | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What a picture shows. `lines` and `ground` are of its camera, `clock` is the town's, such as
    "22:00".
    """

    at_s: float
    trails: Trails
    lines: Sequence[Line] = ()
    ground: Ground | None = None
    clock: str = "00:00"


@dataclass(frozen=True, slots=True)
class Watching:
    """What is remembered of a zone; dropped at every break in time."""

    spells: Mapping[What, Spell] = field(default_factory=dict)
    stands: Stands = field(default_factory=Stands)
    waits: Waiting = frozenset()
    length: Length | None = None  # of the queue, where there may be one


def next_watching(before: Watching, zone: Zone, shown: Shown) -> tuple[Watching, list[Happening]]:
    """After this picture: what is remembered, and what is to be told."""
    after, spells = before, dict[What, Spell]()
    turns: dict[What, Turn | None] = {}
    if zone.queue:
        line = next(line for line in shown.lines if line.name == zone.queue.line)
        waits = waiting(before.waits, shown.trails)
        length = queue(zone, line, shown.trails, waits, shown.ground)
        after = replace(after, waits=waits, length=length)
    for what, (level, after_s) in _levels(zone, shown, after.length).items():
        spell = before.spells.get(what)
        limit = EASED if spell and spell.told else 1.0
        spell, turns[what] = next_spell(spell, level >= limit, shown.at_s, after_s)
        spells |= {what: spell} if spell else {}
    if zone.stopped_vehicle:
        still = still_in(zone, shown.trails, shown.at_s)
        stands, turns["stoppedVehicle"] = next_stands(
            before.stands, still, zone.stopped_vehicle, shown.at_s
        )
        after = replace(after, stands=stands)
    after = replace(after, spells=spells)
    told = [_happening(zone, what, turn) for what, turn in turns.items() if turn]
    return after, told


def lasting(watching: Watching, zone: str) -> list[Happening]:
    """What was told of the zone and is not over."""
    spells = [
        Happening(zone, what, spell.since_s, None, spell.share)
        for what, spell in watching.spells.items()
        if spell.told
    ]
    stands = watching.stands.told
    if stands is None:
        return spells
    return [*spells, Happening(zone, "stoppedVehicle", stands.since_s, None, stands.confidence)]


def _levels(zone: Zone, shown: Shown, length: Length | None) -> dict[What, tuple[float, float]]:
    """How near its limit (1) each condition is now, and for how long it must be there."""
    levels: dict[What, tuple[float, float]] = {}
    if zone.wrong_way:
        wrong = against(zone, zone.wrong_way, shown.trails)
        levels["wrongWay"] = (float(wrong), 0.0)  # its stretch of trail has lasted already
    if zone.intrusion:
        there = zone.intrusion.applies(shown.clock) and any(
            trail.of in zone.intrusion.classes and inside(zone, trail.last.foot)
            for trail in shown.trails.values()
        )
        levels["intrusion"] = (float(there), zone.intrusion.after_s)
    if zone.crowding:
        levels["crowding"] = (_crowded(zone, zone.crowding, shown), zone.crowding.after_s)
    if zone.queue and length:
        levels["queue"] = (_queued(zone.queue, length), zone.queue.after_s)
    return levels


def _crowded(zone: Zone, of: Crowding, shown: Shown) -> float:
    number = sum(
        trail.of == "person" and inside(zone, trail.last.foot) for trail in shown.trails.values()
    )
    area = area_m2(shown.ground, zone) if shown.ground else None
    by_number = number / of.persons if of.persons else 0.0
    return max(by_number, (per_m2(number, area) or 0.0) / of.per_m2)


def _queued(of: Queue, length: Length) -> float:
    by_length = (length.length_m or 0.0) / of.length_m if of.length_m else 0.0
    return max(length.vehicles / of.vehicles, by_length)


def _happening(zone: Zone, what: What, turn: Turn) -> Happening:
    return Happening(zone.name, what, turn.since_s, turn.until_s, turn.confidence)
