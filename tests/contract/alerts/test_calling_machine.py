"""Whatever happens, and whenever the room is killed: no step is doubled and none is forgotten."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.alerts.called import staff_of
from tests.contract.alerts.town import TYPES, WORK, Clock
from tests.sealing import opened
from townsquare.alerts.notify.escalation import call
from townsquare.alerts.notify.health import Health
from townsquare.alerts.notify.notification import Calling, read
from townsquare.alerts.notify.run import Desk
from townsquare.alerts.notify.types import NOTIFICATION
from townsquare.bus import open_bus
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.actor import room
from townsquare.model.change import Change, Changed
from townsquare.model.entity import Attribute, entity
from townsquare.trust.policy import policy

PEOPLE = ("ana", "ben", "cleo")
CHANNEL = '[[notify.contact.channel]]\nkind = "{}"\naddress = "https://hooks.example/{}"\n'
SETTINGS = "".join(
    f'[[notify.contact]]\nname = "{name}"\n' + CHANNEL.format("webhook", name) for name in PEOPLE
)
SETTINGS += CHANNEL.format("matrix", "!room:hooks.example")  # Cleo has two ways
SETTINGS += """
[[notify.rota]]
name = "desk"
people = ["ana", "ben"]
begins = 2030-01-01
[[notify.rota]]
name = "lead"
people = ["cleo", "ana"]
begins = 2030-01-01
[[notify.chain]]
severities = ["critical"]
[[notify.chain]]
severities = ["high"]
after_s = [0, 90]
call = [["desk", "lead"], ["lead+1"]]
[[notify.quiet]]
severities = ["high"]
since = "14:10"
until = "14:20"
"""
STAFF = staff_of(SETTINGS)
BY = room("alerts")
Act = Literal["raise", "acknowledge", "pass", "look", "stop", "stop while writing"]
ALARMS = st.integers(0, 3)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("raise", "acknowledge")), ALARMS),
        st.tuples(st.just("pass"), st.integers(1, 900)),
        st.tuples(st.sampled_from(("look", "stop", "stop while writing")), st.just(0)),
    ),
    max_size=40,
)


@dataclass
class World:
    broker: Broker
    clock: Clock
    desk: Desk
    to_send: list[Calling] = field(default_factory=list)
    ended: dict[str, list[str]] = field(default_factory=dict)

    async def does(self, act: str, number: int) -> None:
        if act in ("raise", "acknowledge"):
            await self.turn(number, "UNACK" if act == "raise" else "ACKED")
        elif act == "pass":
            self.clock.pass_s(number)
        elif act == "look":
            self.to_send += await self.desk.look()
        else:
            if act == "stop while writing":  # it is kept, and nobody came to send it
                await self.desk.look()
            self.desk = await self.started()

    async def started(self) -> Desk:
        health = Health(self.broker, STAFF)
        await health.open()
        desk = Desk(self.broker, STAFF, health)
        self.to_send = await desk.open()
        return desk

    async def turn(self, number: int, state: str) -> None:
        id = f"urn:ngsi-ld:Alert:rule:{number}"
        known = await self.broker.find(Query(("Alert",), ids=(id,)), BY, WORK)
        if known.entities and known.entities[0].value("state") == state:
            return
        severity = "critical" if number % 2 else "high"
        alarm = entity(id, "Alert", state=Attribute(state), severity=Attribute(severity))
        with self.broker.watch(BY, WORK, ("Alert",)) as news:
            await self.broker.apply([Change("merge", alarm, upsert=True)], BY, WORK)
            changed = await news.next(5)
        assert isinstance(changed, Changed)
        self.desk.see(changed)

    async def kept(self) -> list[Calling]:
        page = await self.broker.find(Query((NOTIFICATION,), limit=MOST), BY, WORK)
        return [read(one) for one in page.entities]


@settings(max_examples=60, deadline=None)
@given(acts=ACTS)
def test_no_step_is_doubled_and_none_is_forgotten(acts: list[tuple[str, int]]) -> None:
    asyncio.run(lived(acts))


async def lived(acts: list[tuple[str, int]]) -> None:
    clock = Clock()
    broker = Broker(opened("memory:", Path()), open_bus("memory:"), policy(TYPES), clock)
    health = Health(broker, STAFF)
    world = World(broker, clock, Desk(broker, STAFF, health))
    world.desk = await world.started()
    for act, number in acts:
        await world.does(act, number)
    await world.desk.look()
    clock.pass_s(61)  # who was told a moment ago is told now
    await world.desk.look()
    await each_was_called(world)
    await broker.store.close()


async def each_was_called(world: World) -> None:
    calls = await world.kept()
    told = Counter((key, c.contact, c.channel) for c in calls for key in c.calls)
    assert [twice for twice, n in told.items() if n > 1] == []
    made = {key for c in calls for key in c.calls}
    now = world.clock() - timedelta(seconds=1)
    page = await world.broker.find(Query(("Alert",), limit=MOST), BY, WORK)
    for alarm in page.entities:
        left = STAFF.escalation.plan(call(alarm), made, now).due
        assert [due.key for due in left] == []
    cleo = [{c.channel for c in calls if c.contact == "cleo" and key in c.calls} for key in made]
    assert all(ways in (set(), {"webhook", "matrix"}) for ways in cleo)
