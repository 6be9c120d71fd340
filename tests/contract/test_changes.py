"""What every store promises of each change through the broker: policy, log, past and ends."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import OpenBroker
from townsquare.context.broker import Broker
from townsquare.context.query import Query
from townsquare.model.actor import ANYONE, Actor, Why, room
from townsquare.model.change import Change, Fragment, Operation
from townsquare.model.declaration import LIVE, PUBLISHED, EntityType
from townsquare.model.entity import NULL, Attribute, Entity, Instances
from townsquare.model.errors import Denied, NotFound

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
INTEGRATOR = Actor("machine:test", "machine", roles=frozenset({"integrator"}))
OPERATOR = Actor("urn:ngsi-ld:Person:o", "person", roles=frozenset({"operator"}))
WORK, LINK, PUBLIC = Why("operations"), Why("integration"), Why("public information")
ALARMS, VISION = room("alerts"), room("vision")
ALARM = EntityType(
    "Alert",
    owner="alerts",
    readers=frozenset({"operator"}),
    commanders=frozenset({"operator"}),
    accountable=True,
    deletable=False,
)
FLOW = EntityType("Flow", owner="vision", readers=frozenset({"operator"}))
ID = "urn:ngsi-ld:Thing:1"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def thing(*types: str, id: str = ID, **attributes: Attribute) -> Entity:
    given: dict[str, Instances] = {name: (a,) for name, a in attributes.items()}
    return Entity(id, types, given)


async def ids(broker: Broker) -> list[str]:
    page = await broker.find(Query(types=("Bin",)), INTEGRATOR, LINK)
    return [e.id for e in page.entities]


async def test_one_refused_change_does_not_stop_the_others(
    open_broker: OpenBroker, store_url: str
) -> None:
    broker = open_broker(ALARM, url=store_url)
    await broker.apply([Change("create", thing("Alert", id="urn:a:1"))], ALARMS, WORK)
    changes = [
        Change("create", thing("Bin", id="urn:b:1")),
        Change("create", thing("Alert", id="urn:a:2")),
        Change("delete", thing(id="urn:a:1")),
        Change("merge", thing(id="urn:b:0", x=Attribute(1))),
        Change("create", thing("Bin", id="urn:b:1")),
        Change("merge", thing(id="urn:b:1", x=Attribute(1))),
    ]
    done = await broker.apply_each(changes, INTEGRATOR, LINK, "k")
    errors = [o.error for o in done.outcomes]
    assert errors == ["", "Denied", "NotFound", "NotFound", "AlreadyExists", ""]
    assert [o.version for o in done.outcomes] == [1, 0, 0, 0, 0, 2]
    assert await ids(broker) == ["urn:b:1"]
    again = await broker.apply_each(changes, INTEGRATOR, LINK, "k")
    assert again.repeated
    assert again.outcomes == done.outcomes


async def test_what_is_refused_leaves_no_trace(open_broker: OpenBroker, store_url: str) -> None:
    broker = open_broker(ALARM, url=store_url)
    alarm = thing("Alert", state=Attribute("UNACK"))
    await broker.apply([Change("create", alarm)], ALARMS, WORK)
    seq, entries = await broker.last_seq(), len(await broker.store.log(0, 100))
    state = (Fragment("ACKED"),)
    changes = [
        Change("patch", Entity(ID, (), {"state": state})),
        Change("put", Entity(ID, (), {"state": state})),
        Change("remove", Entity(ID, (), {"state": ()})),
        Change("drop", Entity(ID, (), {"state": ()})),
        Change("keep", Entity(ID, ())),
        Change("append", Entity(ID, (), {"state": state})),
        Change("update", Entity(ID, (), {"state": (Attribute(NULL),)})),
    ]
    done = await broker.apply_each(changes, INTEGRATOR, LINK)
    assert {o.error for o in done.outcomes} == {"NotFound"}
    assert await broker.last_seq() == seq
    assert len(await broker.store.log(0, 100)) == entries
    done = await broker.apply_each(changes, ANYONE, PUBLIC)
    assert {o.error for o in done.outcomes} == {"Denied"}


@pytest.mark.parametrize(
    "changes",
    [
        [Change("patch", thing(state=Fragment("ACKED")))],
        [Change("put", thing(state=Attribute("ACKED")))],
        [Change("update", thing(state=Attribute("ACKED")))],
        [Change("append", thing(state=Attribute("ACKED")))],
        [Change("remove", thing(state=Attribute(NULL)))],
        [Change("drop", thing(state=Attribute(NULL)))],
        [Change("keep", thing(other=Attribute(NULL)))],
    ],
)
async def test_each_act_of_an_accountable_type_is_in_the_log(
    open_broker: OpenBroker, changes: Sequence[Change]
) -> None:
    broker = open_broker(ALARM)
    alarm = thing("Alert", state=Attribute("UNACK"))
    await broker.apply([Change("create", alarm)], ALARMS, WORK)
    await broker.apply_each(changes, OPERATOR.through("alerts"), WORK)
    entries = await broker.store.log(0, 100)
    assert len(entries) == 2
    assert b'"by":"urn:ngsi-ld:Person:o"' in entries[1].record
    assert b"state" in entries[1].record


async def test_a_change_that_changes_nothing_is_no_news(broker: Broker) -> None:
    await broker.apply([Change("create", thing("Bin", x=Attribute(1)))], INTEGRATOR, LINK)
    seq = await broker.last_seq()
    idle = [
        Change("append", thing("Bin", x=Attribute(2)), overwrite=False),
        Change("update", thing("Bin")),
        Change("drop", thing(y=Attribute(NULL))),
        Change("keep", thing(x=Attribute(NULL))),
        Change("merge", thing(y=Attribute(NULL))),
    ]
    done = await broker.apply(idle, INTEGRATOR, LINK)
    assert {o.version for o in done.outcomes} == {1}
    assert await broker.last_seq() == seq


@pytest.mark.parametrize(
    ("operation", "given", "expected"),
    [
        ("patch", Fragment(2), [1, 2]),
        ("put", Attribute(2), [1, 2]),
        ("append", Attribute(2), [1, 2]),
        ("update", Attribute(2), [1, 2]),
        ("merge", Fragment(2), [1, 2]),
        ("replace", Attribute(2), [1, 2]),
    ],
)
async def test_each_state_is_in_the_past(
    broker: Broker, operation: Operation, given: Attribute, expected: list[int]
) -> None:
    await broker.apply([Change("create", thing("Bin", x=Attribute(1)))], INTEGRATOR, LINK)
    change = Change(operation, thing("Bin", x=given))
    await broker.apply([change], INTEGRATOR, LINK)
    news = await broker.store.after(0, 10)
    assert [n.after.value("x") for n in news if n.after] == expected


async def test_live_and_published_stay_what_they_are(open_broker: OpenBroker) -> None:
    broker = open_broker(FLOW)
    for scope in (LIVE, PUBLISHED):
        made = Entity("urn:b:1", ("Bin",), {}, scope=(scope,))
        with pytest.raises(Denied):
            await broker.apply([Change("create", made)], INTEGRATOR, LINK)
    await broker.apply([Change("create", thing("Bin"))], INTEGRATOR, LINK)
    moved = Entity(ID, (), {}, scope=(LIVE,))
    for operation in ("append", "merge"):
        with pytest.raises(Denied):
            await broker.apply([Change(operation, moved)], INTEGRATOR, LINK)
    live = Entity("urn:f:1", ("Flow",), {"x": (Attribute(1),)}, scope=(LIVE,))
    await broker.apply([Change("create", live)], VISION, WORK)
    for change in (
        Change("remove", Entity("urn:f:1", ()), removed=frozenset({"scope"})),
        Change("patch", Entity("urn:f:1", (), {"x": (Fragment(2),)})),
        Change("append", Entity("urn:f:1", ("Bin",))),
    ):
        with pytest.raises((Denied, NotFound)):
            await broker.apply([change], INTEGRATOR, LINK)


async def test_what_is_accountable_cannot_end_by_itself(open_broker: OpenBroker) -> None:
    broker = open_broker(ALARM, FLOW)
    ending = Attribute(1, expires_at=NOON + timedelta(days=9000))
    with pytest.raises(Denied, match="take out expiresAt"):
        await broker.apply([Change("create", thing("Alert", x=ending))], ALARMS, WORK)
    await broker.apply([Change("create", thing("Alert"))], ALARMS, WORK)
    for change in (Change("append", thing(x=ending)), Change("merge", thing(x=ending))):
        with pytest.raises(Denied, match="take out expiresAt"):
            await broker.apply([change], ALARMS, WORK)
    await broker.apply([Change("create", thing("Flow", id="urn:f:1", x=ending))], VISION, WORK)


async def test_ends_survive_a_restart_and_count_in_every_tenant(
    open_broker: OpenBroker, store_url: str
) -> None:
    broker = open_broker(url=store_url)
    broker.clock = clock = Clock()
    ending = Entity(ID, ("Bin",), {}, expires_at=NOON + timedelta(seconds=5))
    for tenant in ("", "other"):
        await broker.apply([Change("create", ending)], INTEGRATOR, LINK, tenant=tenant)
    if store_url != "memory:":
        await broker.store.close()
        broker = open_broker(url=store_url)
        broker.clock = clock
    assert (await broker.read(ID, INTEGRATOR, LINK)).id == ID
    clock.now += timedelta(seconds=5)
    for tenant in ("", "other"):
        with pytest.raises(NotFound):
            await broker.read(ID, INTEGRATOR, LINK, tenant=tenant)
