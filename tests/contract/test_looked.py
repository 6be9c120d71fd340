"""The log as data protection reads it, and its numbers as everyone does."""

import io
import re
import threading
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import get_args

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conftest import OpenBroker
from tests.e2e.town import run
from tests.notary import notary
from tests.reader import reads
from tests.square import SQUARE
from tests.town_hall import FIRST, WORK, TownHall
from townsquare import app
from townsquare.cli.witness import Witness as Cosigner
from townsquare.cli.witness import server
from townsquare.context import outgoing
from townsquare.context.ledger import LogCount, LogSearch, Said
from townsquare.model.actor import ANYONE, Actor, room
from townsquare.model.change import Change
from townsquare.model.errors import Denied, Invalid, Unavailable
from townsquare.model.town import Town
from townsquare.store.logged import Kind
from townsquare.trust import note
from townsquare.trust.audit import Verb
from townsquare.trust.identity import account
from townsquare.vision.entities import camera_entity
from townsquare.vision.leases import leased
from townsquare.web import figures
from townsquare.web.approvals.book import Act, Book
from townsquare.web.looked import EACH, Looked, wanted
from townsquare.web.pages import Pages
from townsquare.web.retold import VERBS
from townsquare.web.sessions import Session
from townsquare.web.witnesses import Witness, Witnesses

OFFICER = Actor("urn:ngsi-ld:Person:o", "person", "Data protection", frozenset({"data-protection"}))
OPERATOR = Actor("urn:ngsi-ld:Person:p", "person", "Public order", frozenset({"operator"}))
BERLIN = Town("Testtown", "Europe/Berlin")
ASKED = dict.fromkeys(("by", "subject", "verb", "purpose", "case", "since", "until", "below"), "")


class House:
    def __init__(self, hall: TownHall, folder: Path) -> None:
        self.hall = hall
        self.keeper = notary(hall.broker, folder)
        self.visitor = OFFICER
        pages = Pages(BERLIN, demo=False)
        routes = [
            *Looked(hall.people, pages, self.keeper.log).routes(),
            *figures.routes(hall.broker, pages, self.keeper),
        ]
        transport = httpx.ASGITransport(self.with_visitor(Starlette(routes=routes)))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://town")

    def with_visitor(self, site: ASGIApp) -> ASGIApp:
        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            session = Session(self.visitor, self.hall.now + timedelta(hours=1), self.clock)
            scope["state"] = {"actor": self.visitor, "why": WORK, "session": session}
            await site(scope, receive, send)

        return door

    def clock(self) -> datetime:
        return self.hall.now

    async def looks(self, subject: str, said: str = "") -> None:
        ledger = self.hall.broker.ledger
        await ledger.note(subject, "consultation", OPERATOR, WORK, Said(justification=said))

    async def search(self, **asked: str) -> str:
        answer = await self.client.post("/who-looked", data={"reason": "a complaint", **asked})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        return answer.text


@pytest.fixture
async def house(open_broker: OpenBroker, tmp_path: Path) -> AsyncIterator[House]:
    house = House(TownHall(open_broker(*app.TYPES)), tmp_path)
    await house.keeper.open()
    async with house.client:
        yield house


async def test_the_page_finds_who_looked_by_name_subject_and_day(house: House) -> None:
    eve = await house.hall.member("Eve Ito", "Public order", "operator")
    await house.hall.broker.ledger.note("urn:a:lease", "consultation", eve.actor, WORK)
    await house.looks("urn:another:lease", "somebody <b>fell</b>")
    found = await house.search(by="Eve Ito", verb="consultation")
    assert ("urn:a:lease" in found, "urn:another:lease" in found) == (True, False)
    found = await house.search(subject="urn:another:lease")
    assert "Reason: somebody &lt;b&gt;fell&lt;/b&gt;" in found
    assert "14:00:00" in found  # the town's time
    assert "Nothing fits." in await house.search(since="2030-06-02")
    assert "urn:a:lease" in await house.search(since="2030-06-01", until="2030-06-01")


