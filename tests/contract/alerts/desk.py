"""What operators do at the doors of incidents, for tests."""

from typing import Any

import httpx
from starlette.applications import Starlette

from tests.contract.alerts.town import ANNA, ENGINEER, as_actor, refused
from townsquare.alerts.incidents.desk import anybody
from townsquare.alerts.incidents.doors import Doors
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor
from townsquare.model.errors import TownsquareError

ROAD = {
    "name": "Accident on the road",
    "steps": [
        {
            "id": "look",
            "text": "Is somebody hurt?",
            "mandatory": True,
            "branches": [{"answer": "yes"}, {"answer": "no", "then": "clear"}],
        },
        {"id": "call", "text": "Call the ambulance", "mandatory": True},
        {"id": "clear", "text": "Clear the road"},
    ],
}
ROAD_ID = "urn:ngsi-ld:Procedure:road"


class Desk:
    """Answers of the doors; those that are no errors, as what they tell."""

    def __init__(self, broker: Broker, *here: Actor) -> None:
        """`here` are the operators who have an account; none named: anybody has."""
        handlers: Any = {TownsquareError: refused}
        known = {one.id for one in here}
        doors = Doors(broker, known.__contains__ if here else anybody)
        self.site = Starlette(routes=doors.routes(), exception_handlers=handlers)

    async def send(self, method: str, path: str, by: Actor, json: Any = None) -> httpx.Response:
        transport = httpx.ASGITransport(as_actor(self.site, by))
        async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
            return await client.request(method, path, json=json)

    async def open(self, by: Actor = ANNA, **wish: Any) -> dict[str, Any]:
        return told(await self.send("POST", "/incidents", by, wish), 201)

    async def does(self, by: Actor, id: str, act: str, **wish: Any) -> httpx.Response:
        return await self.send("POST", f"/incidents/{id}/{act}", by, wish)

    async def did(self, by: Actor, id: str, act: str, **wish: Any) -> dict[str, Any]:
        return told(await self.does(by, id, act, **wish))

    async def one(self, id: str, by: Actor = ANNA) -> dict[str, Any]:
        return told(await self.send("GET", f"/incidents/{id}", by))

    async def listed(self, which: str = "open", by: Actor = ANNA) -> list[str]:
        found = told(await self.send("GET", f"/incidents?state={which}", by))
        return [one["id"] for one in found["incidents"]]

    async def write(self, text: Any = ROAD, by: Actor = ENGINEER) -> httpx.Response:
        return await self.send("PUT", "/procedures/road", by, text)


def told(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def said(incident: dict[str, Any], *whats: str) -> list[tuple[str, Any]]:
    return [(e["what"], e.get("value")) for e in incident["timeline"] if e["what"] in whats]
