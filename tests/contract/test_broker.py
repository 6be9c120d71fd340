"""What every store promises through the broker: check, keep, record, tell."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tests.conftest import OpenBroker
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import Query
from townsquare.context.temporal import TemporalQuery, Window
from townsquare.model.actor import ANYONE, Actor, Why, room
from townsquare.model.change import Change, Changed
from townsquare.model.declaration import LIVE, PUBLISHED, EntityType
from townsquare.model.entity import Attribute, Entity, entity
from townsquare.model.errors import AlreadyExists, Conflict, Denied, NotFound
from townsquare.store import Cursor
from townsquare.store.conditions import Near
from townsquare.trust import audit

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
INTEGRATOR = Actor("machine:test", "machine", roles=frozenset({"integrator"}))
OPERATOR = Actor("urn:ngsi-ld:Person:o", "person", roles=frozenset({"operator"}))
ENGINEER = Actor("urn:ngsi-ld:Person:e", "person", roles=frozenset({"engineer"}))
WORK, LINK = Why("operations"), Why("integration")
PUBLIC = Why("public information")

FLOW = EntityType(
    "CrowdFlowObserved",
    owner="vision",
    readers=frozenset({"operator", "engineer"}),
    published=frozenset({"peopleCount"}),
    secret=frozenset({"note"}),
)
ALARM = EntityType(
    "Alert",
    owner="alerts",
    readers=frozenset({"operator"}),
    commanders=frozenset({"operator"}),
    accountable=True,
    deletable=False,
)


def create(made: Entity) -> Change:
    return Change("create", made)


def bin_(name: str, level: float, lon: float = 13.5, lat: float = 52.4) -> Entity:
    return entity(
        f"urn:ngsi-ld:Bin:{name}",
        "Bin",
        level=Attribute(level, observed_at=NOON),
        location=Attribute({"type": "Point", "coordinates": [lon, lat]}, kind="GeoProperty"),
    )


async def ids(broker: Broker, query: Query) -> list[str]:
    page = await broker.find(query, INTEGRATOR, LINK)
    return [e.id.rsplit(":", 1)[1] for e in page.entities]


async def test_an_entity_is_found_as_it_was_created(broker: Broker) -> None:
    await broker.apply([create(bin_("a", 0.4))], INTEGRATOR, LINK)
    found = await broker.read("urn:ngsi-ld:Bin:a", INTEGRATOR, LINK)
    assert (found.value("level"), found.version) == (0.4, 1)
    assert found.created_at == found.modified_at


async def test_changes_are_committed_together_or_not_at_all(broker: Broker) -> None:
    await broker.apply([create(bin_("a", 0.4))], INTEGRATOR, LINK)
    with pytest.raises(AlreadyExists, match="urn:ngsi-ld:Bin:a exists already"):
        await broker.apply([create(bin_("b", 1)), create(bin_("a", 1))], INTEGRATOR, LINK)
    assert await ids(broker, Query(types=("Bin",))) == ["a"]


async def test_a_merge_is_computed_in_commit_order(broker: Broker) -> None:
    start = entity("urn:ngsi-ld:Bin:a", "Bin", tags=Attribute({}))
    await broker.apply([create(start)], INTEGRATOR, LINK)
    merges = (
        Change("merge", entity(start.id, "Bin", tags=Attribute({f"t{n}": n}))) for n in range(50)
    )
    await asyncio.gather(*(broker.apply([m], INTEGRATOR, LINK) for m in merges))
    found = await broker.read(start.id, INTEGRATOR, LINK)
    assert found.value("tags") == {f"t{n}": n for n in range(50)}
    assert found.version == 51


async def test_a_stale_version_is_refused(broker: Broker) -> None:
    await broker.apply([create(bin_("a", 0.4))], INTEGRATOR, LINK)
    first = Change("merge", bin_("a", 0.5), if_version=1)
    await broker.apply([first], INTEGRATOR, LINK)
    with pytest.raises(Conflict, match="version 2, not 1"):
        await broker.apply([first], INTEGRATOR, LINK)


async def test_a_repeated_key_changes_nothing_and_gets_the_first_answer(broker: Broker) -> None:
    once = await broker.apply([create(bin_("a", 1))], INTEGRATOR, LINK, key="k1")
    again = await broker.apply([create(bin_("a", 1))], INTEGRATOR, LINK, key="k1")
    assert (once.repeated, again.repeated) == (False, True)
    assert once.versions == again.versions == {"urn:ngsi-ld:Bin:a": 1}


async def test_a_deleted_entity_is_gone_with_its_history(broker: Broker) -> None:
    await broker.apply([create(bin_("a", 1))], INTEGRATOR, LINK)
    await broker.apply([Change("delete", Entity("urn:ngsi-ld:Bin:a", ()))], INTEGRATOR, LINK)
    with pytest.raises(NotFound):
        await broker.read("urn:ngsi-ld:Bin:a", INTEGRATOR, LINK)
    await broker.apply([create(bin_("a", 2))], INTEGRATOR, LINK)
    past = await broker.history(TemporalQuery(Query(types=("Bin",))), INTEGRATOR, LINK)
    assert [a.value for a in past[0].attributes["level"]] == [2]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("level>0.5", ["b", "c"]),
        ("level>=0.5;level<1", ["b"]),
        ("level==0.25|level==1", ["a", "c"]),
        ("level==0.2..0.8", ["a", "b"]),
        ("level!=0.25", ["b", "c"]),
        ("lid==true", ["b"]),
        ('kind=="glass"', ["a"]),
        ("kind==glass,paper", ["a", "b"]),
        ("kind~=^g", ["a"]),
        ("lid", ["b", "c"]),
        ("(level>0.9|kind==glass);level", ["a", "c"]),
        ("address[city]==Rome", ["c"]),
        ("tags==red", ["c"]),
        ("missing", []),
    ],
)
async def test_q(broker: Broker, q: str, expected: list[str]) -> None:
    def of(name: str, level: float, **values: object) -> Change:
        given = {k: (Attribute(v),) for k, v in {"level": level, **values}.items()}
        return create(Entity(f"urn:ngsi-ld:Bin:{name}", ("Bin",), given))

    await broker.apply(
        [
            of("a", 0.25, kind="glass"),
            of("b", 0.6, kind="paper", lid=True),
            of("c", 1, lid=False, address={"city": "Rome"}, tags=["red", "new"]),
        ],
        INTEGRATOR,
        LINK,
    )
    assert await ids(broker, Query(types=("Bin",), q=parse(q))) == expected


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        # One degree of longitude at 52.4° N is 68.0 km (WGS 84).
        (Near("near", '{"type":"Point","coordinates":[13.5,52.4]}', 100), ["here"]),
        (Near("near", '{"type":"Point","coordinates":[13.5,52.4]}', 70_000), ["here", "there"]),
        (Near("beyond", '{"type":"Point","coordinates":[13.5,52.4]}', 60_000), ["there"]),
        (
            Near(
                "within",
                '{"type":"Polygon","coordinates":[[[13,52],[14,52],[14,53],[13,53],[13,52]]]}',
            ),
            ["here"],
        ),
    ],
)
async def test_geometry(broker: Broker, near: Near, expected: list[str]) -> None:
    places = [bin_("here", 1), bin_("there", 1, lon=14.5)]
    await broker.apply([create(e) for e in places], INTEGRATOR, LINK)
    assert await ids(broker, Query(types=("Bin",), near=near)) == expected


async def test_answers_come_in_pages_of_a_stable_order_with_a_count(broker: Broker) -> None:
    await broker.apply([create(bin_(f"{n:02}", n)) for n in range(25)], INTEGRATOR, LINK)
    query = Query(types=("Bin",), limit=10, offset=20, count=True)
    page = await broker.find(query, INTEGRATOR, LINK)
    assert [e.value("level") for e in page.entities] == [20, 21, 22, 23, 24]
    assert page.count == 25


async def test_history_has_every_state_and_tells_tenants_apart(broker: Broker) -> None:
    for minute in range(3):
        state = Attribute(minute, observed_at=NOON + timedelta(minutes=minute))
        made = entity("urn:ngsi-ld:Bin:a", "Bin", level=state)
        change = Change("merge", made, upsert=True)
        await broker.apply([change], INTEGRATOR, LINK)
        await broker.apply([change], INTEGRATOR, LINK, tenant="other")
    ask = TemporalQuery(Query(types=("Bin",)), window=Window(since=NOON), last=2)
    past = await broker.history(ask, INTEGRATOR, LINK)
    assert [[a.value for a in e.attributes["level"]] for e in past] == [[1, 2]]


async def test_a_reader_misses_nothing_across_a_restart(
    open_broker: OpenBroker, store_url: str
) -> None:
    broker = open_broker(url=store_url)
    seen: list[str] = []

    async def read(until: int) -> None:
        async for news in broker.follow("reader"):
            seen.extend(n.subject.id for n in news)
            await broker.apply([], room("reader"), WORK, upto=Cursor("reader", news[-1].seq))
            if len(seen) >= until:
                return

    await broker.apply([], room("reader"), WORK, upto=Cursor("reader", await broker.last_seq()))
    first = asyncio.create_task(read(1))
    await broker.apply([create(bin_("a", 1))], INTEGRATOR, LINK)
    await asyncio.wait_for(first, 5)
    await broker.apply([create(bin_("b", 1))], INTEGRATOR, LINK)
    if store_url != "memory:":
        await broker.store.close()
        broker = open_broker(url=store_url)
    await broker.apply([create(bin_("c", 1))], INTEGRATOR, LINK)
    await asyncio.wait_for(read(3), 5)
    assert [id.rsplit(":", 1)[1] for id in seen] == ["a", "b", "c"]


async def test_a_slow_screen_gets_the_latest_state_only(broker: Broker) -> None:
    with broker.watch(INTEGRATOR, LINK, ("Bin",)) as news:
        for level in range(100):
            change = Change("merge", bin_("a", level), upsert=True)
            await broker.apply([change], INTEGRATOR, LINK)
        changed: Changed = await asyncio.wait_for(anext(aiter(news)), 5)
    assert changed.after is not None
    assert changed.after.value("level") == 99


def flow(name: str, scope: tuple[str, ...] = (), count: int = 5) -> Entity:
    id = f"urn:ngsi-ld:CrowdFlowObserved:{name}"
    note = Attribute("for the owner")
    return entity(id, FLOW.name, scope, peopleCount=Attribute(count), note=note)


async def test_each_sees_what_the_policy_shows_and_nothing_else(
    open_broker: OpenBroker, store_url: str
) -> None:
    broker = open_broker(FLOW, url=store_url)
    counted = [create(flow("live", (LIVE,))), create(flow("window"))]
    await broker.apply(counted, room("vision"), WORK)
    await broker.apply([create(flow("hour", (PUBLISHED,)))], room("register"), WORK)

    async def seen(by: Actor, why: Why, q: str = "") -> list[str]:
        query = Query(types=(FLOW.name,), q=parse(q) if q else None, count=True)
        page = await broker.find(query, by, why)
        assert page.count == len(page.entities)
        return [f"{e.id.rsplit(':', 1)[1]} {sorted(e.attributes)}" for e in page.entities]

    assert await seen(OPERATOR, WORK) == [
        "live ['peopleCount']",
        "window ['peopleCount']",
        "hour ['peopleCount']",
    ]
    assert await seen(ENGINEER, WORK) == ["window ['peopleCount']", "hour ['peopleCount']"]
    assert await seen(ANYONE, PUBLIC) == ["hour ['peopleCount']"]
    assert await seen(OPERATOR, WORK, 'note=="for the owner"') == []
    with pytest.raises(Denied):
        await seen(ANYONE, WORK)
    with pytest.raises(Denied):
        await broker.history(TemporalQuery(Query(types=(FLOW.name,))), ANYONE, PUBLIC)


async def test_live_values_leave_no_history(open_broker: OpenBroker, store_url: str) -> None:
    broker = open_broker(FLOW, url=store_url)
    for count in range(3):
        changes = [
            Change("merge", flow("live", (LIVE,), count), upsert=True),
            Change("merge", flow("window", (), count), upsert=True),
        ]
        await broker.apply(changes, room("vision"), WORK)
    past = await broker.history(TemporalQuery(Query(types=(FLOW.name,))), OPERATOR, WORK)
    counts = {e.id: len(e.attributes.get("peopleCount", ())) for e in past}
    assert list(counts.values()) == [3]


async def test_what_is_published_is_closed(open_broker: OpenBroker) -> None:
    broker = open_broker(FLOW)
    await broker.apply([create(flow("hour", (PUBLISHED,)))], room("register"), WORK)
    again = Change("replace", flow("hour", (PUBLISHED,), 6))
    with pytest.raises(Conflict, match="closed"):
        await broker.apply([again], room("register"), WORK)


async def test_an_alarm_changes_by_its_rooms_commands_only(open_broker: OpenBroker) -> None:
    broker = open_broker(ALARM)
    alarm = entity("urn:ngsi-ld:Alert:x", "Alert", state=Attribute("UNACK"))
    await broker.apply([create(alarm)], room("alerts"), WORK)
    acked = Change("merge", entity(alarm.id, "Alert", state=Attribute("ACKED")))
    for actor, why in ((INTEGRATOR, LINK), (OPERATOR, WORK), (ENGINEER.through("alerts"), WORK)):
        with pytest.raises((Denied, NotFound)):
            await broker.apply([acked], actor, why)
    await broker.apply([acked], OPERATOR.through("alerts"), WORK)
    with pytest.raises(Denied, match="cannot be deleted"):
        await broker.apply([Change("delete", alarm)], room("alerts"), WORK)


async def test_an_accountable_act_is_in_the_log_and_the_log_verifies(
    open_broker: OpenBroker, store_url: str
) -> None:
    broker = open_broker(ALARM, url=store_url)
    alarm = entity("urn:ngsi-ld:Alert:x", "Alert", state=Attribute("UNACK"))
    await broker.apply([create(alarm)], room("alerts"), WORK)
    acked = Change("merge", entity(alarm.id, "Alert", state=Attribute("ACKED")))
    await broker.apply([acked], OPERATOR.through("alerts"), Why("operations", case="7/30"))
    entries = await broker.store.log(0, 100)
    committed = [audit.commitment(e.salt, e.record) for e in entries]
    assert [e.commitment for e in entries] == committed
    assert b'"by":"urn:ngsi-ld:Person:o"' in entries[1].record
    assert b'"case":"7/30"' in entries[1].record
    assert broker.policy.hash.encode() in entries[1].record


async def test_the_log_tells_values_where_the_type_says_so(open_broker: OpenBroker) -> None:
    broker = open_broker(replace(ALARM, logged=frozenset({"state"})))
    alarm = entity("urn:ngsi-ld:Alert:x", "Alert", state=Attribute("UNACK"), name=Attribute("a, b"))
    await broker.apply([create(alarm)], room("alerts"), WORK)
    (entry,) = await broker.store.log(0, 100)
    assert msgspec.json.decode(entry.record)["detail"] == "name, state=UNACK"


async def test_what_a_room_owns_is_changed_by_the_room_alone(open_broker: OpenBroker) -> None:
    broker = open_broker(FLOW)
    await broker.apply([create(flow("window"))], room("vision"), WORK)
    id = flow("window").id
    for change in (
        Change("merge", flow("window", count=9999)),
        Change("replace", entity(id, "Bin", level=Attribute(1))),
        Change("delete", Entity(id, ())),
    ):
        with pytest.raises((Denied, NotFound)):
            await broker.apply([change], INTEGRATOR, LINK)
    assert (await broker.read(id, OPERATOR, WORK)).value("peopleCount") == 5


async def test_who_may_not_write_learns_nothing_of_what_is_there(open_broker: OpenBroker) -> None:
    broker = open_broker(ALARM)
    alarm = entity("urn:ngsi-ld:Alert:x", "Alert", state=Attribute("UNACK"))
    await broker.apply([create(alarm)], room("alerts"), WORK)
    said = set()
    for id in ("urn:ngsi-ld:Alert:x", "urn:ngsi-ld:Alert:none"):
        with pytest.raises(Denied) as refused:
            await broker.apply([Change("delete", Entity(id, ()))], ANYONE, PUBLIC)
        said.add(str(refused.value).replace(id, "…"))
    assert len(said) == 1


async def test_news_tell_nothing_of_hidden_attributes_and_other_tenants(
    open_broker: OpenBroker,
) -> None:
    broker = open_broker(FLOW)
    await broker.apply([create(flow("a"))], room("vision"), WORK)
    with broker.watch(OPERATOR, WORK) as news:
        note = entity(flow("a").id, FLOW.name, note=Attribute("changed"))
        await broker.apply([Change("merge", note)], room("vision"), WORK)
        await broker.apply([create(flow("b"))], room("vision"), WORK, tenant="other")
        await broker.apply([create(flow("c"))], room("vision"), WORK)
        first = await asyncio.wait_for(anext(aiter(news)), 5)
    assert first.subject.id == flow("c").id
    assert first.attributes == {"peopleCount"}


async def test_an_unknown_purpose_is_refused(broker: Broker) -> None:
    with pytest.raises(Denied, match="'safety' is no purpose"):
        await broker.find(Query(types=("Bin",)), INTEGRATOR, Why("safety"))


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


async def test_an_edge_box_may_repeat_itself_days_later(broker: Broker) -> None:
    broker.clock = clock = Clock()
    await broker.apply([create(bin_("a", 1))], INTEGRATOR, LINK, key="k1")
    clock.now += timedelta(days=3)
    await broker.upkeep.sweep()
    assert (await broker.apply([create(bin_("a", 1))], INTEGRATOR, LINK, key="k1")).repeated


async def test_live_values_are_gone_from_the_outbox_after_a_minute(
    open_broker: OpenBroker, store_url: str
) -> None:
    broker = open_broker(FLOW, url=store_url)
    broker.clock = clock = Clock()
    await broker.apply([create(flow("live", (LIVE,)))], room("vision"), WORK)
    seen = await broker.last_seq()
    await broker.apply([Change("merge", flow("live", (LIVE,), 6))], room("vision"), WORK)
    await broker.apply([create(flow("window"))], room("vision"), WORK)
    assert await broker.changed_since(seen) == [flow("live").id, flow("window").id]
    clock.now += timedelta(minutes=3)
    await broker.upkeep.sweep()
    assert [n.subject.id for n in await broker.store.after(0, 100)] == [flow("window").id]
    assert await broker.changed_since(seen) is None, "a screen must be told anew"


async def test_nothing_is_kept_forever(broker: Broker) -> None:
    broker.clock = clock = Clock()
    await broker.apply([create(bin_("a", 1))], INTEGRATOR, LINK)
    clock.now += timedelta(days=91)
    await broker.upkeep.sweep()
    past = await broker.history(TemporalQuery(Query(types=("Bin",))), INTEGRATOR, LINK)
    assert past == []


async def test_an_entity_made_anew_has_no_past(broker: Broker) -> None:
    await broker.apply([create(bin_("a", 1))], INTEGRATOR, LINK)
    anew = [Change("delete", bin_("a", 0)), create(bin_("a", 7))]
    await broker.apply(anew, INTEGRATOR, LINK)
    past = await broker.history(TemporalQuery(Query(types=("Bin",))), INTEGRATOR, LINK)
    assert [a.value for a in past[0].attributes["level"]] == [7]


async def test_a_large_whole_number_is_the_same_in_the_past(broker: Broker) -> None:
    large = entity("urn:ngsi-ld:Meter:1", "Meter", pulses=Attribute(2**53 + 1))
    await broker.apply([create(large)], INTEGRATOR, LINK)
    past = await broker.history(TemporalQuery(Query(types=("Meter",))), INTEGRATOR, LINK)
    assert past[0].attributes["pulses"][0].value == 2**53 + 1


@pytest.mark.parametrize(
    ("scope", "expected"),
    [("/a", ["1"]), ("/a/b", ["2"]), ("/a/+", ["2"]), ("/a/#", ["1", "2", "3"]), ("/b", [])],
)
async def test_scopes(broker: Broker, scope: str, expected: list[str]) -> None:
    for name, where in (("1", "/a"), ("2", "/a/b"), ("3", "/a/b/c"), ("4", "")):
        made = Entity(f"urn:ngsi-ld:Bin:{name}", ("Bin",), {}, scope=(where,) if where else ())
        await broker.apply([create(made)], INTEGRATOR, LINK)
    assert await ids(broker, Query(types=("Bin",), scope=scope)) == expected
