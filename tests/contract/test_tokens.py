"""Tokens of machines: made by an administrator, kept as hashes, and over when their time is."""

from datetime import timedelta

import pytest

from tests.office import OWNER, Office, first, logged, shown

DAY = timedelta(days=1)


async def commanded(office: Office, path: str, **body: object) -> dict[str, str]:
    owner = {"authorization": f"Bearer {OWNER}"}
    answer = await office.browser().http.post(f"/commands/{path}", json=body, headers=owner)
    assert answer.is_success, answer.text
    found: dict[str, str] = answer.json()
    return found


async def as_machine(office: Office, token: str) -> tuple[int, dict[str, object]]:
    headers = {"authorization": f"Bearer {token}"}
    answer = await office.browser().http.get("/who", headers=headers)
    return answer.status_code, answer.json()


async def test_a_token_lets_a_machine_in_until_its_end(office: Office) -> None:
    made = await commanded(office, "tokens", label="bus", roles=["integrator"], days=30)
    status, actor = await as_machine(office, made["token"])
    assert (status, actor["id"], actor["roles"]) == (200, made["id"], ["integrator"])
    assert await logged(office, made["id"]) == 1
    stored = [row.body for row in await office.broker.documents.listed("private")]
    assert not any(made["token"].encode() in body for body in stored), "kept as a hash only"
    await office.open()
    assert (await as_machine(office, made["token"]))[0] == 200
    office.now += 30 * DAY
    assert (await as_machine(office, made["token"]))[0] == 401


async def test_a_revoked_token_ends_with_its_connections(office: Office) -> None:
    made = await commanded(office, "tokens", label="bus", roles=["operator"], days=1)
    session = office.tokens.known(made["token"])
    assert session
    await commanded(office, "tokens/revoke", id=made["id"])
    assert office.gone == [made["id"]]
    assert session.ended.is_set()
    assert (await as_machine(office, made["token"]))[0] == 401
    await office.open()
    assert (await as_machine(office, made["token"]))[0] == 401


async def test_what_a_machine_left_standing_stops_with_its_token(office: Office) -> None:
    made = await commanded(office, "tokens", label="bus", roles=["integrator"], days=30)
    other = await commanded(office, "tokens", label="tram", roles=["integrator"], days=30)
    one, two = (office.tokens.known(t["token"]) for t in (made, other))
    assert one
    assert two
    stopped = office.tokens.stopped
    assert (stopped(one.actor), stopped(two.actor)) == ("", "")
    await commanded(office, "tokens/revoke", id=made["id"])
    for _ in range(2):  # also after a restart
        assert office.tokens.stopped(one.actor) == "the token of who made it was revoked"
        assert office.tokens.stopped(two.actor) == ""
        await office.open()
    office.now += 30 * DAY
    assert office.tokens.stopped(two.actor) == "the token of who made it has ended"


async def test_administrators_make_tokens_on_their_page(quick: Office) -> None:
    admin, _ = await first(quick)
    fields = {"label": "pumps", "organisation": "Water", "days": "90", "areas": "/north, /south"}
    token = shown(await admin.form("/accounts/token", roles=["integrator"], **fields))
    assert (await as_machine(quick, token))[1]["of"] == "Water"
    session = quick.tokens.known(token)
    assert session
    assert session.actor.areas == {"/north", "/south"}
    page = (await admin.http.get("/accounts")).text
    assert "pumps" in page
    assert token not in page
    await admin.form("/accounts/revoke", id=session.actor.id)
    assert (await as_machine(quick, token))[0] == 401


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"days": 367}, "days"),
        ({"days": 0}, "days"),
        ({"roles": ["administrator"]}, "no role for a token"),
        ({"roles": ["room"]}, "no role for a token"),
        ({"roles": []}, "needs a role"),
        ({"label": ""}, "a label"),
        ({"areas": ["north"]}, "area"),
    ],
)
async def test_tokens_that_are_not_made(quick: Office, wrong: dict[str, object], said: str) -> None:
    wish: dict[str, object] = {"label": "bus", "roles": ["operator"], "days": 1, **wrong}
    owner = {"authorization": f"Bearer {OWNER}"}
    browser = quick.browser()
    answer = await browser.http.post("/commands/tokens", json=wish, headers=owner)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


async def test_commands_are_the_owners_of_the_machine(quick: Office) -> None:
    admin, _ = await first(quick)
    for browser in (admin, quick.browser()):
        assert (await browser.post("/commands/tokens", label="x")).status_code == 404
        assert (await browser.http.get("/commands/tokens")).status_code == 404


@pytest.mark.parametrize(
    ("case", "status"),
    [("F-" + "1" * 198, 200), ("F 7/2026 (b)", 200), ("F" * 201, 400), ("F\t1", 400)],
)
async def test_a_case_number_is_bounded_at_the_door(quick: Office, case: str, status: int) -> None:
    answer = await quick.browser().http.get("/who", headers={"townsquare-case": case})
    assert answer.status_code == status
    if status == 400:
        assert "Townsquare-Case must be a file number of up to 200" in answer.json()["detail"]