def plain(page: str) -> str:
    """As a reader has it."""
    return " ".join(unescape(re.sub("<[^>]+>", " ", page)).split())


async def test_ids_and_attributes_are_words_and_the_ids_stand_beside(house: House) -> None:
    hall = house.hall
    camera = camera_entity(SQUARE, ("working", hall.now, ""), None, overdue=False)
    await hall.broker.apply([Change("create", camera)], room("vision"), WORK)
    eve = await hall.member("Eve Ito", "Public order", "operator")
    lease = leased(SQUARE, SQUARE.purposes[0], eve.actor, hall.now)
    await hall.broker.apply([Change("create", lease)], eve.actor.through("vision"), WORK)
    await hall.broker.ledger.note(camera.id, "consultation", eve.actor, WORK, Said("refused"))
    page = await house.search(by=eve.actor.id)
    text = plain(page)
    assert "Eve Ito , Public order, changed a look at the drawn picture of “Market square”" in text
    assert "Which: who looks, what for, the camera, until when" in text
    assert "Eve Ito , Public order, looked at the camera “Market square”" in text
    assert "at 52.40000° N, 13.50000° E" in text
    assert f'<span class="id">{lease.id}</span>' in page
    assert f'<span class="id">{eve.actor.id}</span>' in page
    assert "changed the account of Eve Ito" in plain(await house.search(subject=eve.actor.id))
    with reads("de"):
        german = plain(await house.search(by=eve.actor.id))
    assert "Eve Ito , Public order, hat eingesehen : die Kamera “Market square”" in german
    assert "Welche: wer hinsieht, wofür, die Kamera, bis wann" in german
    own = plain(await house.search(by=OFFICER.id))
    assert "somebody whose name was erased" in own.lower()
    assert "looked at the log" in own
    assert "by Eve Ito" in own, "what was searched for has names too"


async def test_a_name_is_as_it_is_now_and_gone_once_it_is_erased(house: House) -> None:
    eve = await house.hall.member("Eve Ito", "Public order", "operator")
    await house.hall.broker.ledger.note("urn:a:thing", "consultation", eve.actor, WORK)
    await house.hall.people.govern(eve.actor.id, account.erased, FIRST)
    page = await house.search(by=eve.actor.id)
    assert "Somebody whose name was erased" in page
    assert "Eve Ito" not in page


async def test_what_says_the_same_in_a_minute_is_one_row_that_unfolds(house: House) -> None:
    for second in range(40):
        house.hall.now = datetime(2030, 6, 1, 12, 0, second, tzinfo=UTC)
        await house.looks("urn:a:lease")
    house.hall.now = datetime(2030, 6, 1, 12, 1, tzinfo=UTC)
    await house.looks("urn:a:lease")
    await house.looks("urn:a:lease", "another reason")
    page = await house.search(by=OPERATOR.id)
    rows = page.split('<ol class="entries">')[1].split("</ol>")[0]
    assert rows.count('class="entry"') == 3
    assert "42 entries" in plain(page)
    assert "urn:a:lease 40 times" in plain(rows)
    assert "All 40, one by one" in rows
    assert rows.count("<li>Entry ") == 40
    assert "Entry 0, 14:00:00" in rows


async def test_looks_at_several_of_a_type_are_told_by_what_the_type_is(house: House) -> None:
    await house.looks("PreviewLease")
    text = plain(await house.search(by=OPERATOR.id))
    assert "looked at looks at a drawn preview" in text


async def test_what_was_done_is_a_picture_by_day(house: House) -> None:
    await house.looks("urn:a:lease")
    await house.looks("urn:a:lease")
    house.hall.now += timedelta(days=1)
    await house.looks("urn:a:lease")
    page = await house.search(by=OPERATOR.id)
    table = page.split('class="cells days"')[1].split("</table>")[0]
    assert plain(table).endswith("2 June 2030 1 1 looked at 1 June 2030 2 2 looked at")
    assert '<rect class="consultation" x="0" width="2" height="10"/>' in table
    assert "may not be whole" not in page
    assert 'class="cells days"' not in (await house.client.get("/who-looked")).text


