"""What people are told at the doors of calling, and who may test a way."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.contract.alerts.called import (
    HERE,
    PUSH_KEY,
    Hook,
    allowing,
    calling,
    hooked,
    kept,
    staff_of,
)
from tests.contract.alerts.test_calling import CRITICAL, desk
from tests.contract.alerts.town import (
    ANNA,
    ENGINEER,
    SENSOR,
    Clock,
    Town,
    as_actor,
    refused,
)
from townsquare.alerts.notify import push
from townsquare.alerts.notify.doors import NotifyDoors
from townsquare.model.actor import Actor
from townsquare.model.errors import TownsquareError


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hooked() as server:
        yield server


def visitor(town: Town, settings: str, by: Actor) -> httpx.AsyncClient:
    doors = NotifyDoors(
        town.broker, staff_of(settings), allowing({HERE}), push.public_key(PUSH_KEY)
    )
    handlers: Any = {TownsquareError: refused}
    site = Starlette(routes=doors.routes(), exception_handlers=handlers)
    transport = httpx.ASGITransport(as_actor(site, by))
    return httpx.AsyncClient(transport=transport, base_url="http://town")


async def ask(town: Town, settings: str, by: Actor, wish: Any = None) -> httpx.Response:
    async with visitor(town, settings, by) as client:
        if wish is None:
            return await client.get("/notify")
        return await client.post("/notify/test", json=wish)


WISH = {"contact": "ben", "channel": "webhook"}


async def test_an_engineer_tests_a_way_and_it_is_said_to_be_a_test(town: Town, hook: Hook) -> None:
    settings = desk(hook.url)
    async with calling(town, settings):
        answer = await ask(town, settings, ENGINEER, WISH)
        assert answer.status_code == 201, answer.text
        (sent,) = await hook.several(1)
        await kept(town, 1, "sent")
    assert (sent.path, sent.json["type"], sent.json["alarms"]) == ("/ben", "test", [])
    told = (await ask(town, settings, ANNA)).json()
    (call,) = told["sent"]
    assert call["id"] == answer.json()["id"] == sent.json["id"]
    assert (call["state"], call["test"], call["answer"]) == ("sent", True, "status 200")


async def test_nobody_calls_people_again_and_again_by_tests(town: Town, hook: Hook) -> None:
    settings = desk(hook.url)
    answers = [(await ask(town, settings, ENGINEER, WISH)).status_code for _ in range(11)]
    assert answers[:10] == [201] * 10
    assert answers[10] != 201
    town.clock.pass_s(61)
    assert (await ask(town, settings, ENGINEER, WISH)).status_code == 201


async def test_nor_by_tests_that_are_asked_for_at_once(town: Town, hook: Hook) -> None:
    async with visitor(town, desk(hook.url), ENGINEER) as client:
        asked = [client.post("/notify/test", json=WISH) for _ in range(30)]
        answers = await asyncio.gather(*asked)
    assert sum(one.status_code == 201 for one in answers) == 10


async def test_a_test_that_was_asked_for_while_the_room_stood_still_is_sent_later(
    town: Town, hook: Hook
) -> None:
    settings = desk(hook.url)
    assert (await ask(town, settings, ENGINEER, WISH)).status_code == 201
    async with calling(town, settings):
        await hook.several(1)


@pytest.mark.parametrize(
    ("by", "wish", "status", "says"),
    [
        (ANNA, WISH, 403, "ngineer"),
        (ENGINEER, {**WISH, "contact": "zoe"}, 404, "zoe has no way 'webhook' in [notify]"),
        (ENGINEER, {**WISH, "channel": "ntfy"}, 404, "ben has no way 'ntfy'"),
        (ENGINEER, {"contact": "ben"}, 400, "contact, channel"),
        (ENGINEER, {**WISH, "text": "hello"}, 400, "text"),
        (SENSOR, None, 403, ""),
    ],
)
async def test_who_may_not_and_what_is_not_is_refused(
    town: Town, by: Actor, wish: Any, status: int, says: str
) -> None:
    answer = await ask(town, desk("http://127.0.0.1:9"), by, wish)
    assert answer.status_code == status
    assert says in answer.text


async def test_operators_read_who_is_on_call_and_what_waits(town: Town, clock: Clock) -> None:
    settings = desk("http://127.0.0.1:9")
    async with town.alerting(CRITICAL):
        await town.count(12)
        await town.until("UNACK")
    clock.pass_s(61)
    told = (await ask(town, settings, ANNA)).json()
    (rota,) = told["rotas"]
    # Turns begin on 1 June at 8 in Berlin, which is 06:00Z, and last a week.
    assert (rota["person"], rota["next"]["person"]) == ("ana", "ben")
    assert rota["next"]["since"] == "2030-06-08T06:00:00Z"
    (chain,) = told["chains"]
    assert chain["severities"] == ["critical", "high"]
    steps = [(step["after_s"], step["calls"][0]["person"]) for step in chain["steps"]]
    assert steps == [(0, "ana"), (60, "ben"), (120, "cleo"), (300, "ana"), (600, "ben")]
    (waiting,) = told["waiting"]
    assert (waiting["name"], waiting["next"]) == ("Square is full", "2030-06-01T12:02:00Z")
    assert [(way["contact"], way["kind"], way["failing"]) for way in told["ways"]] == [
        ("ana", "webhook", False),
        ("ben", "webhook", False),
        ("cleo", "webhook", False),
    ]
    assert "127.0.0.1" not in str(told)
    clock.pass_s(1800)
    assert (await ask(town, settings, ANNA)).json()["waiting"][0]["unanswered"]
