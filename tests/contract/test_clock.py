"""A server whose clock is set: nothing is erased early, and nobody is let in before what was."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import notary as made
from tests.conftest import OpenBroker
from townsquare.context.broker import Broker
from townsquare.context.ledger import LogSearch
from townsquare.context.query import Query
from townsquare.context.temporal import TemporalQuery
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity
from townsquare.model.errors import Invalid
from townsquare.trust import audit
from townsquare.web import notary
from townsquare.web.notary import Notary
from townsquare.web.outdated import Outdated
from townsquare.web.timekeeper import SUBJECT, Timekeeper

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
WHY = Why("operations")
OPERATOR = Actor("urn:ngsi-ld:Person:op", "person", "Town", frozenset({"operator"}))
OFFICER = Actor("urn:ngsi-ld:Person:dpo", "person", "Town", frozenset({"data-protection"}))
OWNER = Actor("machine:administrator", "machine", roles=frozenset({"administrator"}))
VISION = room("vision")
FLOW = EntityType("Flow", "vision", frozenset({"operator"}), retention=timedelta(days=30))
TYPES = (*audit.TYPES, *notary.TYPES, FLOW)
MINUTE, DAY, YEARS = timedelta(minutes=1), timedelta(days=1), timedelta(days=3650)


class Machine:
    """A server: time passes, and its clock can be set."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.broker, self.folder = broker, folder
        self.wall, self.ticks = NOON, 0.0

    async def start(self) -> Notary:
        self.time = Timekeeper(lambda: self.wall, lambda: self.ticks)
        self.broker.clock, self.broker.sure = self.time.now, self.time.sure
        self.notary = made.notary(self.broker, self.folder, clock=self.time)
        await self.notary.open()
        await self.notary.step()
        return self.notary

    async def goes_on(self, passed: timedelta) -> None:
        self.wall += passed
        self.ticks += passed.total_seconds()
        await self.notary.step()

    async def noted(self, subject: str) -> None:
        await self.broker.ledger.note(subject, "consultation", OPERATOR, WHY)

    async def left(self) -> list[str]:
        found = await self.broker.store.log_found(LogSearch(subject="urn:old"))
        return [one.entry.record.decode() for one in found]

    async def lets_in(self) -> bool:
        grant = self.broker.grant(OPERATOR, WHY, "read", "Flow")
        assert grant.allowed or "clock says" in grant.reason
        return grant.allowed

    async def told(self, name: str) -> float:
        status = await self.broker.read(notary.ID, room("alerts"), WHY)
        return float(status.value(name))


@pytest.fixture
async def machine(open_broker: OpenBroker, store_url: str, tmp_path: Path) -> Machine:
    found = Machine(open_broker(*TYPES, url=store_url), tmp_path)
    await found.start()
    await found.noted("urn:old")
    await found.goes_on(DAY)
    return found


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_clock_set_far_forward_erases_nothing(machine: Machine, restarted: bool) -> None:
    machine.wall += YEARS
    if restarted:
        await machine.start()
    await machine.goes_on(DAY)
    assert len(await machine.left()) == 1
    assert await machine.told("clockAhead") == 1
    assert "for certain it is" in machine.time.doubt
    assert await machine.lets_in()


async def test_history_is_not_forgotten_either(machine: Machine) -> None:
    reading = Attribute(1, observed_at=machine.wall)
    flow = Entity("urn:ngsi-ld:Flow:a", ("Flow",), {"count": (reading,)})
    await machine.broker.apply([Change("create", flow)], VISION, WHY)
    ask = TemporalQuery(Query(types=("Flow",)))
    machine.wall += YEARS
    await machine.goes_on(MINUTE)
    await machine.broker.upkeep.sweep()
    (found,) = await machine.broker.history(ask, OPERATOR, WHY)
    assert [one.value for one in found.attributes["count"]] == [1]


async def test_what_is_old_is_erased_when_time_has_passed(machine: Machine) -> None:
    for _ in range(12):
        await machine.goes_on(100 * DAY)
    assert len(await machine.left()) == 0


async def test_it_is_erased_once_a_person_confirmed_the_clock(machine: Machine) -> None:
    machine.wall += YEARS
    await machine.goes_on(MINUTE)
    with pytest.raises(Invalid, match="say with --reason"):
        await machine.time.confirm(machine.broker, OWNER, " ")
    await machine.time.confirm(machine.broker, OWNER, "off for ten years")
    (entry,) = await machine.broker.ledger.read(LogSearch(subject=SUBJECT), OFFICER, WHY)
    assert (entry.record.by, entry.record.justification) == (OWNER.id, "off for ten years")
    await machine.goes_on(DAY)
    assert len(await machine.left()) == 0
    assert await machine.told("clockAhead") == 0


@pytest.mark.parametrize("restarted", [False, True])
async def test_with_a_clock_before_what_was_nobody_is_let_in(
    machine: Machine, restarted: bool
) -> None:
    assert await machine.lets_in()
    machine.wall -= YEARS
    if restarted:
        await machine.start()
    await machine.goes_on(MINUTE)
    assert not await machine.lets_in()
    assert await machine.told("clockBehind") == 1
    flow = Entity("urn:ngsi-ld:Flow:b", ("Flow",), {"count": (Attribute(1),)})
    await machine.broker.apply([Change("create", flow)], VISION, WHY)
    machine.wall += YEARS
    await machine.goes_on(MINUTE)
    assert await machine.lets_in()
    assert await machine.told("clockBehind") == 0


@pytest.mark.parametrize("restarted", [False, True])
async def test_entries_stay_in_the_order_of_their_times(machine: Machine, restarted: bool) -> None:
    await machine.noted("urn:1")
    machine.wall -= DAY
    if restarted:
        await machine.start()
    for name in ("urn:2", "urn:3"):
        machine.wall += MINUTE
        machine.ticks += 60
        await machine.noted(name)
    entries = [e.record.decode() for e in await machine.broker.store.log(0, 99)]
    times = [text.partition('"at":"')[2][:19] for text in entries]
    assert times == sorted(times)


async def test_a_jump_that_is_taken_back_leaves_no_trace_in_the_time(machine: Machine) -> None:
    machine.wall += YEARS
    await machine.goes_on(MINUTE)
    await machine.noted("urn:future")
    machine.wall -= YEARS
    await machine.goes_on(MINUTE)
    assert await machine.lets_in()
    assert machine.broker.clock() == machine.wall


async def test_without_any_of_it_a_jump_would_erase(machine: Machine) -> None:
    """The twin: retention that believes the machine."""
    machine.wall += YEARS
    machine.broker.sure = lambda: machine.wall
    await Outdated(machine.broker, 1100, nothing).erase()
    assert await machine.left() == []


async def nothing() -> Collection[str]:
    return ()
