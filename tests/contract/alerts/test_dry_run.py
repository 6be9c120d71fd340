"""What a rule would have raised, counted by hand beside the series."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract.alerts.test_rule_doors import BERLIN, client
from tests.contract.alerts.town import ANNA, CHIEF, ENGINEER, FLOW, NOON, WORK, Town
from townsquare.alerts.dryrun.run import DryRuns, Limits
from townsquare.alerts.kept_rules import read_rule
from townsquare.context.query import MOST
from townsquare.model.actor import room
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, entity
from townsquare.model.rule import Rule

GATE = "urn:ngsi-ld:CrowdFlowObserved:gate"
MORNING = datetime(2030, 5, 30, 8, tzinfo=NOON.tzinfo)  # two days and four hours before noon
SQUARE = {"type": "Point", "coordinates": [13.5, 52.4]}
AWAY = {"type": "Polygon", "coordinates": [[[3, 2], [4, 2], [4, 3], [3, 3], [3, 2]]]}


def rule(**more: Any) -> dict[str, Any]:
    told = {"name": "full", "title": "Full", "type": FLOW.name, "scope": "", **more}
    return told if "q" in more or "no_data_for_s" in more else {**told, **THRESHOLD}


THRESHOLD = {"attribute": "peopleCount", "above": 10, "clear_below": 6}


async def seen(town: Town, *values: tuple[float, float], id: str = GATE) -> None:
    """Seconds after that morning, and how many people were counted then."""
    counted = tuple(
        Attribute(value, observed_at=MORNING + timedelta(seconds=s)) for s, value in values
    )
    past = Entity(id, (FLOW.name,), {"peopleCount": counted})
    there = entity(id, FLOW.name, location=Attribute(SQUARE, kind="GeoProperty"))
    await town.broker.apply([Change("merge", there, upsert=True)], room("vision"), WORK)
    await town.broker.apply([Change("record", past)], room("vision"), WORK)


async def tried(town: Town, **more: Any) -> dict[str, Any]:
    async with client(town, CHIEF) as engineer:
        asked = {"rule": {**rule(**more), "name": "busy"}}
        answer = await engineer.post("/alerts/rules/busy/dry-run", json=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def times(found: dict[str, Any]) -> list[tuple[float, float]]:
    """Seconds after that morning when each was raised, and how long it lasted."""
    since = [datetime.fromisoformat(one["since"]) - MORNING for one in found["listed"]]
    return [
        (s.total_seconds(), one["lastedS"]) for s, one in zip(since, found["listed"], strict=True)
    ]


# Above 10 at 0, 20, 40 (three within a minute), 600 and 90,000; below 6 in between.
SERIES = ((0, 12), (10, 3), (20, 12), (30, 8), (35, 3), (40, 12), (50, 3), (600, 30), (900, 2))
LATER = ((90_000, 11), (90_060, 9), (90_120, 5))


async def test_crossings_of_a_threshold_are_those_counted_by_hand(town: Town) -> None:
    await seen(town, *SERIES, *LATER)
    found = await tried(town)
    assert times(found) == [(0, 10), (20, 15), (40, 10), (600, 300), (90_000, 120)]
    assert (found["alarms"], found["chattering"], found["longestS"]) == (5, 3, 300)
    days = {day["date"]: day["number"] for day in found["days"]}
    assert (days["2030-05-30"], days["2030-05-31"], days["2030-06-01"]) == (4, 1, 0)
    assert days["2030-05-29"] is None
    assert (found["busiest"], found["aDay"]) == (4, 2.31)  # 5 in 2 days and 4 hours
    assert found["unknown"] == [{"entity": GATE, "since": "2030-05-30T08:00:00Z"}]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"for_s": 60}, [(660, 300), (90_060, 120)]),  # and the return takes as long
        ({"for_s": 60, "clear_for_s": 0}, [(660, 240), (90_060, 60)]),
        ({"dead_time_s": 3600}, [(0, 10), (90_000, 120)]),
        ({"schedule": "Fri 00:00-24:00"}, [(90_000, 120)]),  # the 31st of May 2030 is a Friday
        ({"q": "peopleCount>=30"}, [(600, 300)]),
        ({"area": json.dumps(AWAY)}, []),
    ],
)
async def test_the_same_rules_hold_as_in_the_living_town(
    town: Town, more: dict[str, Any], expected: list[tuple[float, float]]
) -> None:
    await seen(town, *SERIES, *LATER)
    assert times(await tried(town, **more)) == expected


async def test_a_silence_is_raised_between_observations_and_after_the_last(town: Town) -> None:
    await seen(town, *SERIES, *LATER)
    found = await tried(town, attribute="peopleCount", no_data_for_s=3600)
    now_s = (NOON - MORNING).total_seconds()
    assert times(found) == [(4500, 85_500), (93_720, now_s - 93_720)]
    assert found["listed"][-1]["until"] is None


async def test_what_lasted_before_the_30_days_is_not_counted_and_what_is_older_is_known(
    town: Town,
) -> None:
    month = -31 * 86_400
    await seen(town, (month, 12), (0, 3), (60, 12))
    found = await tried(town)
    assert times(found) == [(60, (NOON - MORNING).total_seconds() - 60)]
    assert (found["unknownInAll"], found["days"][0]["number"]) == (0, 0)


async def test_what_keeps_no_history_is_unknown(town: Town) -> None:
    await town.count(12)
    found = await tried(town, scope="/live")
    assert (found["alarms"], found["knownSince"]) == (0, None)
    assert [one["since"] for one in found["unknown"]] == [None]
    assert {day["number"] for day in found["days"]} == {None}


async def test_at_its_limit_it_ends_and_says_so(town: Town) -> None:
    for n in range(12):
        await seen(town, *SERIES, id=f"{GATE}-{n}")
    runs = DryRuns(town.broker, BERLIN, Limits(instances=50))
    made = Rule(**rule())
    found = await runs.of(made)
    assert (found.entities, found.of) == (5, 12)
    assert found.cut.startswith("it stopped after ")
    steps = [one.entities async for one in DryRuns(town.broker, BERLIN).steps(made)]
    assert steps == [5, 10, 12, 12]


async def test_a_rule_that_would_ring_too_often_must_be_meant(town: Town) -> None:
    crowded = [(s, value) for n in range(51) for s, value in ((n * 300, 12), (n * 300 + 60, 3))]
    await seen(town, *crowded)
    body = {"rule": {**rule(), "name": "busy"}}
    async with client(town) as engineer:
        refused = await engineer.put("/alerts/rules/busy", json=body)
        assert refused.status_code == 409
        assert "51 alarms" in refused.json()["detail"]
        told = refused.json()["dryRun"]
        assert (told["busiest"], told["listed"]) == (51, [])  # counts are not open to an engineer
        guess = await engineer.put("/alerts/rules/busy", json={**body, "confirmed": 1})
        assert guess.status_code == 409
        kept = await engineer.put("/alerts/rules/busy", json={**body, "confirmed": 51})
        assert kept.json()["version"] == 1


async def test_only_who_may_change_rules_tries_them(town: Town) -> None:
    body = {"rule": {**rule(), "name": "busy"}}
    for by in (ANNA, ENGINEER):  # an engineer, where what it looks at is open to engineers
        async with client(town, by) as visitor:
            answer = await visitor.post("/alerts/rules/busy/dry-run", json=body)
        assert answer.status_code == 403


async def test_a_rule_of_more_entities_than_one_answer_has_looks_at_each(town: Town) -> None:
    number = MOST + 200
    there = [entity(f"{GATE}-{n}", FLOW.name) for n in range(number)]
    past = (12.0, 0), (3.0, 60)
    told = [
        Entity(
            one.id,
            (FLOW.name,),
            {
                "peopleCount": tuple(
                    Attribute(v, observed_at=MORNING + timedelta(seconds=s)) for v, s in past
                )
            },
        )
        for one in there
    ]
    for first in range(0, number, 400):
        part = slice(first, first + 400)
        made = [Change("create", one) for one in there[part]]
        made += [Change("record", one) for one in told[part]]
        await town.broker.apply(made, room("vision"), WORK)
    runs = DryRuns(town.broker, BERLIN, Limits(seconds=300))
    found = await runs.of(read_rule({**rule(), "name": "busy"}))
    assert (found.alarms, found.cut) == (number, "")
    assert len(found.listed) == 50
