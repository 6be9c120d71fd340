"""People and machines come in by their own keys, for as long as they may, and no others do."""

import json
from datetime import timedelta

import pytest

from tests.authenticator import Authenticator, raw, text
from tests.conftest import OpenBroker
from tests.office import NOON, OWNER, Office, another, first, logged, shown
from townsquare.alerts.lookout import Lookout
from townsquare.alerts.sight import Ended, Raised
from townsquare.model.actor import Actor, Why
from townsquare.trust.identity import emergency
from townsquare.trust.identity.challenge import RUNS
from townsquare.trust.identity.once import LINK_RUNS
from townsquare.trust.identity.types import TYPES
from townsquare.web.accounts import kept
from townsquare.web.accounts.ceremony import FRESH
from townsquare.web.accounts.desk import Beside
from townsquare.web.accounts.genesis import FirstPolicy
from townsquare.web.tries import BACK_S, TRIES

DAY = timedelta(days=1)


async def test_the_first_link_makes_an_administrator_once(office: Office) -> None:
    browser, one = office.browser(), Authenticator()
    link = await office.people.first_link()
    assert (await browser.enrol(link, one)).json() == {"next": "/account/policy"}
    assert await browser.roles() == ["administrator", "operator"]
    assert (await office.browser().enrol(link, Authenticator())).status_code == 403
    answer = await office.browser().http.post(
        "/commands/enrolment", json={}, headers={"authorization": f"Bearer {OWNER}"}
    )
    assert answer.status_code == 409


async def test_a_passkey_signs_in_after_a_restart_too(office: Office) -> None:
    _, one = await first(office)
    await office.open()
    browser = office.browser()
    assert await browser.roles() == ["citizen"]
    assert (await browser.sign_in(one)).status_code == 200
    assert await browser.roles() == ["administrator", "operator"]
    account = office.people.of(await browser.me())
    assert account.kept.name == "Ada"
    assert account.kept.passkeys[0].counter == one.counter == 1
    assert await logged(office, account.id) == 2, "the link, and the enrolment"


async def test_the_entity_and_the_log_have_no_name_and_no_key_in_them(office: Office) -> None:
    browser, one = await first(office)
    await browser.invite("Grace Hopper", "operator")
    entities = [repr(account) for account in await found(office)]
    records = [repr(entry.record) for entry in await office.broker.store.log(0, 1000)]
    assert len(entities) == 2
    for kept_text in (*entities, *records):
        assert "Ada" not in kept_text
        assert "Grace" not in kept_text
        assert one.id.hex() not in kept_text


async def found(office: Office) -> list[object]:
    return list(await kept.everything(office.broker, "Person"))


async def test_links_end_after_a_day_and_a_new_one_voids_those_of_before(quick: Office) -> None:
    browser = quick.browser()
    early, late = await quick.people.first_link(), await quick.people.first_link()
    assert (await browser.enrol(early, Authenticator())).status_code == 403
    quick.now += LINK_RUNS
    assert (await browser.enrol(late, Authenticator())).status_code == 403
    assert (
        await browser.enrol(await quick.people.first_link(), Authenticator())
    ).status_code == 200


async def test_one_authenticator_is_not_two_people(quick: Office) -> None:
    admin, one = await first(quick)
    link = await admin.invite("Ben", "operator")
    asked = await quick.browser().post("/enrol/options", link=link.partition("#")[2], name="Ben")
    assert [known["id"] for known in asked.json()["excludeCredentials"]], "so that it refuses"
    assert (await quick.browser().enrol(link, one)).status_code == 403
    same_key = Authenticator(key=one.key)
    assert (await quick.browser().enrol(link, same_key)).status_code == 403
    same_id = Authenticator(id=one.id)
    assert (await quick.browser().enrol(link, same_id)).status_code == 403
    assert (await quick.browser().enrol(link, Authenticator())).status_code == 200


