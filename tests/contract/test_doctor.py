"""What is wrong with the machine is told until it is mended, and the rest goes on meanwhile."""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette

from tests import notary as made
from tests.conftest import OpenBroker
from townsquare import app
from townsquare.app.backup.making import LAST
from townsquare.app.doctoring import Doctoring, Noted, known, of_a_town_that_is_off
from townsquare.app.silence import ways
from townsquare.context import outgoing
from townsquare.context.broker import Broker
from townsquare.devices import device
from townsquare.devices.device import Acceptance
from townsquare.devices.types import ROOM
from townsquare.model.actor import Actor, Why, room
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, relationship
from townsquare.model.errors import Denied, Unavailable
from townsquare.store.sqlite_soundness import of_file
from townsquare.web import app as site
from townsquare.web.doctor.finding import TITLES, Finding, State
from townsquare.web.doctor.rounds import STOPPED_S, Rounds
from townsquare.web.health import Health
from townsquare.web.timekeeper import Timekeeper

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WHY = Why("operations")
ENGINEER = Actor("urn:e", "person", "Town", frozenset({"engineer"}))
OWNER = Actor("machine:administrator", "machine", roles=frozenset({"administrator"}))
RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "townsquare.rules.yml"


class Space(NamedTuple):
    """As shutil tells it, in bytes."""

    total: int
    used: int
    free: int


def certificate(ends: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "town.example")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ends - 180 * DAY)
        .not_valid_after(ends)
        .sign(key, SHA256())
    )
    return signed.public_bytes(Encoding.PEM)


