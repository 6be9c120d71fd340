"""An administrator who lost the only passkey comes back in, and everybody is told."""

from typing import Any

import httpx
import pytest

from tests.authenticator import Authenticator
from tests.notary import notary
from tests.office import OWNER, Office, another, first, logged
from townsquare.alerts.lookout import Lookout
from townsquare.alerts.sight import Ended, Raised
from townsquare.context.ledger import RECORD, LogSearch
from townsquare.model.errors import TownsquareError
from townsquare.trust.audit import Record
from townsquare.trust.identity import recovery
from townsquare.trust.identity.once import LINK_RUNS
from townsquare.web import figures
from townsquare.web.accounts import kept

REASON = "Ada's key fell into the river; she came to the counter"


async def recover(office: Office, token: str = OWNER, **wish: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    body = {"reason": REASON, **wish}
    return await office.browser().http.post("/commands/recovery", json=body, headers=headers)


async def test_a_link_made_at_the_server_leads_back_into_the_account(office: Office) -> None:
    admin, lost = await first(office)
    id = await admin.me()
    link = (await recover(office)).json()["link"]
    assert await admin.roles() == ["administrator", "operator"], "until it is used, nobody is out"
    again, new = office.browser(), Authenticator()
    assert (await again.enrol(link, new)).status_code == 200
    assert await again.me() == id
    assert await again.roles() == ["administrator", "operator"]
    assert await admin.roles() == ["citizen"], "whoever has the lost device"
    assert (await office.browser().sign_in(lost)).status_code == 403
    assert (await office.browser().enrol(link, Authenticator())).status_code == 403, "used"
    await office.open()
    assert (await office.browser().sign_in(new)).status_code == 200


async def test_it_is_an_entry_an_alarm_and_public(office: Office) -> None:
    admin, _ = await first(office)
    id = await admin.me()
    await recover(office)
    (noted,) = [one for one in await read(office, id) if one.by == "machine:administrator"]
    assert (noted.justification, "one-time link" in noted.detail) == (REASON, True)
    (entity,) = await kept.everything(office.broker, recovery.RECOVERY)
    assert await logged(office, entity.id) == 1
    lookout = Lookout([recovery.ALARM], {}, 0)
    assert [type(finding) for finding in lookout.look(entity)] == [Raised]
    assert await figures.recoveries(office.broker) == [office.now]
    office.now += LINK_RUNS
    await office.desk.emergency.close()
    (entity,) = await kept.everything(office.broker, recovery.RECOVERY)
    assert [type(finding) for finding in lookout.look(entity)] == [Ended]


async def read(office: Office, subject: str) -> list[Record]:
    """Of the log."""
    found = await office.broker.store.log_found(LogSearch(subject=subject))
    return [RECORD.decode(one.entry.record) for one in found]


async def test_everyone_reads_when_it_was_done(quick: Office, tmp_path: Any) -> None:
    await first(quick)
    keeper = notary(quick.broker, tmp_path)
    page = next(
        r for r in figures.routes(quick.broker, quick.pages, keeper) if r.path == "/figures"
    )
    assert "Ways back in" not in await told(page)
    await recover(quick)
    assert "Ways back in" in await told(page)
    assert "1 June 2030" in await told(page)


async def told(page: Any) -> str:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(page.app), base_url="http://t"
    ) as visitor:
        return (await visitor.get("/figures")).text


@pytest.mark.parametrize(
    ("wish", "said"),
    [({"reason": " "}, "--reason"), ({"id": "urn:ngsi-ld:Person:x"}, "--id")],
)
async def test_it_needs_a_reason_and_an_administrator(
    quick: Office, wish: dict[str, str], said: str
) -> None:
    await first(quick)
    answer = await recover(quick, **wish)
    assert (answer.status_code, said in answer.json()["detail"]) == (400, True)
    assert await figures.recoveries(quick.broker) == []


async def test_of_several_administrators_one_is_named(quick: Office) -> None:
    admin, _ = await first(quick)
    _, _, other = await another(quick, admin, "administrator")
    answer = await recover(quick)
    assert (answer.status_code, other in answer.json()["detail"]) == (400, True)
    assert (await recover(quick, id=other)).status_code == 200


async def test_before_there_was_anybody_it_leads_nowhere(quick: Office) -> None:
    assert (await recover(quick)).status_code == 409


async def test_it_makes_no_second_account_and_nobody_else_makes_it(quick: Office) -> None:
    admin, _ = await first(quick)
    await recover(quick)
    assert len(quick.people.everyone()) == 1
    with pytest.raises(TownsquareError, match="enrolled already"):
        await quick.people.first_link()
    answer = await admin.post("/commands/recovery", reason="I want to")
    assert answer.status_code == 404


async def test_the_link_ends_after_a_day(quick: Office) -> None:
    _, one = await first(quick)
    link = (await recover(quick)).json()["link"]
    quick.now += LINK_RUNS
    assert (await quick.browser().enrol(link, Authenticator())).status_code == 403
    assert (await quick.browser().sign_in(one)).status_code == 200