async def test_a_challenge_is_for_one_thing_one_time_and_a_few_minutes(quick: Office) -> None:
    admin, one = await first(quick)
    browser = quick.browser()
    signed = one.signed(await browser.challenge())
    assert (await browser.post("/session", credential=signed)).status_code == 200
    assert (await browser.post("/session", credential=signed)).status_code == 403, "replay"
    late = await browser.challenge()
    quick.now += RUNS
    assert (await browser.post("/session", credential=one.signed(late))).status_code == 403
    made_up = one.signed(bytes(64))
    assert (await browser.post("/session", credential=made_up)).status_code == 403
    adding = (await admin.post("/account/options")).json()["challenge"]
    answer = await browser.post("/session", credential=one.signed(raw(adding)))
    assert answer.status_code == 403


@pytest.mark.parametrize("different", [{"origin": "https://evil.example"}, {"rp_id": "x"}])
async def test_another_origin_does_not_sign_in(quick: Office, different: dict[str, str]) -> None:
    _, one = await first(quick)
    answer = await quick.browser().sign_in(one.but(**different))
    assert answer.status_code == 403


async def test_a_counter_that_goes_back_is_refused_and_logged(office: Office) -> None:
    browser, one = await first(office)
    copy = one.but()
    assert (await browser.sign_in(one)).status_code == 200
    before = await logged(office, me := await browser.me())
    assert (await office.browser().sign_in(copy)).status_code == 403
    assert await logged(office, me) == before + 1
    assert (await browser.sign_in(one)).status_code == 200


async def test_what_a_person_left_standing_stops_with_their_account(quick: Office) -> None:
    admin, _ = await first(quick)
    _, _, id = await another(quick, admin, "operator")
    me = quick.people.actor(id)
    assert me
    assert quick.people.stopped(me) == ""
    await admin.form("/accounts/disable", id=id)
    assert quick.people.stopped(me) == "the account of who made it is disabled"
    await admin.form("/accounts/enable", id=id)
    assert quick.people.stopped(me) == ""
    await admin.form("/accounts/roles", id=id, roles=["engineer"])
    assert "not the same roles" in quick.people.stopped(me)


async def test_failing_says_nothing_of_who_has_an_account(quick: Office) -> None:
    admin, one = await first(quick)
    _, ben, id = await another(quick, admin, "operator")
    await admin.form("/accounts/disable", id=id)
    answers = [
        await quick.browser().sign_in(ben),
        await quick.browser().sign_in(Authenticator()),
        await quick.browser().sign_in(one.but(origin="https://evil.example")),
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text for answer in answers}) == 1


async def test_guessing_is_slowed_and_holds_nobody_else_up(quick: Office) -> None:
    admin, one = await first(quick)
    _, two, _ = await another(quick, admin, "operator")
    stranger = quick.browser()
    codes = [(await stranger.sign_in(Authenticator())).status_code for _ in range(TRIES + 1)]
    assert codes == [403] * TRIES + [429]
    assert (await quick.browser().sign_in(one)).status_code == 200
    forged = Authenticator(id=one.id)
    codes = [(await stranger.sign_in(forged)).status_code for _ in range(TRIES + 1)]
    assert codes == [403] * TRIES + [429]
    held = await quick.browser().sign_in(one)
    assert (held.status_code, int(held.headers["retry-after"]) <= BACK_S) == (429, True)
    assert (await quick.browser().sign_in(two)).status_code == 200
    quick.now += timedelta(seconds=BACK_S)
    assert (await quick.browser().sign_in(one)).status_code == 200
    guessed = [(await stranger.post("/enrol/invitation", link=f"x{n}")) for n in range(TRIES + 1)]
    assert guessed[-1].status_code == 429


