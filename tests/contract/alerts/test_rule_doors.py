"""How engineers keep rules over HTTP."""

from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from starlette.applications import Starlette

from tests.contract.alerts.town import ANNA, AT_ONCE, ENGINEER, FLOW, WORK, Town, as_actor, refused
from townsquare.alerts import kept_rules
from townsquare.alerts.dryrun.run import DryRuns
from townsquare.alerts.kept_rules import ALARM_RULE, MOST_KEPT
from townsquare.alerts.rule_doors import RuleDoors
from townsquare.model.actor import Actor
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, urn
from townsquare.model.errors import TownsquareError

BERLIN = ZoneInfo("Europe/Berlin")
RULE = {"name": "many", "title": "Many", "type": FLOW.name, "q": "peopleCount>=10"}


def client(town: Town, by: Actor = ENGINEER) -> httpx.AsyncClient:
    routes = list(RuleDoors(town.broker, (AT_ONCE,), DryRuns(town.broker, BERLIN)).routes())
    site = Starlette(routes=routes, exception_handlers={TownsquareError: refused})
    transport = httpx.ASGITransport(as_actor(site, by))
    return httpx.AsyncClient(transport=transport, base_url="http://town")


async def test_a_rule_is_kept_changed_and_taken_away(town: Town) -> None:
    async with client(town) as engineer:
        kept = await engineer.put("/alerts/rules/many", json={"rule": RULE})
        assert kept.json()["version"] == 1
        changed = {"rule": {**RULE, "for_s": 5}, "version": 1}
        assert (await engineer.put("/alerts/rules/many", json=changed)).json()["version"] == 2
        again = await engineer.put("/alerts/rules/many", json=changed)
        assert again.status_code == 409
        await engineer.post("/alerts/rules/many/take-away", json={"version": 2})
        told = (await engineer.get("/alerts/rules/many/versions")).json()
        assert [(v["rule"]["for_s"], v["holds"]) for v in told] == [
            (5, False),
            (5, True),
            (0, True),
        ]
        listed = (await engineer.get("/alerts/rules")).json()
    assert [one["rule"]["name"] for one in listed["declared"]] == ["full"]
    assert [(one["rule"]["name"], one["holds"]) for one in listed["kept"]] == [("many", False)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"q": "peopleCount>>10"}, "q: q is wrong at character 13"),
        ({"q": "a{b}>1"}, "cannot follow Relationships"),
        ({"for_s": "long"}, "for_s: Expected"),
        ({"for": 5}, "for: a rule has no such field"),
        ({"schedule": "daily"}, "schedule: character 1"),
        ({"severity": "awful"}, "severity"),
        ({"area": "[" * 9_000}, "area: not GeoJSON: its lists are too deep"),
        ({"name": "full"}, "the address names"),
    ],
)
async def test_a_broken_rule_is_refused_with_the_place(
    town: Town, more: dict[str, Any], said: str
) -> None:
    async with client(town) as engineer:
        answer = await engineer.put("/alerts/rules/many", json={"rule": {**RULE, **more}})
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


async def test_a_broken_rule_is_told_to_programs_too(town: Town) -> None:
    async with client(town) as engineer:
        broken = {"rule": {**RULE, "q": "peopleCount>>10"}}
        told = (await engineer.put("/alerts/rules/many", json=broken)).json()
    assert (told["field"], told["character"]) == ("q", 13)
    assert told["example"].startswith("'fillingLevel")


async def test_only_an_engineer_changes_rules_and_not_the_declared(town: Town) -> None:
    async with client(town, ANNA) as operator:
        assert (await operator.put("/alerts/rules/many", json={"rule": RULE})).status_code == 403
        assert (await operator.get("/alerts/rules")).status_code == 200
    async with client(town) as engineer:
        declared = {"rule": {**RULE, "name": "full"}}
        assert (await engineer.put("/alerts/rules/full", json=declared)).status_code == 409
        assert (await engineer.get("/alerts/rules/none/versions")).status_code == 404
        for body in (b"", b"[]", b"\xff", b'{"rule": 3}', b'{"rule": {"name": []}}'):
            answer = await engineer.put("/alerts/rules/many", content=body)
            assert answer.status_code == 400


async def test_the_list_of_as_many_rules_as_a_town_keeps_is_had_page_by_page(town: Town) -> None:
    at, together = FLOW.name, 1_000
    for first in range(0, MOST_KEPT, together):
        rules = [{**RULE, "name": f"r{n}"} for n in range(first, first + together)]
        made = [
            Change("create", Entity(urn(ALARM_RULE, rule["name"]), (ALARM_RULE,), said(rule)))
            for rule in rules
        ]
        await town.broker.apply(made, ENGINEER.through("alerts"), WORK)
    seen: list[str] = []
    async with client(town) as engineer:
        more = True
        while more:
            page = (await engineer.get(f"/alerts/rules?offset={len(seen)}")).json()
            seen += [one["rule"]["name"] for one in page["kept"]]
            more = page["more"]
        over = await engineer.put("/alerts/rules/many", json={"rule": {**RULE, "type": at}})
    assert sorted(seen) == sorted(f"r{n}" for n in range(MOST_KEPT))
    assert (over.status_code, "keeps 5000 rules" in over.text) == (409, True)
    assert len(kept_rules.holding(await kept_rules.kept(town.broker), ())) == MOST_KEPT


def said(rule: dict[str, Any]) -> dict[str, tuple[Attribute, ...]]:
    told = {"name": rule["title"], "definition": rule, "holds": True}
    return {name: (Attribute(value),) for name, value in told.items()}
