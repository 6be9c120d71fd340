"""Ways around what the town promises, as somebody who means harm would look for them."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.conftest import OpenBroker
from tests.office import NOON, OWNER, Office, another, first, logged, shown
from tests.town_hall import FIRST, Member, TownHall
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
from townsquare.web.sessions import MOST_EACH
from townsquare.web.tries import address

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
    mat: Member

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
    hall.mat = await hall.member("Mat", spelt, "security")
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


# --- accounts


async def test_the_owner_of_the_machine_makes_no_accounts(quick: Office) -> None:
    """With the token of the control socket, on which all pages are served."""
    await first(quick)
    owner = {"authorization": f"Bearer {OWNER}"}
    fields = {"name": "Eve", "organisation": "Nowhere", "roles": "data-protection"}
    browser = quick.browser().http
    answer = await browser.post("/accounts/invite", data=fields, headers=owner)
    assert answer.status_code == 403
    assert len(quick.people.everyone()) == 1
    id = quick.people.everyone()[0].id
    await browser.post("/accounts/roles", data={"id": id, "roles": "engineer"}, headers=owner)
    assert quick.people.of(id).roles == {"administrator", "operator"}


async def test_tokens_end_with_the_task_of_their_organisation(office: Office) -> None:
    admin, _ = await first(office)
    await another(office, admin, "operator", organisation="Vendor")
    fields = {"label": "pumps", "organisation": "Vendor", "days": "90", "roles": "integrator"}
    token = shown(await admin.form("/accounts/token", **fields))
    session = office.tokens.known(token)
    assert session
    until = (NOON + DAY).date().isoformat()
    await admin.form("/accounts/organisation", name="Vendor", until=until)
    assert session.ended.is_set(), "a connection has the end of before"
    assert session.actor.id in office.gone
    again = office.tokens.known(token)
    assert again
    assert again.actor.until
    assert again.actor.until < NOON + 2 * DAY
    office.now += 2 * DAY
    assert office.tokens.known(token) is None
    await office.open()
    assert office.tokens.known(token) is None


async def test_an_organisation_of_machines_alone_can_be_ended(quick: Office) -> None:
    admin, _ = await first(quick)
    fields = {"label": "pumps", "organisation": "Vendor", "days": "90", "roles": "integrator"}
    token = shown(await admin.form("/accounts/token", **fields))
    yesterday = (NOON - DAY).date().isoformat()
    answer = await admin.form("/accounts/organisation", name="Vendor", until=yesterday)
    assert answer.status_code == 303, answer.text
    assert quick.tokens.known(token) is None


async def test_one_person_does_not_take_all_sessions(quick: Office) -> None:
    admin, _ = await first(quick)
    eve, key, me = await another(quick, admin, "operator")
    for _ in range(MOST_EACH + 5):
        assert (await quick.browser().sign_in(key)).status_code == 200
    assert sum(s.actor.id == me for s in quick.sessions._open.values()) <= MOST_EACH
    assert await eve.roles() == ["citizen"], "the oldest gave way"
    assert "administrator" in await admin.roles()


async def test_a_new_link_for_who_was_invited_is_in_the_log(office: Office) -> None:
    admin, _ = await first(office)
    await admin.invite("Ben", "operator")
    ben = office.people.everyone()[-1].id
    before = await logged(office, ben)
    await admin.form("/accounts/link", id=ben)
    assert await logged(office, ben) == before + 1


async def test_emergency_access_is_no_longer_than_its_person(quick: Office) -> None:
    admin, one = await first(quick)
    browser, key, _ = await another(quick, admin, "operator", organisation="Police")
    await quick.people.end_organisation("Police", NOON + timedelta(minutes=20), FIRST)
    await quick.browser().emergency(one)
    assert (await browser.emergency(key)).status_code == 200
    assert await browser.roles() == ["break-glass"]
    quick.now += timedelta(minutes=21)
    assert await browser.roles() == ["citizen"]


async def test_two_spellings_of_an_organisation_open_no_emergency_access(quick: Office) -> None:
    admin, one = await first(quick)
    browser, key, _ = await another(quick, admin, "operator", organisation="TESTTOWN")
    await quick.browser().emergency(one)
    assert (await browser.emergency(key)).status_code == 202


@pytest.mark.parametrize("link", ["\\ud800", "\\u0000", "²"])
async def test_strange_links_break_nothing(quick: Office, link: str) -> None:
    browser, headers = quick.browser().http, {"content-type": "application/json"}
    body = f'{{"link": "{link}", "name": "x", "credential": {{"id": "{link}"}}}}'.encode()
    for path in ("/enrol/invitation", "/enrol/options", "/enrol", "/session", "/emergency"):
        answer = await browser.post(path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (path, answer.text)


def test_addresses_of_the_old_kind_are_told_apart_however_a_proxy_writes_them() -> None:
    def of(text: str) -> str:
        headers = [(b"x-forwarded-for", text.encode())]
        return address({"client": ("127.0.0.1", 1), "headers": headers}, proxied=True)

    assert of("::ffff:192.0.2.1") == of("192.0.2.1") != of("::ffff:192.0.2.2")