async def test_disabling_ends_every_session_at_once(office: Office) -> None:
    admin, _ = await first(office)
    ben, key, id = await another(office, admin, "operator")
    elsewhere = office.browser()
    await elsewhere.sign_in(key)
    held = [s for s in office.sessions._open.values() if s.actor.id == id]
    assert (await admin.form("/accounts/disable", id=id)).status_code == 303
    assert [await ben.roles(), await elsewhere.roles()] == [["citizen"]] * 2
    assert all(session.ended.is_set() for session in held), "live connections end with them"
    assert (await ben.sign_in(key)).status_code == 403
    await admin.form("/accounts/enable", id=id)
    assert (await ben.sign_in(key)).status_code == 200


async def test_roles_change_at_once_and_never_ones_own(quick: Office) -> None:
    admin, _ = await first(quick)
    ben, key, id = await another(quick, admin, "operator")
    assert (await admin.form("/accounts/roles", id=id, roles=["security"])).status_code == 303
    assert await ben.roles() == ["citizen"], "signed out"
    await ben.sign_in(key)
    assert await ben.roles() == ["security"]
    for path in ("roles", "disable", "link", "erase"):
        answer = await admin.form(f"/accounts/{path}", id=await admin.me(), roles=["operator"])
        assert answer.status_code == 403, path


@pytest.mark.parametrize("role", ["room", "open", "citizen", "break-glass", "mayor", ""])
async def test_roles_that_are_nobodys_to_give(quick: Office, role: str) -> None:
    admin, _ = await first(quick)
    fields = {"name": "Eve", "organisation": "Testtown", "roles": [role]}
    assert (await admin.form("/accounts/invite", **fields)).status_code == 400


async def test_an_operator_governs_no_accounts(quick: Office) -> None:
    admin, _ = await first(quick)
    ben, _, id = await another(quick, admin, "operator", "security")
    assert (await ben.http.get("/accounts")).status_code == 403
    for path in ("invite", "roles", "disable", "enable", "link", "erase", "token", "revoke"):
        answer = await ben.form(f"/accounts/{path}", id=id, roles=["administrator"])
        assert answer.status_code == 403, path
    assert (await quick.browser().form("/accounts/disable", id=id)).status_code == 403


async def test_a_lost_passkey_is_void_with_the_new_link(office: Office) -> None:
    admin, _ = await first(office)
    ben, lost, id = await another(office, admin, "operator")
    link = shown(await admin.form("/accounts/link", id=id))
    assert await ben.roles() == ["citizen"]
    assert (await ben.sign_in(lost)).status_code == 403
    new = Authenticator()
    assert (await ben.enrol(link, new, "Ben")).status_code == 200
    assert await ben.me() == id


async def test_a_second_passkey_and_the_removal_of_one(office: Office) -> None:
    browser, one = await first(office)
    second = Authenticator()
    asked = (await browser.post("/account/options")).json()["challenge"]
    added = await browser.post("/account/passkeys", credential=second.made(raw(asked)))
    assert added.status_code == 200
    await office.open()
    for key in (one, second):
        assert (await office.browser().sign_in(key)).status_code == 200
    browser = office.browser()
    await browser.sign_in(second)
    assert (await browser.form("/account/passkeys/remove", passkey=text(one.id))).status_code == 303
    assert (await office.browser().sign_in(one)).status_code == 403
    last = await browser.form("/account/passkeys/remove", passkey=text(second.id))
    assert last.status_code == 409
    assert (await office.browser().sign_in(second)).status_code == 200


async def test_a_persons_end_and_their_organisations(office: Office) -> None:
    admin, one = await first(office)
    until = NOON.date().isoformat()
    _, short, _ = await another(office, admin, "engineer", organisation="Vendor", until=until)
    _, long, _ = await another(office, admin, "engineer", organisation="Vendor")
    office.now += DAY
    assert (await office.browser().sign_in(short)).status_code == 403
    vendor = office.browser()
    assert (await vendor.sign_in(long)).status_code == 200
    await admin.sign_in(one)
    yesterday = (office.now - DAY).date().isoformat()
    ended = await admin.form("/accounts/organisation", name="Vendor", until=yesterday)
    assert ended.status_code == 303
    assert await vendor.roles() == ["citizen"]
    await office.open()
    assert (await office.browser().sign_in(long)).status_code == 403
    admin = office.browser()
    await admin.sign_in(one)
    await admin.form("/accounts/organisation", name="Vendor", until="")
    assert (await office.browser().sign_in(long)).status_code == 200


