"""The policy in force: what is taken over, what needs approvers, and what closes the town."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import OpenBroker
from townsquare.alerts import run as alerts
from townsquare.alerts.who import ROOM
from townsquare.context import ledger
from townsquare.context.query import Query
from townsquare.model.actor import ANYONE, Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity, entity
from townsquare.model.errors import Conflict, Denied, NotFound
from townsquare.trust import change as changes
from townsquare.trust import versions
from townsquare.trust.policy import policy
from townsquare.trust.texts import Texts, builtin
from townsquare.web.auth import OPEN
from townsquare.web.outdated import Outdated
from townsquare.web.policy.ruling import UNKNOWN, Ruling

FLOW = EntityType("Flow", "vision", frozenset({"operator"}), published=frozenset({"count"}))
LEAK = EntityType("Leak", "supply", frozenset({"security"}))
TYPES = (FLOW, LEAK, *versions.TYPES, *alerts.TYPES)
OPERATOR = Actor("o", "person", "Town", frozenset({"operator"}))
EMERGENCY = Actor("b", "person", "Town", frozenset({"break-glass"}))
ENGINEER = Actor("e", "person", "Town", frozenset({"engineer"}))
ADMINISTRATOR = Actor("a", "machine", "", frozenset({"administrator", "engineer"}))
WHY = Why("operations")
NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MORE = '@id("more") permit (principal in Role::"engineer", action in Action::"see", resource);'
LESS = '@id("less") forbid (principal in Role::"operator", action in Action::"see", resource);'
WIDER = {**builtin(), "own.cedar": MORE}
NARROWER = {**builtin(), "own.cedar": LESS}


class House:
    """A town that is started again and again over the same store."""

    def __init__(self, open_broker: OpenBroker) -> None:
        self.broker = open_broker(*TYPES)
        self.broker.clock = lambda: self.now
        self.now = NOW

    async def start(
        self, texts: Texts | None = None, *types: EntityType, own: bool = False
    ) -> Ruling:
        """Each start begins shut, with the types that the code then declares."""
        self.broker.adopt(policy(types or TYPES).shut("not yet"))
        ruling = Ruling(self.broker, lambda: texts or builtin(), own=own)
        await ruling.open()
        return ruling

    def lets_in(self, who: Actor = OPERATOR, type: str = "Flow", why: Why = WHY) -> bool:
        return self.broker.grant(who, why, "read", type).allowed

    async def kept(self, hash: str) -> Entity:
        query = Query(types=(versions.POLICY,))
        found = await self.broker.find(query, ANYONE, Why("public information"))
        return next(one for one in found.entities if one.value("hash") == hash)


@pytest.fixture
def house(open_broker: OpenBroker) -> House:
    return House(open_broker)


async def approved(_: str, __: changes.Change) -> Sequence[str]:
    return []


async def test_the_first_policy_is_taken_and_in_the_log(house: House) -> None:
    await house.start()
    assert house.lets_in()
    kept = await house.kept(policy(()).hash)
    assert (kept.value("status"), kept.value("leave")) == ("in force", "first")
    assert await house.broker.store.log_size() == 1


async def test_a_restart_writes_nothing(house: House) -> None:
    await house.start()
    seq = await house.broker.last_seq()
    await house.start()
    assert house.lets_in()
    assert await house.broker.last_seq() == seq


async def test_what_gives_nobody_more_needs_nobody(house: House) -> None:
    await house.start()
    await house.start(NARROWER)
    assert not house.broker.policy.closed
    assert not house.lets_in()
    assert (await house.kept(policy((), NARROWER).hash)).value("leave") == "narrower"
    assert (await house.kept(policy(()).hash)).value("status") == "replaced"


async def test_an_unknown_policy_that_gives_more_closes_the_town(house: House) -> None:
    await house.start()
    await house.start(WIDER)
    assert "nobody has agreed" in house.broker.policy.closed
    assert not house.lets_in()
    assert not house.lets_in(ANYONE, why=Why("public information"))
    assert house.lets_in(EMERGENCY)
    assert not house.lets_in(ENGINEER, "Leak")
    vision = room("vision")
    await house.broker.apply([Change("create", entity("urn:f", "Flow"))], vision, WHY)
    assert (await house.broker.read("urn:f", vision, WHY)).id == "urn:f"


async def test_an_alarm_says_why_until_the_policy_is_put_back(house: House) -> None:
    await house.start()
    await house.start(WIDER)
    assert await alarmed(house, "UNACK")
    await house.start()
    assert house.lets_in()
    assert await alarmed(house, "RTN_UNACK")


async def alarmed(house: House, *expected: str) -> bool:
    """Whether the alarms come to be in these states."""
    room = asyncio.create_task(alerts.run(house.broker, [UNKNOWN]))
    try:
        for _ in range(1000):
            if await states(house) == list(expected):
                return True
            await asyncio.sleep(0.01)
        return False
    finally:
        room.cancel()


async def states(house: House) -> list[str]:
    found = await house.broker.find(Query(types=("Alert",)), ROOM, WHY)
    return [str(one.value("state")) for one in found.entities]


async def test_a_policy_that_cannot_be_read_closes_the_town(house: House) -> None:
    await house.start()
    await house.start({**builtin(), "own.cedar": "permit (principal"})
    assert "cannot be read" in house.broker.policy.closed
    assert not house.lets_in()
    assert house.lets_in(EMERGENCY)


async def test_a_type_that_code_opens_wider_closes_the_town(house: House) -> None:
    """The texts stay the same, and so does their hash."""
    await house.start()
    opened = EntityType(
        "Flow", "vision", frozenset({"operator", "engineer"}), published=FLOW.published
    )
    await house.start(None, opened, *versions.TYPES, *alerts.TYPES)
    assert "Engineer: may now see Flow" in house.broker.policy.closed


async def test_it_stays_closed_however_often_it_is_started_and_whatever_is_proposed(
    house: House,
) -> None:
    """The same texts, over a type that code opened, are another version."""
    await house.start()
    opened = EntityType("Leak", "supply", frozenset({"security", "engineer"}))
    for _ in range(2):
        ruling = await house.start(None, FLOW, opened, *TYPES[2:])
        assert (
            "Engineer: may now see, see the past of and hear of changes of Leak"
            in house.broker.policy.closed
        )
        await ruling.propose(EMERGENCY, WHY)
    await house.start()
    assert not house.broker.policy.closed


async def test_a_town_that_lost_its_policy_takes_no_other_as_its_first(house: House) -> None:
    await house.start()
    lost = versions.replaced(versions.id_of(house.broker.policy), NOW)
    await house.broker.apply([lost], room(versions.OWNER), WHY)
    await house.start()
    assert "though there was one" in house.broker.policy.closed


async def test_a_new_service_brings_its_types_without_an_edit(house: House) -> None:
    await house.start()
    bins = EntityType("WasteBin", "waste", frozenset({"operator"}), published=frozenset({"level"}))
    await house.start(None, bins, *TYPES)
    assert house.lets_in(OPERATOR, "WasteBin")
    assert house.lets_in(ANYONE, "WasteBin", Why("public information"))


async def test_a_clock_before_the_policy_closes_the_town(house: House) -> None:
    await house.start()
    house.now = NOW - timedelta(days=1)
    await house.start()
    assert "the clock says" in house.broker.policy.closed
    assert not house.lets_in()


async def test_a_wider_policy_takes_effect_when_it_is_approved(house: House) -> None:
    ruling = await house.start()
    ruling.texts = lambda: WIDER
    hash, change = await ruling.propose(ADMINISTRATOR, WHY)
    assert "the new statement more" not in " ".join(change.wider)
    assert any("engineer may read more of Leak" in said for said in change.wider)
    assert not house.lets_in(ENGINEER, "Leak")

    async def one_is_missing(_: str, __: changes.Change) -> Sequence[str]:
        return ["1 more approval needed"]

    with pytest.raises(Denied, match="1 more approval needed"):
        await ruling.adopt(hash, one_is_missing)
    assert not house.lets_in(ENGINEER, "Leak")
    await ruling.adopt(hash, approved)
    assert house.lets_in(ENGINEER, "Leak")
    await house.start(WIDER)
    assert house.lets_in(ENGINEER, "Leak")


async def test_a_narrower_proposal_is_in_force_at_once(house: House) -> None:
    ruling = await house.start()
    ruling.texts = lambda: NARROWER
    _, change = await ruling.propose(ADMINISTRATOR, WHY)
    assert not change.needs_approvers
    assert not house.lets_in()
    with pytest.raises(Conflict, match="in force already"):
        await ruling.propose(ADMINISTRATOR, WHY)


@pytest.mark.parametrize("who", [OPERATOR, ANYONE])
async def test_not_everybody_proposes(house: House, who: Actor) -> None:
    ruling = await house.start()
    with pytest.raises(Denied):
        await ruling.propose(who, WHY)


async def test_what_was_not_proposed_is_not_adopted(house: House) -> None:
    ruling = await house.start()
    with pytest.raises(NotFound):
        await ruling.adopt("0" * 64, approved)


async def test_an_unknown_policy_can_be_agreed_to_by_emergency_access(house: House) -> None:
    await house.start()
    ruling = await house.start(WIDER)
    with pytest.raises(Denied, match="nobody has agreed"):
        await ruling.propose(ADMINISTRATOR, WHY)
    hash, _ = await ruling.propose(EMERGENCY, WHY)
    await ruling.adopt(hash, approved)
    assert house.lets_in()


async def test_the_first_policy_is_signed_once(house: House) -> None:
    ruling = await house.start()
    hash = await ruling.sign({"credential": "…"}, ADMINISTRATOR, WHY)
    assert (await house.kept(hash)).value("signature")["by"] == "a"
    with pytest.raises(Conflict, match="signed already"):
        await ruling.sign({}, ADMINISTRATOR, WHY)


async def test_entries_of_the_policy_in_force_and_of_the_first_outlast_the_others(
    house: House,
) -> None:
    first = await house.start()
    await house.start(NARROWER)
    agreed = await first.proven()
    await house.start(WIDER)
    assert await first.proven() == agreed
    assert len(agreed) == 2
    house.now = NOW + timedelta(days=1101)
    await Outdated(house.broker, 1100, first.proven).erase()
    left = {
        json.loads(e.record)["subject"] for e in await house.broker.store.log(0, 99) if e.record
    }
    assert left == {*agreed, ledger.SUBJECT}


async def test_a_demo_takes_any_policy_and_says_so(house: House) -> None:
    await house.start(own=True)
    await house.start(WIDER, own=True)
    assert house.lets_in()
    assert (await house.kept(policy((), WIDER).hash)).value("leave") == "own"


async def test_nobody_writes_a_policy_past_its_room(house: House) -> None:
    await house.start()
    forged = Entity(
        "urn:ngsi-ld:PolicyVersion:0", (versions.POLICY,), {"status": (Attribute("in force"),)}
    )
    with pytest.raises(Denied, match="its commands alone"):
        await house.broker.apply([Change("create", forged)], ADMINISTRATOR, WHY)


async def test_an_open_town_holds_nothing_but_what_its_visitors_bring(house: House) -> None:
    ruling = Ruling(house.broker, builtin, own=False)
    await ruling.take()
    assert not house.broker.policy.closed
    assert await house.broker.census(OPEN, Why("operations")) == {}
    (entry,) = await house.broker.store.log(0, 10)
    assert ruling.broker.policy.hash.encode() in entry.record
