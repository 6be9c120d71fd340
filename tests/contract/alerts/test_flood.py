"""A storm over a town with 40 cameras and a dead box, through the real room: ten minutes, more than
500 alarms, counted where they arise. Nothing is lost, nothing is in no row, and in any ten minutes
at most ten rows are new. `pytest -s` prints the table of docs/alerts.md.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from typing import get_args

from msgspec import structs

from tests.contract.alerts.town import ANNA, BEN, WORK, Clock, Town, commanding
from townsquare.alerts.lifecycle import Standing
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, relationship
from townsquare.model.position import Position
from townsquare.model.rule import Rule, Severity

MINUTES, CAMERAS, ON_BOX = 10, 40, 25
PART = 5  # that break at once
TEN = timedelta(minutes=10)
BOX = "urn:ngsi-ld:Device:box"
# As an operator it is admitted also while the hands of the clock are moved.
SENSORS = Actor("urn:ngsi-ld:Device:1", "machine", roles=frozenset({"integrator", "operator"}))
MEASURE = Why("integration")
KINDS: Sequence[tuple[str, str, Severity, int]] = (
    # name, type, severity, how many of them a storm breaks
    ("box-dead", "Device", "high", 1),
    ("blind", "Camera", "medium", CAMERAS),
    ("no-counts", "Counter", "low", CAMERAS),
    ("dark", "Streetlight", "low", 240),
    ("tree", "Road", "high", 60),
    ("power", "Feeder", "high", 20),
    ("wet", "Cabinet", "medium", 50),
    ("bin", "Bin", "low", 40),
    ("sign", "Sign", "low", 20),
    ("sluice", "Sluice", "medium", 10),
    ("gas", "GasSensor", "critical", 4),
)
RULES = tuple(
    Rule(name, name, type, "faults", 1, 0, severity=severity, scope="", silences=name == "box-dead")
    for name, type, severity, _ in KINDS
)


@dataclass
class Minute:
    raised: int = 0
    rows: int = 0  # new ones
    grouped: int = 0  # came into a row that was there
    silenced: int = 0
    lost: int = 0


@dataclass
class Storm:
    """What breaks in which minute, always the same."""

    dice: random.Random = field(default_factory=lambda: random.Random(191))

    def minutes(self) -> Iterator[list[Entity]]:
        plan: list[list[Entity]] = [[] for _ in range(MINUTES)]
        for _, type, _, number in KINDS:
            for n in range(number):
                plan[self._when(type)].append(self._broken(type, n))
        for minute in plan:
            self.dice.shuffle(minute)
        yield from plan

    def _when(self, type: str) -> int:
        """The box dies in the second minute; the worst is in the middle."""
        if type == "Device":
            return 1
        return min(MINUTES - 1, max(0, round(self.dice.gauss(4, 2))))

    def _broken(self, type: str, n: int) -> Entity:
        place = Position(13.3 + self.dice.random() * 0.2, 52.4 + self.dice.random() * 0.1)
        name = "box" if type == "Device" else f"{n}"
        attributes = {"faults": (Attribute(1),), "location": (place.attribute(),)}
        if type == "Camera" and n < ON_BOX:
            attributes["dependsOn"] = (relationship(BOX),)
        if type == "Counter":
            attributes["refDevice"] = (relationship(f"urn:ngsi-ld:Camera:{n}"),)
        return Entity(f"urn:ngsi-ld:{type}:{name}", (type,), attributes)


async def everything(town: Town, by: Actor = ANNA) -> list[Entity]:
    return (await town.broker.find(Query(("Alert",), limit=MOST), by, WORK)).entities


def in_rows(alarms: Sequence[Entity]) -> dict[str, set[str]]:
    """Of the queue: alarms by the row that they are in."""
    found: dict[str, set[str]] = {}
    for alarm in alarms:
        if alarm.value("state") in get_args(Standing):
            found.setdefault(str(alarm.value("row")), set()).add(alarm.id)
    return found


def opened(alarms: Sequence[Entity]) -> dict[str, datetime]:
    """Rows, and since when they are there."""
    return {
        str(a.value("row")): datetime.fromisoformat(str(a.value("rowSince")))
        for a in alarms
        if a.value("row")
    }


def is_silent(alarm: Entity) -> bool:
    return bool(alarm.value("state") == "SUPPRESSED")


def whole(thing: Entity) -> Entity:
    return structs.replace(thing, attributes={**thing.attributes, "faults": (Attribute(0),)})


async def rage(town: Town, clock: Clock) -> list[Minute]:
    calm = [whole(thing) for minute in Storm().minutes() for thing in minute]
    await town.broker.apply([Change("create", thing) for thing in calm], SENSORS, MEASURE)
    minutes, before = [], list[Entity]()
    for broken in Storm().minutes():
        parts = [broken[n : n + PART] for n in range(0, len(broken), PART)]
        for part in parts:
            changes = [Change("merge", one, upsert=True) for one in part]
            await town.broker.apply(changes, SENSORS, MEASURE)
            await town.caught_up()
            clock.pass_s(60 / len(parts))
        now = await everything(town)
        new = {a.id: a for a in now}.keys() - {a.id for a in before}
        silent = sum(map(is_silent, now)) - sum(map(is_silent, before))
        rows = len(opened(now)) - len(opened(before))
        heard = sum(a.id in new and not is_silent(a) for a in now)
        lost = len(broken) - len(new)
        minutes.append(Minute(len(broken), rows, heard - rows, silent, lost))
        before = now
    return minutes


def table(minutes: Sequence[Minute]) -> str:
    total = Minute(*(sum(column) for column in zip(*map(astuple, minutes), strict=True)))
    lines = ["| minute | alarms at the source | new rows | into rows | silenced by design | lost |"]
    lines.append("|---|---|---|---|---|---|")
    named = [*((str(n + 1), minute) for n, minute in enumerate(minutes)), ("all", total)]
    lines += [f"| {name} | {' | '.join(map(str, astuple(m)))} |" for name, m in named]
    return "\n".join(lines)


async def test_a_storm_over_the_town(town: Town, clock: Clock) -> None:
    async with town.alerting(*RULES):
        minutes = await rage(town, clock)
        print("\n" + table(minutes))
        alarms = await everything(town)
        assert sum(m.raised for m in minutes) == len(alarms) > 500
        assert all(a.value("active") and a.value("count") == 1 for a in alarms)

        # Each one is in one row or says why it is silent; the rows are the same for everybody.
        rows = in_rows(alarms)
        silent = {a.id for a in alarms if is_silent(a)}
        assert "None" not in rows
        assert sum(map(len, rows.values())) + len(silent) == len(alarms)
        assert {a.value("suppressedBy") for a in alarms if is_silent(a)} == {
            "urn:ngsi-ld:Alert:box-dead:box"
        }
        assert in_rows(await everything(town, BEN)) == rows
        times = sorted(opened(alarms).values())
        assert all(sum(at - TEN < t <= at for t in times) <= 10 for at in times)
        assert sum(m.lost for m in minutes) == 0

        # No critical one is silent, and each is reached by itself, in whichever row.
        critical = [a for a in alarms if a.value("severity") == "critical"]
        assert {a.value("state") for a in critical} == {"UNACK"}
        deep = max(rows.values(), key=len)
        answer = await commanding(town, min(deep))(ANNA, "acknowledge", occurrence=1)
        assert answer.json() == {"state": "ACKED"}
    await town.restart()
    async with town.alerting(*RULES):
        assert in_rows(await everything(town)) == rows, "also after a restart"
        more = Entity("urn:ngsi-ld:Bin:new", ("Bin",), {"faults": (Attribute(1),)})
        await town.broker.apply([Change("create", more)], SENSORS, MEASURE)
        await town.caught_up()
        assert in_rows(await everything(town)).keys() == rows.keys(), "it joins one"