async def test_a_session_ends_with_the_task(quick: Office) -> None:
    admin, _ = await first(quick)
    until = NOON.date().isoformat()
    ben, _, _ = await another(quick, admin, "operator", until=until)
    session = next(s for s in quick.sessions._open.values() if s.actor.until)
    assert session.until == session.actor.until
    quick.now = session.until
    assert await ben.roles() == ["citizen"]


async def test_an_erased_name_leaves_no_row(office: Office) -> None:
    admin, _ = await first(office)
    ben, key, id = await another(office, admin, "operator", name="Benjamin")
    assert id in await kept.private_rows(office.broker)
    assert (await admin.form("/accounts/erase", id=id)).status_code == 303
    assert await ben.roles() == ["citizen"]
    assert id not in await kept.private_rows(office.broker)
    await office.open()
    assert office.people.of(id).status == "erased"
    assert (await ben.sign_in(key)).status_code == 403
    for path in ("enable", "disable", "link"):
        assert (await admin.form(f"/accounts/{path}", id=id)).status_code in (403, 409), path


async def test_the_last_administrator_stays(quick: Office) -> None:
    admin, one = await first(quick)
    ben, _, id = await another(quick, admin, "administrator")
    me = await admin.me()
    assert (await ben.form("/accounts/disable", id=me)).status_code == 303
    await admin.sign_in(one)
    assert await admin.roles() == ["citizen"]
    assert (await ben.form("/accounts/disable", id=id)).status_code == 403


async def test_signing_out_everywhere(quick: Office) -> None:
    admin, one = await first(quick)
    elsewhere = quick.browser()
    await elsewhere.sign_in(one)
    assert (await elsewhere.form("/session/end-everywhere")).status_code == 303
    assert [await admin.roles(), await elsewhere.roles()] == [["citizen"]] * 2


async def test_a_sign_in_is_a_new_session(quick: Office) -> None:
    browser, one = await first(quick)
    before = browser.http.cookies["townsquare-session"]
    await browser.sign_in(one)
    after = browser.http.cookies["townsquare-session"]
    assert before != after
    browser.http.cookies.clear()
    browser.http.cookies["townsquare-session"] = before
    assert await browser.roles() == ["citizen"], "the one of before is over"


async def test_passkeys_change_shortly_after_a_sign_in_only(quick: Office) -> None:
    browser, one = await first(quick)
    quick.now += FRESH
    assert (await browser.post("/account/options")).status_code == 403
    removal = await browser.form("/account/passkeys/remove", passkey=text(one.id))
    assert removal.status_code == 403
    await browser.sign_in(one)
    assert (await browser.post("/account/options")).status_code == 200


# --- the policy that a town begins with


async def test_the_first_policy_is_signed_by_its_hash(open_broker: OpenBroker) -> None:
    office, hash, kept_proofs = Office(open_broker(*TYPES)), "ab" * 32, list[dict[str, str]]()

    async def unsigned() -> str:
        return "" if kept_proofs else hash

    async def sign(proof: dict[str, str], by: Actor, _: Why) -> str:
        kept_proofs.append({**proof, "by": by.id})
        return hash

    office.beside = Beside(first=FirstPolicy(unsigned, sign))
    admin, one = await first(await office.open())
    ben, two, _ = await another(office, admin, "operator")
    asked = await admin.post("/account/policy/options")
    assert raw(asked.json()["challenge"]) == bytes.fromhex(hash)
    assert (await ben.post("/account/policy/options")).status_code == 403
    digest = bytes.fromhex(hash)
    assert (await ben.post("/account/policy", credential=two.signed(digest))).status_code == 403
    assert (await admin.post("/account/policy", credential=two.signed(digest))).status_code == 403
    assert (
        await admin.post("/account/policy", credential=one.signed(bytes(32)))
    ).status_code == 403
    assert (await admin.post("/account/policy", credential=one.signed(digest))).status_code == 200
    (proof,) = kept_proofs
    assert proof["by"] == await admin.me()
    assert {"publicKey", "signature", "authenticatorData", "clientDataJSON"} <= proof.keys()
    assert (await admin.post("/account/policy", credential=one.signed(digest))).status_code == 404


