"""People are called about alarms that nobody acknowledges, by real servers on loopback.

Long because a call is one story from the rota to the answer, in which every way takes part.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tests.contract.alerts.called import (
    Hook,
    calling,
    certificate,
    eventually,
    hooked,
    kept,
    made,
    notifications,
    posted,
    until,
)
from tests.contract.alerts.town import (
    ANNA,
    AT_ONCE,
    CHIEF,
    FULL,
    PLAZA,
    WORK,
    Clock,
    Town,
    acknowledging,
    commanding,
)
from townsquare.alerts.notify.health import way_id
from townsquare.alerts.notify.types import CHANNEL, FAILING
from townsquare.context.query import Query
from townsquare.model.actor import room
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, entity, iso

# The mail server of these tests says so of its own parts.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Session.login_data is deprecated"),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]
CRITICAL = replace(AT_ONCE, severity="critical", consequence="Crush")


def contact(name: str, url: str, more: str = "") -> str:
    return f"""
[[notify.contact]]
name = "{name}"
[[notify.contact.channel]]
kind = "webhook"
address = "{url}/{name}"
{more}
"""


def desk(url: str, more: str = "") -> str:
    """Ana, Ben and Cleo take turns; without another chain they are called one after another."""
    people = "".join(contact(name, url) for name in ("ana", "ben", "cleo"))
    rota = '[[notify.rota]]\nname = "desk"\npeople = ["ana", "ben", "cleo"]\nbegins = 2030-06-01\n'
    return people + rota + more


def alone(url: str, more: str = "") -> str:
    rota = '[[notify.rota]]\nname = "desk"\npeople = ["ana"]\nbegins = 2030-06-01\n'
    return contact("ana", url) + rota + more


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hooked() as server:
        yield server


SHORT = "[[notify.chain]]\nafter_s = [0]\nloops = 1\nlast_s = 60\n"


async def until_not_empty(town: Town, id: str, attribute: str) -> None:
    async def holds() -> bool:
        return (await town.broker.read(id, ANNA, WORK)).value(attribute) is not None

    await eventually(holds)


def called(hook: Hook) -> list[str]:
    return [request.path.removeprefix("/") for request in hook.got]


async def test_a_chain_calls_one_after_another_until_somebody_acknowledges(
    town: Town, clock: Clock, hook: Hook
) -> None:
    async with town.alerting(CRITICAL), calling(town, desk(hook.url)):
        await town.count(12)
        first = (await hook.several(1))[0].json
        assert first["town"] == "Testtown"
        (alarm,) = first["alarms"]
        assert alarm == {
            "id": FULL,
            "name": "Square is full",
            "severity": "critical",
            "since": "2030-06-01T12:00:00Z",
            "place": "CrowdFlowObserved:square-plaza-live (52.40000, 13.50000)",
            "consequence": "Crush",
            "response": "Look",
        }
        for number, seconds in ((2, 60), (3, 60), (4, 180)):
            clock.pass_s(seconds)
            await hook.several(number)
        assert called(hook) == ["ana", "ben", "cleo", "ana"]
        assert (await acknowledging(town)(ANNA)).status_code == 200
        clock.pass_s(3600)
        await asyncio.sleep(0.5)
        assert len(hook.got) == 4
    calls = made(await notifications(town))
    assert [(c.contact, c.step, c.state, c.tries) for c in calls] == [
        ("ana", 0, "sent", 1),
        ("ben", 1, "sent", 1),
        ("cleo", 2, "sent", 1),
        ("ana", 3, "sent", 1),
    ]


async def test_one_that_comes_and_goes_does_not_begin_its_chain_anew(
    town: Town, clock: Clock, hook: Hook
) -> None:
    """Else whoever is called first is called each time, and nobody after them ever is."""
    async with town.alerting(CRITICAL), calling(town, desk(hook.url)):
        await town.count(12)
        await hook.several(1)
        for number in (2, 3):
            clock.pass_s(30)
            await town.count(0)
            await until(town, FULL, "state", "RTN_UNACK")
            clock.pass_s(30)
            await town.count(12)
            await hook.several(number)
        assert called(hook) == ["ana", "ben", "cleo"]


@pytest.mark.parametrize("ran_out", [False, True])
async def test_one_that_comes_back_days_later_calls_from_the_first_on(
    town: Town, clock: Clock, hook: Hook, ran_out: bool
) -> None:
    """Nobody had acknowledged it: what is told now is told as if it had never been."""
    async with town.alerting(CRITICAL), calling(town, alone(hook.url, SHORT)):
        await town.count(12)
        await hook.several(1)
        if ran_out:
            clock.pass_s(61)
            await until_not_empty(town, FULL, "unansweredAt")
        await town.count(0)
        await until(town, FULL, "state", "RTN_UNACK")
        before = len(hook.got)
        clock.pass_s(2 * 24 * 3600)
        await town.count(12)
        await hook.several(before + 1)


async def test_a_clock_that_is_set_back_keeps_no_alarm_from_calling(
    town: Town, clock: Clock, hook: Hook
) -> None:
    async with town.alerting(CRITICAL), calling(town, alone(hook.url)):
        await town.count(12)
        await hook.several(1)
        assert (await acknowledging(town)(ANNA)).status_code == 200
        clock.pass_s(-3600)
        await town.count(12, PLAZA + "-2")
        (_, second) = await hook.several(2)
    assert [alarm["id"] for alarm in second.json["alarms"]] == [f"{FULL}-2"]


async def test_it_goes_on_after_a_stop_in_the_middle_and_calls_nobody_twice(
    town: Town, clock: Clock, hook: Hook
) -> None:
    settings = desk(hook.url)
    async with town.alerting(CRITICAL), calling(town, settings):
        await town.count(12)
        await hook.several(1)
        await kept(town, 1, "sent")
    await town.restart()
    clock.pass_s(60)
    async with calling(town, settings):
        await hook.several(2)
        await kept(town, 2, "sent")
    await town.restart()
    async with calling(town, settings):
        await asyncio.sleep(0.5)
        assert called(hook) == ["ana", "ben"]
    ids = [request.json["id"] for request in hook.got]
    assert len(set(ids)) == 2


async def test_what_was_not_sent_before_a_stop_is_sent_after_it_with_the_same_id(
    town: Town, hook: Hook
) -> None:
    hook.answers = [None]  # it got it, and the room is stopped before it answers
    async with town.alerting(CRITICAL), calling(town, alone(hook.url)):
        await town.count(12)
        await hook.several(1)
    await town.restart()
    async with calling(town, alone(hook.url)):
        await hook.several(2)
        (one,) = made(await kept(town, 1, "sent"))
    assert {request.json["id"] for request in hook.got} == {one.id}
    assert {r.headers["webhook-id"] for r in hook.got} == {one.id.rpartition(":")[2]}


async def test_what_fails_for_now_is_tried_again_and_says_how_it_went(
    town: Town, hook: Hook
) -> None:
    hook.answers = [500, None]
    settings, waits_s = alone(hook.url), (0.01,) * 20
    async with town.alerting(CRITICAL), calling(town, settings, waits_s, longest_s=1):
        await town.count(12)
        (one,) = await kept(town, 1, "sent")
    assert one.value("answer") == "status 200"
    assert one.value("tries") >= 3  # a machine that has other work may take longer than it waits
    assert len({request.json["id"] for request in hook.got}) == 1


async def test_what_fails_for_good_is_given_up_and_why_is_kept(town: Town, hook: Hook) -> None:
    hook.answers = [403]
    async with town.alerting(CRITICAL), calling(town, alone(hook.url)):
        await town.count(12)
        (one,) = await kept(town, 1, "givenUp")
    assert (one.value("tries"), one.value("answer")) == (1, "status 403")


async def test_nothing_is_sent_to_a_host_that_is_not_declared(town: Town, hook: Hook) -> None:
    settings = alone("https://elsewhere.example")
    async with town.alerting(CRITICAL), calling(town, settings):
        await town.count(12)
        (one,) = await kept(town, 1, "givenUp")
    assert "calls to elsewhere.example are not declared" in one.value("answer")
    assert hook.got == []


async def test_a_way_that_fails_is_an_alarm_that_is_told_on_other_ways_only(
    town: Town, clock: Clock, hook: Hook
) -> None:
    hook.answers = [500] * 3
    other = contact("ben", hook.url)
    rota = '[[notify.rota]]\nname = "desk"\npeople = ["ana", "ben"]\nbegins = 2030-06-01\n'
    settings = contact("ana", hook.url) + other + rota
    failed = f"urn:ngsi-ld:Alert:{FAILING.name}:ana-webhook"
    async with town.alerting(CRITICAL, FAILING), calling(town, settings):
        await town.count(12)
        await kept(town, 1, "givenUp")
        await town.several(2)
        alarm = await town.broker.read(failed, ANNA, WORK)
        assert (alarm.value("state"), alarm.value("severity")) == ("UNACK", "high")
        clock.pass_s(60)
        # Ana has one way, and that one fails: the alarm about it is not tried there.
        found = made(await kept(town, 2, "givenUp"))
        about = [c for c in found if failed in c.alarms and c.contact == "ana"]
        assert [(c.channel, c.tries) for c in about] == [("", 0)]
        await hook.several(4)
        sent = hook.got[3]
        assert sent.path == "/ben"
        assert {one["id"] for one in sent.json["alarms"]} == {FULL, failed}
        # The next for the square goes to Ana, works, and the alarm returns.
        clock.pass_s(60)
        await hook.several(5)
        await until(town, failed, "active", False)
        assert called(hook) == ["ana", "ana", "ana", "ben", "ana"]


async def test_a_way_that_was_taken_out_of_the_settings_fails_no_more(
    town: Town, hook: Hook
) -> None:
    hook.answers = [500] * 3
    async with town.alerting(CRITICAL, FAILING):
        async with calling(town, alone(hook.url)):
            await town.count(12)
            await town.several(2)
        async with calling(town, alone(hook.url).replace("ana", "zoe")):
            failed = f"urn:ngsi-ld:Alert:{FAILING.name}:ana-webhook"
            await until(town, failed, "active", False)
    ways = await town.broker.find(Query(types=(CHANNEL,)), ANNA, WORK)
    assert way_id("ana", "webhook") not in {one.id for one in ways.entities}


@pytest.mark.parametrize("command", ["shelve", "take-out-of-service"])
async def test_what_is_put_aside_calls_nobody(
    town: Town, clock: Clock, hook: Hook, command: str
) -> None:
    async with town.alerting(CRITICAL):
        await town.count(12)
        await town.until("UNACK")
        assert (await commanding(town)(CHIEF, command, reason="repair")).status_code == 200
        async with calling(town, alone(hook.url)):
            clock.pass_s(700)
            await asyncio.sleep(0.5)
    assert hook.got == []


async def test_nobody_is_called_where_nobody_can_be(town: Town, clock: Clock) -> None:
    async with town.alerting(CRITICAL), calling(town, "") as running:
        await town.count(12)
        await town.until("UNACK")
        clock.pass_s(700)
        await asyncio.sleep(0.5)
        assert not running.done()
    assert await notifications(town) == []


async def test_a_rota_that_has_not_begun_is_said_to_be_empty(town: Town) -> None:
    settings = alone("https://elsewhere.example").replace("2030-06-01", "2031-01-01")
    async with town.alerting(CRITICAL), calling(town, settings):
        await town.count(12)
        (one,) = await kept(town, 1, "givenUp")
    assert (one.value("contact"), one.value("answer")) == ("", "nobody is on call in desk")


QUIET = '[[notify.quiet]]\nseverities = ["high"]\nsince = "13:00"\nuntil = "15:00"\n'


async def test_quiet_hours_are_waited_for(town: Town, clock: Clock, hook: Hook) -> None:
    high = replace(AT_ONCE, severity="high")
    async with town.alerting(high), calling(town, alone(hook.url, QUIET)):
        await town.count(12)  # it is 14:00 in Berlin
        await town.until("UNACK")
        await asyncio.sleep(0.5)
        assert hook.got == []
        clock.pass_s(3600)
        await hook.several(1)


async def test_what_is_critical_is_never_quiet(town: Town, hook: Hook) -> None:
    async with town.alerting(CRITICAL), calling(town, alone(hook.url, QUIET)):
        await town.count(12)
        await hook.several(1)


async def test_a_flood_is_few_messages_and_every_alarm_is_in_one(
    town: Town, clock: Clock, hook: Hook
) -> None:
    alarms = [
        entity(
            f"urn:ngsi-ld:Alert:lamp:{n}",
            "Alert",
            name=Attribute(f"Lamp {n}"),
            severity=Attribute("high"),
            state=Attribute("UNACK", observed_at=clock()),
        )
        for n in range(250)
    ]
    by = room("alerts")
    async with calling(town, alone(hook.url)):
        for n in range(0, 250, 50):
            changes = [Change("create", one) for one in alarms[n : n + 50]]
            await town.broker.apply(changes, by, WORK)
            await asyncio.sleep(0.05)
        await hook.several(1)
        clock.pass_s(30)
        await asyncio.sleep(0.5)
        before = len(hook.got)
        clock.pass_s(31)
        async with asyncio.timeout(60):
            while True:
                told = {id for c in made(await notifications(town)) for id in c.alarms}
                if len(told) == 250:
                    break
                await asyncio.sleep(0.01)
        assert before <= 3  # what came after the first message waits for a minute
        assert len(await kept(town, 1, "sent")) <= 8
    most = max(hook.got, key=lambda request: request.json["more"]).json
    assert len(most["alarms"]) == 10
    assert most["more"] > 0


async def test_a_webhook_is_signed_as_standard_webhooks_say(town: Town, hook: Hook) -> None:
    settings = alone(hook.url).replace("/ana", '/ana"\nkey = "secret:key').replace('""', '"')
    async with town.alerting(CRITICAL), calling(town, settings):
        await town.count(12)
        sent = (await hook.several(1))[0]
    signed = b".".join(
        (sent.headers["webhook-id"].encode(), sent.headers["webhook-timestamp"].encode(), sent.body)
    )
    digest = hmac.new(b"signed-by-the-town", signed, hashlib.sha256).digest()
    assert sent.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    at = datetime.fromisoformat("2030-06-01T12:00Z").timestamp()
    assert sent.headers["webhook-timestamp"] == str(int(at))


WAYS = """
[[notify.contact]]
name = "ana"
[[notify.contact.channel]]
kind = "ntfy"
address = "secret:topic"
key = "secret:token"
[[notify.contact.channel]]
kind = "matrix"
address = "secret:room"
key = "secret:token"
[[notify.rota]]
name = "desk"
people = ["ana"]
begins = 2030-06-01
"""


async def test_ntfy_and_matrix_are_spoken_to_in_their_own_words(town: Town, hook: Hook) -> None:
    secrets = {
        "secret:topic": f"{hook.url}/town-duty",
        "secret:room": f"{hook.url}/!duty:town.example",
    }
    async with town.alerting(CRITICAL), calling(town, WAYS, secrets=secrets):
        await town.count(12)
        await hook.several(2)
        calls = {c.channel: c.id.rpartition(":")[2] for c in made(await kept(town, 2, "sent"))}
    ntfy, matrix = sorted(hook.got, key=lambda request: request.method)
    assert (ntfy.method, ntfy.path, ntfy.json["topic"]) == ("POST", "/", "town-duty")
    assert (ntfy.json["priority"], ntfy.json["click"]) == (5, "http://town/control")
    assert ntfy.json["title"] == "CRITICAL: Square is full (Testtown)"
    assert "If nobody acts: Crush\nWhat to do: Look" in ntfy.json["message"]
    assert matrix.path == (
        "/_matrix/client/v3/rooms/%21duty%3Atown.example/send/m.room.message/" + calls["matrix"]
    )
    assert matrix.json["msgtype"] == "m.text"
    assert matrix.json["body"].startswith("CRITICAL: Square is full (Testtown)\n\n")
    assert {r.headers["authorization"] for r in hook.got} == {"Bearer a-token"}


async def test_each_reads_the_message_in_their_own_language(town: Town, hook: Hook) -> None:
    secrets = {
        "secret:topic": f"{hook.url}/town-duty",
        "secret:room": f"{hook.url}/!duty:town.example",
    }
    german = WAYS.replace('name = "ana"\n', 'name = "ana"\nlanguage = "de"\n', 1)
    async with town.alerting(CRITICAL), calling(town, german, secrets=secrets):
        await town.count(12)
        await hook.several(2)
    told = sorted(hook.got, key=lambda request: request.method)[0].json
    assert told["title"] == "KRITISCH: Square is full (Testtown)"
    assert "Wenn niemand handelt: Crush\nWas zu tun ist: Look" in told["message"]
    assert "Im Leitstand quittieren: http://town/control" in told["message"]


def mailed(port: int, more: str = "") -> str:
    return f"""
