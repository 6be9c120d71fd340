"""Hand counts that run, and what came of those before.

While one runs, the machine's own crossings of that camera are kept to be matched, in memory only.
Always holds: one at a time for each camera, of one person, bounded in time and number; its single
crossings are gone with its end, also where that is a restart. Only sums are kept.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Order, Path, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.entity import Entity
from townsquare.model.errors import Conflict, Denied, Invalid, NotFound
from townsquare.vision.error import MOTORISED, Group, Passed, Way, classes_of, tallied
from townsquare.vision.evaluated import (
    EVALUATION,
    WHERE,
    Evaluation,
    Measured,
    Model,
    Where,
    ends,
    from_entity,
    hour_of,
    minutes,
    to_entity,
)
from townsquare.vision.light import Light
from townsquare.vision.observation import Crossings, Health, Observation

ROOM, OPERATIONS = room("vision"), Why("operations")
LONGEST_MIN, LEAST_S = 60, 60.0
HANDED_IN = timedelta(minutes=5)  # after its end what was counted can still be handed in
MOST_PASSED = 5_000  # more than a hand can count in an hour
MOST_KEYS = 12  # lines times groups times directions; a hand that has more is often wrong
LATEST = (Order(Path("dateEvaluated"), descending=True),)
NEWEST = 24  # evaluations of a camera that its error is made from


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the hand counts: an empty result of one of these means that nobody passed there."""

    lines: tuple[str, ...]
    of: tuple[Group, ...]
    length: timedelta
    where: Where = "street"

    def ways(self) -> list[Way]:
        return [(x, of, to) for x in self.lines for of in self.of for to in ("in", "out")]


@dataclass(slots=True)
class Running:
    id: str
    by: Actor
    wanted: Wanted
    since: datetime
    machine: list[Passed] = field(default_factory=list)
    lights: Counter[Light] = field(default_factory=Counter)
    void: str = ""  # why nothing can come of it any more

    @property
    def until(self) -> datetime:
        return self.since + self.wanted.length

    def hear(self, seen: Observation, at: datetime) -> None:
        """By the clock of the house, which the hand counts by as well: a camera's may be off."""
        if isinstance(seen, Health):
            self.lights[seen.light] += 1
            if seen.trouble:
                self.lose("the camera failed meanwhile")
        elif isinstance(seen, Crossings) and at <= self.until:
            at_s = (at - self.since).total_seconds()
            self.machine += [Passed(seen.line, seen.of, seen.direction, at_s)] * seen.n
            if len(self.machine) > MOST_PASSED:
                self.lose("more passed than a hand can count")

    def lose(self, why: str) -> None:
        self.void = self.void or why
        self.machine.clear()

    def light(self) -> Light:
        """That of most of the time. Raises Conflict where nobody saw the camera."""
        self.lights.pop("unknown", None)
        if not self.lights:
            raise Conflict("nothing was heard of the camera meanwhile; count anew once it works")
        return self.lights.most_common(1)[0][0]