# --- emergency access


async def test_two_people_of_two_organisations_open_emergency_access(office: Office) -> None:
    admin, one = await first(office)
    _, two, _ = await another(office, admin, "security", organisation="Police")
    _, three, _ = await another(office, admin, "operator")
    _, gone, id = await another(office, admin, "operator", organisation="Vendor")
    await admin.form("/accounts/disable", id=id)
    browser = office.browser()
    assert (await browser.emergency(one)).status_code == 202
    assert (await browser.emergency(one)).status_code == 202, "one person twice"
    assert (await browser.emergency(three)).status_code == 202, "one organisation twice"
    assert (await browser.emergency(gone)).status_code == 403
    office.now += emergency.WAITS
    assert (await browser.emergency(two)).status_code == 202, "too late"
    assert (await browser.emergency(one)).json() == {"next": "/control"}
    assert await browser.roles() == ["break-glass"]
    (entity,) = await kept.everything(office.broker, emergency.EMERGENCY)
    lookout = Lookout([emergency.ALARM], {}, 0)
    assert [type(finding) for finding in lookout.look(entity)] == [Raised]
    assert await logged(office, entity.id) == 1
    office.now += emergency.RUNS
    assert await browser.roles() == ["citizen"]
    await office.desk.emergency.close()
    (entity,) = await kept.everything(office.broker, emergency.EMERGENCY)
    assert [type(finding) for finding in lookout.look(entity)] == [Ended]


async def test_emergency_access_ends_with_either_of_the_two(quick: Office) -> None:
    admin, one = await first(quick)
    _, two, id = await another(quick, admin, "security", organisation="Police")
    browser = quick.browser()
    await browser.emergency(two)
    await browser.emergency(one)
    assert await browser.roles() == ["break-glass"]
    await admin.form("/accounts/disable", id=id)
    assert await browser.roles() == ["citizen"]


# --- other sites


async def test_a_form_that_does_not_say_where_it_comes_from_changes_nothing(
    quick: Office,
) -> None:
    admin, _ = await first(quick)
    _, _, id = await another(quick, admin, "operator")
    del admin.http.headers["origin"]
    assert (await admin.form("/accounts/disable", id=id)).status_code == 403
    same = {"sec-fetch-site": "same-origin"}
    answer = await admin.http.post("/accounts/disable", data={"id": id}, headers=same)
    assert answer.status_code == 303


async def test_another_site_cannot_send_what_signs_in(quick: Office) -> None:
    _, one = await first(quick)
    browser = quick.browser()
    body = {"credential": one.signed(await browser.challenge())}
    plain = {"content-type": "text/plain"}
    answer = await browser.http.post("/session", content=json.dumps(body), headers=plain)
    assert answer.status_code == 415


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 60_000, b'{"credential": 1}'])
async def test_bad_input_breaks_nothing(quick: Office, body: bytes) -> None:
    admin, _ = await first(quick)
    json_type = {"content-type": "application/json"}
    paths = ("/session", "/enrol", "/enrol/options", "/enrol/invitation", "/account/passkeys")
    for path in paths:
        answer = await admin.http.post(path, content=body, headers=json_type)
        assert answer.status_code in (400, 403), (path, answer.text)
    for path in ("invite", "roles", "disable", "organisation", "token", "revoke"):
        answer = await admin.http.post(f"/accounts/{path}", content=body)
        assert answer.status_code in (400, 404, 413), (path, answer.text)