async def test_what_was_swept_is_shown_as_it_was_last(house: House) -> None:
    hall = house.hall
    eve = await hall.member("Eve Ito", "Public order", "operator")
    book = Book(hall.broker, hall.people, {"preview": Act("preview", "See", frozenset())})
    one = await book.ask("preview", "urn:ngsi-ld:Camera:square", {"purpose": "x"}, eve.actor)
    assert "a request for approval" in await house.search(subject=one.id)
    hall.now += timedelta(days=31)
    await book.sweep()
    page = plain(await house.search(subject=one.id, verb="erasure"))
    assert "Townsquare itself (approvals) erased a request for approval" in page
    assert f"who asked {eve.actor.id}" in page


async def test_a_search_needs_a_reason_and_is_an_entry_itself(house: House) -> None:
    with pytest.raises(Invalid, match="say why you search"):
        await house.client.post("/who-looked", data={"reason": " "})
    await house.search(purpose="operations")
    asked = LogSearch(by=OFFICER.id)
    own = await house.hall.broker.ledger.read(asked, OFFICER, WORK, "to see that")
    assert [one.record.justification for one in own] == ["to see that", "a complaint"]


async def test_earlier_entries_are_a_page_further(house: House) -> None:
    for n in range(EACH + 1):
        await house.looks(f"urn:number:{n}:")
    first = await house.search(by=OPERATOR.id)
    assert ("urn:number:1:" in first, "urn:number:0:" in first) == (True, False)
    assert '<button name="below" value="1">' in first
    assert "urn:number:0:" in await house.search(by=OPERATOR.id, below="1")


async def test_what_is_handed_out_is_proven_without_the_town(house: House, tmp_path: Path) -> None:
    for n in range(5):
        await house.looks(f"urn:number:{n % 2}:")
    asked = {"subject": "urn:number:1:", "reason": "a complaint"}
    with pytest.raises(Unavailable, match="not signed yet"):
        await house.client.post("/who-looked/export", data={**asked, "recipients": "Court"})
    await house.keeper.step()
    with pytest.raises(Invalid, match="its recipients"):
        await house.client.post("/who-looked/export", data=asked)
    answer = await house.client.post("/who-looked/export", data={**asked, "recipients": "Court"})
    unpacked = tmp_path / "export"
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(unpacked)
    told = run("log", "verify", str(unpacked))
    assert (told.returncode, "All 2 exported entries are in it." in told.stdout) == (0, True)
    disclosed = LogSearch(verb="disclosure")
    (own,) = await house.hall.broker.ledger.read(disclosed, OFFICER, WORK, "to see that")
    assert (own.record.recipients, own.record.justification) == (("Court",), "a complaint")
    records = unpacked / "records.jsonl"
    records.write_text(records.read_text().replace("urn:number:1:", "urn:number:2:"))
    assert "is not what was committed to" in run("log", "verify", str(unpacked)).stdout


@pytest.mark.parametrize("visitor", [OPERATOR, ANYONE])
async def test_others_are_not_let_in(house: House, visitor: Actor) -> None:
    house.visitor = visitor
    for ask in (
        house.client.get("/who-looked"),
        house.client.post("/who-looked", data={"reason": "x"}),
        house.client.post("/who-looked/export", data={"reason": "x", "recipients": "me"}),
    ):
        with pytest.raises(Denied):
            await ask


@pytest.mark.parametrize(
    "asked", [{"since": "yesterday"}, {"until": "9999-12-31"}, {"verb": "ate"}, {"below": "-1"}]
)
def test_what_cannot_be_meant_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        wanted({**ASKED, **asked}, BERLIN)


