"""Ways around what the town promises, as somebody who means harm would look for them."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.conftest import OpenBroker
from tests.office import NOON
from tests.town_hall import FIRST, TownHall
from townsquare import app
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import EntityType
from townsquare.model.entity import Attribute, Entity, entity
from townsquare.model.errors import Denied
from townsquare.trust import approvals, versions
from townsquare.trust.approvals import Approval
from townsquare.trust.identity import account
from townsquare.trust.policy import policy
from townsquare.trust.texts import builtin
from townsquare.web.approvals.book import Act, Book
from townsquare.web.policy.ruling import Ruling

DAY = timedelta(days=1)
WHY = Why("operations")
APPROVERS = frozenset({"data-protection", "security"})
CAMERA, DETAIL = "urn:ngsi-ld:Camera:square", {"purpose": "crowd safety"}
FLOW = EntityType("Flow", "vision", frozenset({"operator"}))
LEAK = EntityType("Leak", "supply", frozenset({"security"}))
INTEGRATOR = Actor("i", "machine", "Vendor", frozenset({"integrator"}))
ADMINISTRATOR = Actor("a", "machine", "", frozenset({"administrator", "engineer"}))
ENGINEERS_SEE = 'permit (principal in Role::"engineer", action in Action::"see", resource)'
MORE = f'@id("more") {ENGINEERS_SEE} when {{ resource.type == Type::"Leak" }};'
LESS = '@id("less") forbid (principal in Role::"operator", action in Action::"see", resource);'


class Hall(TownHall):
    async def open(self) -> "Hall":
        acts = (Act("preview", "See a preview", APPROVERS), Act("change", "Change", APPROVERS, 2))
        self.book = Book(self.broker, self.people, {act.name: act for act in acts})
        self.eve = await self.member("Eve", "Public order", "operator")
        self.ole = await self.member("Ole", "Data protection", "data-protection")
        self.ada = await self.member("Ada", "Court of audit", "security")
        return self

    async def agreed(self, one: Approval, who: str) -> None:
        member = getattr(self, who)
        await self.book.approve(
            one.id, member.key.signed(approvals.digest(one.request)), member.actor
        )


@pytest.fixture
async def hall(open_broker: OpenBroker) -> Hall:
    return await Hall(open_broker(*app.TYPES)).open()


# --- approvals


async def test_an_approver_who_was_disabled_since_agrees_to_nothing(hall: Hall) -> None:
    one = await hall.book.ask("preview", CAMERA, DETAIL, hall.eve.actor)
    await hall.agreed(one, "ole")
    await hall.people.govern(hall.ole.actor.id, account.disabled, FIRST)
    with pytest.raises(Denied, match="who approved it"):
        await hall.book.use(one.id, "preview", CAMERA, DETAIL, hall.eve.actor)


async def test_nor_does_the_last_of_two_complete_what_the_first_may_not_agree_to(
    hall: Hall,
) -> None:
    one = await hall.book.ask("change", CAMERA, DETAIL, hall.eve.actor)
    await hall.agreed(one, "ole")
    await hall.people.end_organisation("Data protection", hall.now, FIRST)
    await hall.agreed(one, "ada")
    assert "who approved" in " ".join(await hall.book.wrong("change", CAMERA, DETAIL))


async def test_what_a_disabled_person_asked_for_is_not_done(hall: Hall) -> None:
    one = await hall.book.ask("change", CAMERA, DETAIL, hall.eve.actor)
    await hall.agreed(one, "ole")
    await hall.agreed(one, "ada")
    await hall.people.govern(hall.eve.actor.id, account.disabled, FIRST)
    assert "who asked" in " ".join(await hall.book.wrong("change", CAMERA, DETAIL))


@pytest.mark.parametrize(
    "spelt", ["public order", "PUBLIC ORDER", "\N{FULLWIDTH LATIN CAPITAL LETTER P}ublic order"]
)
async def test_one_organisation_spelt_otherwise_is_no_other(hall: Hall, spelt: str) -> None:
    hall.mat = await hall.member("Mat", spelt, "security")  # type: ignore[attr-defined]
    one = await hall.book.ask("preview", CAMERA, DETAIL, hall.eve.actor)
    with pytest.raises(Denied, match="another organisation"):
        await hall.agreed(one, "mat")


async def nothing(_: Approval) -> None: ...


async def test_a_change_of_the_policy_is_asked_for_by_proposing_it_alone(hall: Hall) -> None:
    """Else somebody asks for what another one proposed, who then approves it themselves."""
    hall.book.acts = {"policy": Act("policy", "", APPROVERS, 2, then=nothing)}
    with pytest.raises(Denied, match="by proposing"):
        await hall.book.wish("policy", CAMERA, DETAIL, hall.eve.actor)


# --- the policy


async def approved(_: str, __: object) -> Sequence[str]:
    return []


class House:
    def __init__(self, open_broker: OpenBroker) -> None:
        self.broker = open_broker(FLOW, LEAK, *versions.TYPES)
        self.broker.clock = lambda: NOON

    async def start(self, *types: EntityType) -> Ruling:
        self.broker.adopt(policy((*types, *versions.TYPES)).shut("not yet"))
        ruling = Ruling(self.broker, builtin, own=False)
        await ruling.open()
        return ruling


async def test_approvers_agree_to_a_change_of_what_was_in_force_when_they_signed(
    open_broker: OpenBroker,
) -> None:
    """Else it gives back, unseen, what was taken away in between."""
    house = House(open_broker)
    ruling = await house.start(FLOW, LEAK)
    ruling.texts = lambda: {**builtin(), "more.cedar": MORE}
    wider, told = await ruling.propose(ADMINISTRATOR, WHY)
    assert not any("operator" in said for said in told.wider)
    ruling.texts = lambda: {**builtin(), "less.cedar": LESS}
    await ruling.propose(ADMINISTRATOR, WHY)
    operator = Actor("o", "person", "Town", frozenset({"operator"}))
    assert not house.broker.grant(operator, WHY, "read", "Flow").allowed
    with pytest.raises(Denied, match="propose it again"):
        await ruling.adopt(wider, approved)
    assert not house.broker.grant(operator, WHY, "read", "Flow").allowed


async def test_an_approved_policy_is_not_adopted_over_types_that_code_opened_since(
    open_broker: OpenBroker,
) -> None:
    house = House(open_broker)
    ruling = await house.start(FLOW, LEAK)
    ruling.texts = lambda: {**builtin(), "more.cedar": MORE}
    wider, _ = await ruling.propose(ADMINISTRATOR, WHY)
    opened = EntityType("Flow", "vision", frozenset({"operator", "security", "engineer"}))
    ruling = await house.start(opened, LEAK)
    assert house.broker.policy.closed
    with pytest.raises(Denied, match="propose it again"):
        await ruling.adopt(wider, approved)


@pytest.mark.parametrize("type", ["PolicyVersion", "Flow"])
async def test_ids_of_the_house_are_not_taken_by_others(open_broker: OpenBroker, type: str) -> None:
    """Whoever takes the id of what a room is about to write stops the room."""
    broker = open_broker(FLOW, LEAK, *versions.TYPES)
    squat = Entity(f"urn:ngsi-ld:{type}:next", ("Thing",), {"a": (Attribute(1),)})
    with pytest.raises(Denied, match="the room"):
        await broker.apply([Change("create", squat)], INTEGRATOR, Why("integration"))
    mine = Entity("urn:ngsi-ld:Thing:mine", ("Thing",), {"a": (Attribute(1),)})
    await broker.apply([Change("create", mine)], INTEGRATOR, Why("integration"))
    await broker.apply(
        [Change("create", entity("urn:ngsi-ld:Flow:a", "Flow"))], room("vision"), WHY
    )