@dataclass(slots=True)
class Evaluations:
    """Of all cameras; `model` is what counts now."""

    broker: Broker
    cameras: Mapping[str, Camera]
    model: Model = field(default_factory=Model)
    running: dict[str, Running] = field(default_factory=dict)  # by camera
    measured: dict[str, Measured] = field(default_factory=dict)
    _ending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def load(self) -> None:
        """What was measured before."""
        for name in self.cameras:
            kept = await self.listed(self.cameras[name], ROOM, OPERATIONS)
            self._keep(name, [from_entity(one) for one in kept])

    def hear(self, seen: Observation) -> None:
        if running := self._alive(seen.camera):
            running.hear(seen, self.broker.clock())

    def lose(self, camera: str) -> None:
        """Nobody watches it now."""
        if running := self._alive(camera):
            running.lose("the camera was not watched meanwhile")

    def start(self, camera: Camera, wanted: Wanted, by: Actor) -> Running:
        """Raises Denied, Invalid or Conflict."""
        self._require(by)
        require_countable(camera, wanted)
        if not self.model.sum:
            raise Conflict(
                f"no list of models has the detector {self.model.name!r}; mend that first"
            )
        if self._alive(camera.name):
            raise Conflict(f"camera {camera.name!r} is being evaluated; end or cancel that first")
        started = Running(str(uuid4()), by, wanted, self.broker.clock())
        self.running[camera.name] = started
        return started

    def cancel(self, camera: Camera, id: str, by: Actor) -> None:
        """Raises NotFound or Denied."""
        self.own(camera, id, by)
        del self.running[camera.name]

    async def listed(self, camera: Camera, by: Actor, why: Why) -> list[Entity]:
        """As much of them as this actor may read, newest first."""
        device = f'refDevice=="urn:ngsi-ld:Camera:{camera.name}"'
        query = Query((EVALUATION,), q=parse(device), order=LATEST, limit=NEWEST)
        return (await self.broker.find(query, by, why)).entities

    async def end(self, camera: Camera, id: str, hand: Collection[Passed], by: Actor) -> Entity:
        """Matches, keeps the sums and forgets the rest. Raises what says why it cannot."""
        async with self._ending:  # handed in twice, the second finds none
            running = self.own(camera, id, by)
            length = min(self.broker.clock(), running.until) - running.since
            made = self._made(camera, running, hand, length)
            entity = to_entity(camera.name, id, made)
            await self.broker.apply([Change("create", entity)], by.through("vision"), OPERATIONS)
            self.running.pop(camera.name, None)
            self._keep(camera.name, [*self.of(camera.name).evaluations, made])
            return entity

    def of(self, camera: str) -> Measured:
        return self.measured.get(camera, Measured(model=self.model))

    def _made(
        self, camera: Camera, running: Running, hand: Collection[Passed], length: timedelta
    ) -> Evaluation:
        wanted, length_s = running.wanted, length.total_seconds()
        require_counted(wanted, hand, length_s)
        if running.void:
            raise Conflict(f"this evaluation is void: {running.void}; cancel it and count anew")
        return Evaluation(
            at=hour_of(running.since),
            minutes=minutes(length),
            light=running.light(),
            model=self.model,
            by=", ".join(sorted(running.by.roles)),
            ends=ends(camera, wanted.lines),
            tallies=tallied(wanted.ways(), list(hand), running.machine, length_s),
            method=WHERE[wanted.where],
        )

    def _keep(self, camera: str, made: list[Evaluation]) -> None:
        newest = sorted(made, key=lambda one: one.at)[-NEWEST:]
        self.measured[camera] = Measured(tuple(newest), self.model)

    def _alive(self, camera: str) -> Running | None:
        """Forgets one that nobody handed in."""
        running = self.running.get(camera)
        if running and self.broker.clock() > running.until + HANDED_IN:
            del self.running[camera]
            return None
        return running

    def own(self, camera: Camera, id: str, by: Actor) -> Running:
        """The one that runs, if it is theirs. Raises NotFound or Denied."""
        running = self._alive(camera.name)
        if running is None or running.id != id:
            raise NotFound(f"no such evaluation of camera {camera.name!r} runs; start one")
        if running.by.id != by.id:
            raise Denied("this evaluation is another person's")
        return running

    def _require(self, by: Actor) -> None:
        grant = self.broker.grant(by.through("vision"), OPERATIONS, "write", EVALUATION)
        if not grant.allowed:
            raise Denied(grant.reason)


def require_countable(camera: Camera, wanted: Wanted) -> None:
    """Raises Invalid for what this camera does not count, or no hand can."""
    known = {line.name for line in camera.lines}
    if not wanted.lines or not known.issuperset(wanted.lines):
        raise Invalid(f"lines takes some of {', '.join(sorted(known)) or 'none: it has no line'}")
    if not wanted.of or any(classes_of(of).isdisjoint(camera.classes) for of in wanted.of):
        raise Invalid(f"of takes what this camera counts: {', '.join(camera.classes)}, vehicle")
    if "vehicle" in wanted.of and not MOTORISED.isdisjoint(wanted.of):
        raise Invalid("of takes either vehicle or single classes of vehicles")
    ways = wanted.ways()
    if len(set(ways)) < len(ways):
        raise Invalid("a line or a class is named twice")
    if len(ways) > MOST_KEYS:
        raise Invalid(f"{len(ways)} keys are more than a hand can play; {MOST_KEYS} are the most")


def require_counted(wanted: Wanted, hand: Collection[Passed], length_s: float) -> None:
    """Raises Invalid for a press that cannot be of this evaluation."""
    if length_s < LEAST_S:
        raise Invalid(f"a hand count takes a minute at least, 15 are good; it ran {length_s:.0f} s")
    if len(hand) > MOST_PASSED:
        raise Invalid(f"presses takes {MOST_PASSED} at most")
    ways = set(wanted.ways())
    for press in hand:
        if (press.line, press.of, press.direction) not in ways:
            raise Invalid(f"a press is of {press.line!r} and {press.of}, which was not started")
        if not 0 <= press.at_s <= length_s:
            raise Invalid(f"a press is at {press.at_s:g} s, and the count ran {length_s:.0f} s")