def test_days_are_the_towns() -> None:
    search = wanted({**ASKED, "since": "2030-03-30", "until": "2030-03-31"}, BERLIN)
    assert search.since == datetime(2030, 3, 29, 23, tzinfo=UTC)
    assert search.until == datetime(2030, 3, 31, 22, tzinfo=UTC)  # summer begins


# --- numbers for everyone


def test_figures_are_by_month_and_purpose() -> None:
    counts = [
        LogCount(Kind("2030-05", "operations", "alteration"), 3),
        LogCount(Kind("2030-06", "crowd safety", "collection"), 2),
        LogCount(Kind("2030-06", "crowd safety", "consultation"), 5),
        LogCount(Kind("2030-06", "operations", "alteration"), 1),
    ]
    assert [(f.month, f.purpose, f.total, f.acts) for f in figures.figures(counts)] == [
        ("2030-06", "crowd safety", 7, (("collected", 2), ("looked at", 5))),
        ("2030-06", "operations", 1, (("changed", 1),)),
        ("2030-05", "operations", 3, (("changed", 3),)),
    ]
    assert figures.figures([]) == []


async def figures_page(house: House) -> str:
    house.visitor = ANYONE
    page = (await house.client.get("/figures")).text
    return " ".join(page.split())


async def test_everyone_reads_that_nobody_watches(house: House) -> None:
    assert "It has no entries that are signed yet." in await figures_page(house)
    await house.looks("urn:a:lease")
    await house.keeper.step()
    page = await figures_page(house)
    assert "It has 1 entry. The town signed it last on" in page
    assert "1 June 2030, 14:00" in page  # the town's time
    assert "Nobody outside the town hall watches this log yet." in page


async def test_everyone_reads_which_witness_is_late(house: House, tmp_path: Path) -> None:
    hall, now = (
        house.hall,
        datetime.now(UTC).replace(microsecond=0),
    )  # the witness has its own clock
    hall.now = now
    cosigner = Cosigner("paper.example/w", [str(house.keeper.log.key)], tmp_path / "paper")
    opened = server(cosigner, "127.0.0.1", 0)
    threading.Thread(target=opened.serve_forever, args=[0.01], daemon=True).start()
    paper = Witness("paper", f"http://127.0.0.1:{opened.server_port}", cosigner.key)
    court = Witness("court", "http://127.0.0.1:9", str(note.Key("court", 4, bytes(32))))
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as client:
        witnesses = Witnesses(house.keeper.log, client, [paper, court])
        house.keeper.witnesses = witnesses
        assert "No witness has cosigned this log yet." in await figures_page(house)
        await house.looks("urn:a:lease")
        await house.keeper.step()
        page = await figures_page(house)
        assert "Warning" not in page
        assert "paper: cosigned last on" in page
        assert re.search("court: has not cosigned yet <b[^>]*>never</b>", page)
        opened.shutdown()
        opened.server_close()
        await house.looks("urn:a:lease")  # a new checkpoint that nobody cosigns
        await house.keeper.step()
        assert not house.keeper.stale
        hall.now = now + timedelta(hours=25)
        page = await figures_page(house)
        assert "No witness has cosigned this log for more than a day." in page
        assert re.search("paper: cosigned last on .* <b[^>]*>more than a day ago</b>", page)


async def test_everyone_reads_that_the_log_is_broken(house: House) -> None:
    house.keeper.trouble = "entry 7 of the log is not the one that was signed"
    page = await figures_page(house)
    assert "The log is not in order, and nobody is let in until it is: entry 7" in page


async def test_everyone_reads_how_often_and_not_who(house: House) -> None:
    house.visitor = ANYONE
    await house.looks("urn:secret:lease")
    page = (await house.client.get("/figures")).text
    file = (await house.client.get("/open-data/access.csv")).text.splitlines()
    assert "1 looked at" in page
    assert file == [",".join(figures.COLUMNS), "2030-06,operations,consultation,1"]
    assert "urn:" not in page + file[1]


def test_every_verb_has_words() -> None:
    assert set(VERBS) == set(get_args(Verb))