[notify.mail]
host = "127.0.0.1"
port = {port}
sender = "townsquare@town.example"
{more}
[[notify.contact]]
name = "ana"
[[notify.contact.channel]]
kind = "email"
address = "secret:mail"
[[notify.rota]]
name = "desk"
people = ["ana"]
begins = 2030-06-01
"""


@pytest.mark.parametrize(
    ("starttls", "more"),
    [(False, 'login = "secret:mail-login"'), (True, 'tls = "starttls"')],
)
async def test_mail_goes_by_tls_and_is_tried_again_where_it_was_not_taken(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starttls: bool, more: str
) -> None:
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with AsyncExitStack() as stack:
        post = await stack.enter_async_context(posted(file, starttls=starttls))
        post.answers = ["451 later"]
        await stack.enter_async_context(town.alerting(CRITICAL))
        await stack.enter_async_context(calling(town, mailed(post.port, more)))
        await town.count(12)
        (one,) = await kept(town, 1, "sent")
    assert (one.value("tries"), one.value("answer")) == (2, "taken by 127.0.0.1")
    (letter,) = post.got
    assert post.to == [["duty@town.example"]]
    assert letter["Subject"] == "CRITICAL: Square is full (Testtown)"
    assert letter["Message-ID"] == f"<{one.id.rpartition(':')[2]}@town.example>"
    assert "What to do: Look" in letter.get_content()


async def test_mail_is_not_given_to_a_server_with_another_certificate(
    town: Town, tmp_path: Path
) -> None:
    async with (
        posted(certificate(tmp_path)) as post,
        town.alerting(CRITICAL),
        calling(town, mailed(post.port)),
    ):
        await town.count(12)
        (one,) = await kept(town, 1, "givenUp")
    assert one.value("answer").startswith("its certificate is not good: self")
    assert post.got == []


async def test_mail_that_is_refused_for_good_is_given_up_without_saying_the_address(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with posted(file) as post:
        post.answers = ["550 5.1.1 <duty@town.example> is unknown"]
        settings = mailed(post.port, 'login = "secret:mail-login"')
        async with town.alerting(CRITICAL), calling(town, settings):
            await town.count(12)
            (one,) = await kept(town, 1, "givenUp")
    assert one.value("answer") == "the mail server answered 550"
    told = json.dumps([one.value(name) for name in one.attributes])
    assert "duty@town.example" not in told


async def test_a_repeated_alarm_calls_anew(town: Town, clock: Clock, hook: Hook) -> None:
    async with town.alerting(CRITICAL), calling(town, alone(hook.url)):
        await town.count(12)
        await hook.several(1)
        await acknowledging(town)(ANNA)
        clock.pass_s(20)
        await town.count(0)
        await town.until("NORMAL")
        await town.count(12)
        await hook.several(2)
    assert PLAZA.rpartition(":")[2] in FULL


async def test_where_the_chain_ran_out_the_alarm_itself_says_that_nobody_has_answered(
    town: Town, clock: Clock, hook: Hook
) -> None:
    settings = alone(hook.url, "[[notify.chain]]\nafter_s = [0, 60]\nloops = 1\nlast_s = 60\n")

    async def unanswered() -> object:
        return (await town.broker.read(FULL, ANNA, WORK)).value("unansweredAt")

    async with town.alerting(CRITICAL), calling(town, settings):
        await town.count(12)
        await hook.several(1)
        clock.pass_s(60)
        await hook.several(2)
        assert await unanswered() is None
        clock.pass_s(60)
        await until(town, FULL, "unansweredAt", iso(clock.now))
        version = (await town.broker.read(FULL, ANNA, WORK)).version
    await town.restart()
    async with town.alerting(CRITICAL), calling(town, settings):
        clock.pass_s(60)
        await asyncio.sleep(0.5)
        assert (await town.broker.read(FULL, ANNA, WORK)).version == version
        assert (await acknowledging(town)(ANNA)).status_code == 200
        await town.count(1)
        await until(town, FULL, "state", "NORMAL")
        await town.count(12)
        await until(town, FULL, "state", "UNACK")
        assert await unanswered() is None
