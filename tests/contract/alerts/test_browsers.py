"""Browsers are called by a push service that reads nothing, and leave without a trace of where."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from starlette.applications import Starlette

from tests.contract.alerts.called import (
    HERE,
    PUSH_KEY,
    Hook,
    allowing,
    calling,
    hooked,
    kept,
    notifications,
    staff_of,
)
from tests.contract.alerts.test_calling import CRITICAL
from tests.contract.alerts.town import ANNA, ENGINEER, WORK, Town, as_actor, refused
from townsquare.alerts.notify import push
from townsquare.alerts.notify.browsers import MOST_BROWSERS, Browsers, browser_id
from townsquare.alerts.notify.doors import NotifyDoors
from townsquare.alerts.notify.types import BROWSER
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.query import MOST, Query
from townsquare.model.actor import ANYONE, Actor
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, entity
from townsquare.model.errors import TownsquareError

SETTINGS = """
[[notify.contact]]
name = "ana"
[[notify.contact.channel]]
kind = "browser"
[[notify.rota]]
name = "desk"
people = ["ana"]
begins = 2030-06-01
"""
KEY = ec.generate_private_key(push.CURVE)
POINT = KEY.public_key().public_bytes(*push.POINT)
AUTH = b"0123456789abcdef"


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async with hooked() as server:
        yield server


async def post(town: Town, by: Actor, path: str, wish: Any) -> httpx.Response:
    public = push.public_key(PUSH_KEY)
    doors = NotifyDoors(town.broker, staff_of(SETTINGS), allowing({HERE}), public)
    handlers: Any = {TownsquareError: refused}
    site = Starlette(routes=doors.routes(), exception_handlers=handlers)
    transport = httpx.ASGITransport(as_actor(site, by))
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
        return await client.post(path, json=wish)


def wish(endpoint: str, contact: str = "ana") -> dict[str, Any]:
    keys = {"p256dh": push.text(POINT), "auth": push.text(AUTH)}
    return {"contact": contact, "endpoint": endpoint, "keys": keys}


def decrypted(body: bytes) -> Any:
    """As a browser does (RFC 8291, 3.3 and 3.4)."""
    salt, length, sealed = body[:16], body[20], body[21:]
    theirs, sealed = sealed[:length], sealed[length:]
    point = ec.EllipticCurvePublicKey.from_encoded_point(push.CURVE, theirs)
    shared = KEY.exchange(ec.ECDH(), point)

    def derived(salt: bytes, key: bytes, what: bytes, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, salt, what).derive(key)

    key = derived(AUTH, shared, b"WebPush: info\0" + POINT + theirs, 32)
    content_key = derived(salt, key, b"Content-Encoding: aes128gcm\0", 16)
    nonce = derived(salt, key, b"Content-Encoding: nonce\0", 12)
    return json.loads(AESGCM(content_key).decrypt(nonce, sealed, None).removesuffix(b"\x02"))


async def test_a_browser_that_was_registered_is_called(town: Town, hook: Hook) -> None:
    answer = await post(town, ANNA, "/notify/browsers", wish(f"{hook.url}/phone"))
    assert answer.status_code == 201, answer.text
    async with town.alerting(CRITICAL), calling(town, SETTINGS):
        await town.count(12)
        (sent,) = await hook.several(1)
        (one,) = await kept(town, 1, "sent")
    assert one.value("answer") == "taken for 1 of 1 browsers"
    told = decrypted(sent.body)
    assert (told["title"], told["urgent"]) == ("CRITICAL: Square is full (Testtown)", True)
    assert told["id"] == one.id
    assert b"Square" not in sent.body


async def test_where_a_browser_is_reached_stands_in_no_entity(town: Town, hook: Hook) -> None:
    await post(town, ANNA, "/notify/browsers", wish(f"{hook.url}/phone"))
    page = await town.broker.find(Query((BROWSER,)), ENGINEER, WORK)
    (one,) = page.entities
    assert (one.value("contact"), one.value("registeredBy")) == ("ana", ANNA.id)
    assert "phone" not in str(one)


async def test_a_browser_that_its_service_knows_no_more_is_forgotten(
    town: Town, hook: Hook
) -> None:
    hook.answers = [410]
    await post(town, ANNA, "/notify/browsers", wish(f"{hook.url}/phone"))
    async with town.alerting(CRITICAL), calling(town, SETTINGS):
        await town.count(12)
        (one,) = await kept(town, 1, "givenUp")
        assert one.value("answer") == "status 410"
        assert await Browsers(town.broker).of("ana") == []


async def test_a_browser_that_left_is_not_called(town: Town, hook: Hook) -> None:
    await post(town, ANNA, "/notify/browsers", wish(f"{hook.url}/phone"))
    left = await post(town, ANNA, "/notify/browsers/leave", {"endpoint": f"{hook.url}/phone"})
    assert left.status_code == 200
    async with town.alerting(CRITICAL), calling(town, SETTINGS):
        await town.count(12)
        await kept(town, 1, "givenUp")
    (one,) = await notifications(town)
    assert one.value("answer") == "no browser is registered for them"
    assert hook.got == []


@pytest.mark.parametrize(
    ("by", "wished", "status", "says"),
    [
        (ANNA, wish("https://push.elsewhere.example/x"), 403, "list it in [outgoing] hosts"),
        (ANNA, wish(f"http://{HERE}/x", "ben"), 404, "ben has no channel of kind browser"),
        (ANNA, {**wish(f"http://{HERE}/x"), "keys": {"p256dh": "", "auth": ""}}, 400, "P-256"),
        (ANNA, {"contact": "ana"}, 400, "endpoint"),
        (ANYONE, wish(f"http://{HERE}/x"), 403, ""),
    ],
)
async def test_what_is_no_browser_of_a_contact_is_refused(
    town: Town, by: Actor, wished: Any, status: int, says: str
) -> None:
    answer = await post(town, by, "/notify/browsers", wished)
    assert (answer.status_code, says in answer.text) == (status, True)


async def test_a_browser_whose_service_never_answers_keeps_no_other_waiting(
    town: Town, hook: Hook
) -> None:
    hook.answers = [None, None, None]
    for n in range(4):
        await post(town, ANNA, "/notify/browsers", wish(f"{hook.url}/phone-{n}"))
    async with town.alerting(CRITICAL), calling(town, SETTINGS):
        await town.count(12)
        sent = await hook.several(4)  # while three of them wait for their answer
        assert {request.path for request in sent} == {f"/phone-{n}" for n in range(4)}
        assert not hook.over.is_set()


async def test_nobody_registers_browsers_without_end(town: Town, hook: Hook) -> None:
    async def registered(n: int) -> httpx.Response:
        return await post(town, ANNA, "/notify/browsers", wish(f"{hook.url}/{n}"))

    for n in range(MOST_BROWSERS):
        assert (await registered(n)).status_code == 201
    refusal = await registered(MOST_BROWSERS)
    assert (refusal.status_code, "let one leave" in refusal.text) == (409, True)
    assert (await registered(0)).status_code == 201  # which is known already
    await post(town, ANNA, "/notify/browsers/leave", {"endpoint": f"{hook.url}/1"})
    assert (await registered(MOST_BROWSERS)).status_code == 201
    assert len(await Browsers(town.broker).of("ana")) == MOST_BROWSERS


async def test_browsers_of_others_hide_none_however_many_there_are(town: Town, hook: Hook) -> None:
    others = [
        entity(browser_id(str(n)), BROWSER, contact=Attribute("b"), state=Attribute("registered"))
        for n in range(MOST)
    ]
    await town.broker.apply([Change("create", one) for one in others], ROOM, WHY)
    for n in range(3):
        await post(town, ANNA, "/notify/browsers", wish(f"{hook.url}/{n}"))
    assert len(await Browsers(town.broker).of("ana")) == 3
