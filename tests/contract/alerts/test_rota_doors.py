"""The rota in the browser: read by the week, changed by those who may, and followed at once."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.contract.alerts.called import Hook, calling, hooked, staff_of
from tests.contract.alerts.test_calling import CRITICAL, alone, called, desk
from tests.contract.alerts.town import ANNA, ENGINEER, SENSOR, Town, as_actor, refused
from townsquare.alerts.notify.rota_doors import RotaDoors
from townsquare.model.actor import Actor
from townsquare.model.errors import TownsquareError

# Noon of Saturday, 1 June 2030, is NOON of the tests; in Berlin it is two.
SWAP = {"person": "ben", "since": "2030-06-01T08:00", "until": "2030-06-02T08:00"}
AWAY = {"person": "", "since": "2030-06-08T06:00", "until": "2030-06-08T08:00"}
DESK = {"people": ["ana", "ben"], "begins": "2030-06-01", "version": 0}


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hooked() as server:
        yield server


class Doors:
    def __init__(self, town: Town, settings: str) -> None:
        doors = RotaDoors(town.broker, staff_of(settings))
        handlers: Any = {TownsquareError: refused}
        self.site = Starlette(routes=doors.routes(), exception_handlers=handlers)

    async def ask(self, by: Actor, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(as_actor(self.site, by))
        async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
            return await client.request(method, f"/notify/rotas{path}", **more)

    async def week(self, by: Actor = ANNA, **more: Any) -> Any:
        answer = await self.ask(by, "GET", "", params=more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def write(self, rota: Any, by: Actor = ANNA, name: str = "desk") -> httpx.Response:
        return await self.ask(by, "PUT", f"/{name}", json=rota)


async def test_a_week_begins_on_monday_by_the_clocks_of_the_town(town: Town) -> None:
    told = await Doors(town, desk("http://127.0.0.1")).week(week="2030-10-24")
    assert told["days"][0] == "2030-10-20T22:00:00Z"
    assert told["days"][-1] == "2030-10-27T23:00:00Z"  # of 169 hours
    (rota,) = told["rotas"]
    assert (rota["people"], rota["version"], rota["kept"]) == (["ana", "ben", "cleo"], 0, False)
    assert [w["person"] for w in rota["watches"]] == ["cleo", "ana"]
    assert told["changes"]
    assert told["contacts"] == ["ana", "ben", "cleo"]


async def test_a_swap_is_called_at_once_and_accounted_for(town: Town, hook: Hook) -> None:
    settings = desk(hook.url)
    doors = Doors(town, settings)
    async with town.alerting(CRITICAL), calling(town, settings):
        answer = await doors.write({**DESK, "override": [SWAP]})
        assert answer.status_code == 200, answer.text
        await town.count(12)
        await hook.several(1)
        assert called(hook) == ["ben"]
    (rota,) = (await doors.week())["rotas"]
    assert (rota["kept"], rota["by"], rota["override"]) == (True, ANNA.id, [SWAP])
    await town.restart()
    (rota,) = (await Doors(town, settings).week())["rotas"]
    assert rota["override"] == [SWAP]


async def test_an_alarm_that_waits_is_called_by_a_rota_that_is_made_then(
    town: Town, hook: Hook
) -> None:
    settings = "\n".join(alone(hook.url).splitlines()[:-4])
    doors = Doors(town, settings)
    assert (await doors.week())["rotas"] == []
    async with town.alerting(CRITICAL), calling(town, settings):
        await town.count(12)
        answer = await doors.write({"people": ["ana"], "begins": "2030-05-01"})
        assert answer.status_code == 200, answer.text
        await hook.several(1)
    assert called(hook) == ["ana"]


async def test_a_gap_is_told_with_its_hours(town: Town) -> None:
    doors = Doors(town, desk("http://127.0.0.1"))
    assert (await doors.week())["gaps"] == []
    await doors.write({**DESK, "override": [AWAY]})
    gap = {"rota": "", "since": "2030-06-08T04:00:00Z", "until": "2030-06-08T06:00:00Z"}
    assert (await doors.week())["gaps"] == [gap]


async def test_of_two_who_change_it_at_once_one_is_refused(town: Town) -> None:
    doors = Doors(town, desk("http://127.0.0.1"))
    version = (await doors.write(DESK)).json()["version"]
    assert (await doors.write(DESK, ENGINEER)).status_code == 409
    assert (await doors.write({**DESK, "version": version}, ENGINEER)).status_code == 200
    assert (await doors.write({**DESK, "version": version})).status_code == 409


async def test_the_settings_hold_again_and_it_can_be_changed_anew(town: Town) -> None:
    doors = Doors(town, desk("http://127.0.0.1"))
    version = (await doors.write(DESK)).json()["version"]
    back = await doors.ask(ANNA, "POST", "/desk/as-in-settings", json={"version": version})
    assert back.status_code == 200, back.text
    (rota,) = (await doors.week())["rotas"]
    assert rota["people"] == ["ana", "ben", "cleo"]
    assert (await doors.write(DESK)).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"people": ["dan"]}, "'dan', who is no contact"),
        ({"people": []}, "length >= 1"),
        ({"handover": "8"}, 'such as "08:00"'),
        ({"days": 0}, "give 1 to 366"),
        ({"hours": "Sat 8-9"}, "character 1"),
        ({"override": [{**SWAP, "since": "soon"}]}, "override[0].since 'soon' is no moment"),
        ({"override": [{**SWAP, "until": SWAP["since"]}]}, "ends before it begins"),
        ({"override": [{**SWAP, "person": "dan"}]}, "'dan', who is no contact"),
    ],
)
async def test_what_does_not_fit_is_refused_with_its_place(
    town: Town, wrong: dict[str, Any], says: str
) -> None:
    answer = await Doors(town, desk("http://127.0.0.1")).write({**DESK, **wrong})
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


async def test_who_may_not_is_refused(town: Town) -> None:
    doors = Doors(town, desk("http://127.0.0.1"))
    assert (await doors.write(DESK, SENSOR)).status_code == 403
    assert (await doors.ask(SENSOR, "GET", "")).status_code == 403