class Machine:
    """A server whose clock can be set, with a log and a doctor."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.broker, self.folder = broker, folder
        self.wall, self.ticks = NOON, 0.0
        self.time = Timekeeper(lambda: self.wall, lambda: self.ticks)
        broker.clock, broker.sure = self.time.now, self.time.sure
        self.notary = made.notary(broker, folder, clock=self.time)
        web = site.Settings(public_url="https://town.example", certificate="proxy.pem")
        self.settings = app.Settings(web=web)
        self.place = app.Place(folder, folder, 8400)
        self.noted = Noted(self.time.now)
        self.proxy = folder / "proxy.pem"
        self.proxy.write_bytes(certificate(NOON + 90 * DAY))
        self.rounds = Rounds(Doctoring(self.settings, self.place, self.notary, self.noted).facts)

    async def goes_on(self, passed: timedelta = timedelta(seconds=2)) -> None:
        self.wall += passed
        self.ticks += passed.total_seconds()
        await self.rounds.step()
        await asyncio.sleep(0)

    async def told(self, check: str) -> State:
        await self.goes_on()
        return self.rounds.states()[check]

    async def finding(self, check: str) -> Finding:
        await self.goes_on()
        (found,) = (one for one in self.rounds.findings if one.check == check)
        return found


@pytest.fixture
async def machine(open_broker: OpenBroker, tmp_path: Path) -> Machine:
    found = Machine(open_broker(*app.TYPES), tmp_path)
    await found.notary.open()
    await found.notary.step()
    return found


async def test_a_full_disk_is_told_until_there_is_room(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await machine.told("disk") == "good"
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: Space(10**11, 10**11, 0))
        assert await machine.told("disk") == "alarm"
        await machine.notary.step()
        flow = Entity("urn:ngsi-ld:Alert:a", ("Alert",), {"name": (Attribute("x"),)})
        await machine.broker.apply([Change("merge", flow, upsert=True)], room("alerts"), WHY)
    assert await machine.told("disk") == "good"


@pytest.mark.parametrize("off", [HOUR, -HOUR])
async def test_a_clock_an_hour_off_is_told_until_it_is_set_right(
    machine: Machine, off: timedelta
) -> None:
    assert await machine.told("clock") == "good"
    machine.wall += off
    assert await machine.told("clock") == "alarm"
    machine.wall -= off
    assert await machine.told("clock") == "good"


async def test_a_clock_that_was_rightly_set_is_confirmed_or_seen_by_a_witness(
    machine: Machine,
) -> None:
    machine.wall += HOUR
    assert await machine.told("clock") == "alarm"
    await machine.time.confirm(machine.broker, OWNER, "by the radio clock in the room")
    assert await machine.told("clock") == "good"
    machine.wall += HOUR
    assert await machine.told("clock") == "alarm"
    machine.time.compare([machine.wall - 9 * DAY, machine.wall])
    assert await machine.told("clock") == "good"


async def test_a_clock_that_was_wrong_from_the_start_is_told_by_a_witness(
    machine: Machine,
) -> None:
    machine.time.compare([machine.wall - HOUR])
    found = await machine.finding("clock")
    assert (found.state, found.seen.values["minutes"]) == ("alarm", 60)


async def test_a_certificate_that_ended_is_told_until_it_is_renewed(machine: Machine) -> None:
    assert await machine.told("certificates") == "good"
    machine.proxy.write_bytes(certificate(NOON - HOUR))
    assert await machine.told("certificates") == "alarm"
    machine.proxy.write_text("no certificate")
    assert await machine.told("certificates") == "alarm"
    machine.proxy.write_bytes(certificate(NOON + 90 * DAY))
    assert await machine.told("certificates") == "good"


async def test_the_newest_backup_is_known_by_what_its_command_noted(machine: Machine) -> None:
    assert await machine.told("backup") == "unknown"
    (machine.folder / LAST).write_text('{"at": "2030-06-01T11:00:00Z"}')
    assert await machine.told("backup") == "good"
    await machine.goes_on(3 * DAY)
    assert await machine.told("backup") == "warning"


async def test_since_tells_when_it_began(machine: Machine) -> None:
    await machine.goes_on()
    machine.proxy.write_bytes(certificate(NOON - HOUR))
    began = (await machine.finding("certificates")).since
    await machine.goes_on(DAY)
    assert (await machine.finding("certificates")).since == began


async def test_an_undeclared_call_is_told_with_its_host(machine: Machine) -> None:
    allowed = outgoing.declared(outgoing.Settings(("hooks.example",)))
    noting = outgoing.Allowed(allowed.host, allowed.address, machine.noted.refuse)
    with pytest.raises(Denied):
        await outgoing.checked(noting, "home.vendor.example", 443)
    assert await machine.told("flows") == "warning"
    assert "home.vendor.example" in {one.subject for one in machine.rounds.findings}
    await machine.goes_on(DAY)
    assert await machine.told("flows") == "good"


async def test_a_room_that_fails_is_told_for_a_while(machine: Machine) -> None:
    machine.noted.fail("vision")
    assert await machine.told("rooms") == "alarm"
    await machine.goes_on(HOUR)
    assert await machine.told("rooms") == "good"


async def test_devices_that_tell_nothing_are_told_with_their_last_time(machine: Machine) -> None:
    for name, at in (("old", NOON - 2 * DAY), ("fresh", NOON)):
        level = Attribute(0.5, observed_at=at)
        bin = Entity(
            f"urn:ngsi-ld:WasteContainer:{name}",
            ("WasteContainer",),
            {"fillingLevel": (level,), "refDevice": (relationship(f"urn:ngsi-ld:Device:{name}"),)},
        )
        await machine.broker.apply([Change("create", bin)], ENGINEER, WHY)
    await declared(machine)
    while await machine.told("devices") == "unknown":
        """The slow look ends behind the round that began it."""
    assert machine.rounds.states()["devices"] == "warning"
    silent = [one for one in machine.rounds.findings if one.check == "devices"]
    assert {one.subject: one.since for one in silent if one.subject} == {
        "urn:ngsi-ld:Device:old": NOON - 2 * DAY,
        device.device_id("lora", "never"): NOON - 3 * DAY,
    }
    assert [one.seen.values["number"] for one in silent if not one.subject] == [1]


async def declared(machine: Machine) -> None:
    """One that was accepted and never heard, one that was refused, one that waits."""
    ids = [device.device_id("lora", name) for name in ("never", "refused", "waits")]
    told = Acceptance("level", "urn:ngsi-ld:Bin:1", "Town", "operations", (13.5, 52.4))
    accepted = [device.accepted(id, told, ENGINEER.id, NOON - 3 * DAY) for id in ids[:2]]
    made = [*accepted, device.undeclared("lora", "waits", NOON)]
    changes = [Change("create", one) for one in made]
    await machine.broker.apply(changes, ROOM, WHY)
    await machine.broker.apply([Change("merge", device.refused(ids[1], "gone"))], ROOM, WHY)


async def test_ways_in_that_are_cut_and_devices_that_flood_are_named(machine: Machine) -> None:
    told = [
        Entity(f"urn:s:{type}:{name}", (type,), {attribute: (Attribute(value),)})
        for type, name, attribute, value in (
            ("DeviceStatus", "lora:7", "quarantined", True),
            ("DeviceStatus", "lora:8", "quarantined", False),
            ("DeviceSource", "lora", "connected", False),
            ("DeviceSource", "waste", "connected", True),
        )
    ]
    await machine.broker.apply([Change("create", one) for one in told], ROOM, WHY)
    found = await ways(machine.broker)
    assert (found.floods, found.cut) == (["lora:7"], ["lora"])


async def test_where_the_rounds_stop_nothing_is_good(machine: Machine) -> None:
    await machine.goes_on()
    machine.rounds._ended -= STOPPED_S
    assert set(machine.rounds.states().values()) == {"unknown"}


@pytest.mark.parametrize(
    "error", [Unavailable("busy"), OSError("gone"), sqlite3.DatabaseError("malformed")]
)
async def test_a_fact_that_cannot_be_had_is_unknown(error: Exception) -> None:
    async def look() -> int:
        raise error

    assert await known(look()) is None


def test_a_damaged_database_is_found(tmp_path: Path) -> None:
    file = tmp_path / "town.db"
    with sqlite3.connect(file) as db:
        db.execute("create table t (a text)")
        db.execute("create index i on t (a)")
        db.executemany("insert into t values (?)", [(str(n) * 50,) for n in range(2000)])
    db.close()
    assert of_file(file).trouble == ""
    content = bytearray(file.read_bytes())
    content[8192:16384] = b"\x55" * 8192
    file.write_bytes(content)
    assert of_file(file).trouble != ""


def test_a_town_that_is_off_is_looked_at_too(tmp_path: Path) -> None:
    facts = of_a_town_that_is_off(app.Settings(), app.Place(tmp_path, tmp_path, 8400))
    assert facts.disk is not None
    assert (facts.clock, facts.cameras, facts.log) == (None, None, None)


# --- for Prometheus


@asynccontextmanager
async def scraped(machine: Machine) -> AsyncIterator[httpx.AsyncClient]:
    health = Health(machine.broker, machine.notary, machine.rounds.states)
    transport = httpx.ASGITransport(app=Starlette(routes=health.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
        yield http


async def test_each_check_is_a_metric_and_has_an_alert_rule(machine: Machine) -> None:
    machine.proxy.write_bytes(certificate(NOON - HOUR))
    await machine.goes_on()
    async with scraped(machine) as http:
        told = (await http.get("/metrics")).text
    values = dict(re.findall(r'^townsquare_check_state\{check="(\w+)"\} (\S+)$', told, re.M))
    assert values.keys() == TITLES.keys()
    assert (values["certificates"], values["disk"]) == ("2.0", "0.0")
    ruled = re.findall(r'check="(\w+)"', RULES.read_text())
    assert sorted(ruled) == sorted(TITLES)


async def test_rules_are_about_metrics_that_are_there(machine: Machine) -> None:
    async with scraped(machine) as http:
        there = set(re.findall(r"^# TYPE (\w+)", (await http.get("/metrics")).text, re.M))
    text = RULES.read_text()
    assert set(re.findall(r"\btownsquare_\w+", text)) <= there
    assert text.count("- alert:") == text.count("expr:") == text.count("description:")


async def test_metrics_name_no_thing_that_a_check_is_about(machine: Machine) -> None:
    machine.noted.refuse("home.vendor.example")
    await machine.goes_on()
    async with scraped(machine) as http:
        assert "vendor" not in (await http.get("/metrics")).text
