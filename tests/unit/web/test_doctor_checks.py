"""What each check says of facts, by tables that can be read."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from townsquare.web.doctor import machine, work
from townsquare.web.doctor.facts import (
    Backup,
    CameraSeen,
    Certificate,
    Clock,
    Database,
    Devices,
    Disk,
    Facts,
    Failing,
    Flows,
    LogSeen,
    Model,
    Ways,
)
from townsquare.web.doctor.finding import NOTHING, TITLES, Finding, State, by_check, worst
from townsquare.web.doctor.rounds import checked, since

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
GB = 1_000_000_000
BLANK = Facts(NOON)
WELL = Facts(
    NOON,
    Disk(50 * GB, 100 * GB, GB // 2),
    Clock(timedelta()),
    [Certificate("proxy", NOON - DAY, NOON + 60 * DAY)],
    [CameraSeen("square", "working", NOON, "partial")],
    Devices(3, {}),
    Ways(),
    [Model("nanodet")],
    Backup(NOON - HOUR),
    Flows(["hooks.example"]),
    Database("SQLite", GB),
    LogSeen("", timedelta(), ""),
    {"alerts": SECOND},
    [],
)
Check = Callable[[Facts], Iterable[Finding]]


def disk(free: int, total: int = 100 * GB, floor: int = GB) -> Facts:
    return replace(BLANK, disk=Disk(free, total, floor))


def clock(off: timedelta, behind: str = "", ahead: str = "") -> Facts:
    return replace(BLANK, clock=Clock(off, behind, ahead))


def certificate(begins: timedelta, ends: timedelta) -> Facts:
    return replace(BLANK, certificates=[Certificate("proxy", NOON + begins, NOON + ends)])


def unread() -> Facts:
    return replace(BLANK, certificates=[Certificate("proxy", trouble="no such file")])


def backup(age: timedelta) -> Facts:
    return replace(BLANK, backup=Backup(NOON - age))


def database(wal: int = 0, trouble: str = "", whole: bool = True) -> Facts:
    return replace(BLANK, database=Database("SQLite", GB, wal, trouble, whole))


def log(trouble: str = "", unsigned: timedelta = timedelta(), watched: str = "") -> Facts:
    return replace(BLANK, log=LogSeen(trouble, unsigned, watched))


def camera(status: str, sandbox: str = "") -> Facts:
    return replace(BLANK, cameras=[CameraSeen("square", status, NOON, sandbox)])


@pytest.mark.parametrize(
    ("check", "facts", "state"),
    [
        (machine.disk, disk(50 * GB), "good"),
        (machine.disk, disk(4 * GB), "warning"),  # under 5 % of it
        (machine.disk, disk(19 * GB, floor=10 * GB), "warning"),  # under twice the floor
        (machine.disk, disk(GB - 1), "alarm"),
        (machine.disk, disk(0), "alarm"),
        (machine.clock, clock(30 * SECOND), "good"),
        (machine.clock, clock(-2 * 60 * SECOND), "warning"),
        (machine.clock, clock(HOUR), "alarm"),
        (machine.clock, clock(-HOUR), "alarm"),
        (machine.clock, clock(timedelta(), behind="it was later already"), "alarm"),
        (machine.clock, clock(timedelta(), ahead="for certain it is earlier"), "alarm"),
        (machine.certificates, certificate(-DAY, 31 * DAY), "good"),
        (machine.certificates, certificate(-DAY, 29 * DAY), "warning"),
        (machine.certificates, certificate(-DAY, 6 * DAY), "alarm"),
        (machine.certificates, certificate(-DAY, timedelta()), "alarm"),
        (machine.certificates, certificate(-DAY, -HOUR), "alarm"),
        (machine.certificates, certificate(HOUR, 90 * DAY), "alarm"),
        (machine.certificates, unread(), "alarm"),
        (machine.certificates, replace(BLANK, certificates=[]), "good"),
        (machine.backup, backup(HOUR), "good"),
        (machine.backup, backup(3 * DAY), "warning"),
        (machine.backup, backup(8 * DAY), "alarm"),
        (machine.backup, replace(BLANK, backup=Backup(None)), "unknown"),
        (machine.database, database(), "good"),
        (machine.database, database(whole=False), "good"),
        (machine.database, database(wal=2 * GB), "warning"),
        (machine.database, database(trouble="page 7 is never used"), "alarm"),
        (work.log, log(), "good"),
        (work.log, log(unsigned=10 * SECOND), "good"),
        (work.log, log(unsigned=HOUR), "alarm"),
        (work.log, log(trouble="it cannot be written"), "alarm"),
        (work.log, log(watched="Nobody watches."), "warning"),
        (work.cameras, camera("working"), "good"),
        (work.cameras, camera("starting"), "unknown"),
        (work.cameras, camera("failing"), "alarm"),
        (work.sandbox, camera("working", "partial"), "good"),
        (work.sandbox, camera("working", "none"), "warning"),
        (work.sandbox, camera("failing"), "unknown"),
        (work.models, replace(BLANK, models=[Model("nanodet")]), "good"),
        (work.models, replace(BLANK, models=[Model("nanodet", "other files")]), "alarm"),
        (work.devices, replace(BLANK, devices=Devices(0, {})), "good"),
        (work.devices, replace(BLANK, devices=Devices(2, {"urn:d": NOON - DAY})), "warning"),
        (work.devices, replace(BLANK, devices=Devices(2, {}, whole=False)), "unknown"),
        (work.devices, replace(BLANK, devices=Devices(2, {}, waiting=1)), "warning"),
        (work.devices, replace(BLANK, devices=Devices(2, {}), ways=Ways(["lora:7"])), "warning"),
        (work.devices, replace(BLANK, devices=Devices(2, {}), ways=Ways(cut=["lora"])), "alarm"),
        (work.flows, replace(BLANK, flows=Flows([])), "good"),
        (work.flows, replace(BLANK, flows=Flows([], {"evil.example": NOON})), "warning"),
        (work.alarms, replace(BLANK, lags={"alerts": SECOND}), "good"),
        (work.alarms, replace(BLANK, lags={"alerts": 11 * SECOND}), "alarm"),
        (work.alarms, replace(BLANK, lags={"relay": 11 * SECOND}), "warning"),
        (work.rooms, replace(BLANK, failing=[]), "good"),
        (work.rooms, replace(BLANK, failing=[Failing("vision", NOON)]), "alarm"),
    ],
)
def test_the_worst_that_a_check_says(check: Check, facts: Facts, state: State) -> None:
    assert worst(check(facts)) == state


def test_nothing_that_is_not_known_is_called_good() -> None:
    assert {one.state for one in checked(BLANK)} == {"unknown"}
    assert {one.check for one in checked(BLANK)} == TITLES.keys()


def test_a_town_that_is_well_is_good_in_all() -> None:
    found = by_check(checked(WELL))
    assert {name: worst(of) for name, of in found.items()} == dict.fromkeys(TITLES, "good")


def test_what_is_wrong_says_what_to_do_next() -> None:
    wrong = replace(
        WELL,
        disk=Disk(0, GB, GB),
        clock=Clock(HOUR),
        certificates=[Certificate("proxy", trouble="gone")],
        cameras=[CameraSeen("square", "failing", NOON, "none")],
        devices=Devices(1, {"urn:d": NOON - DAY}),
        models=[Model("nanodet", "gone")],
        backup=Backup(NOON - 9 * DAY),
        flows=Flows([], {"evil.example": NOON}),
        database=Database("SQLite", 0, trouble="broken"),
        log=LogSeen("broken", timedelta(), ""),
        lags={"alerts": HOUR},
        failing=[Failing("vision", NOON)],
    )
    told = [one for one in checked(wrong) if one.state in ("alarm", "warning")]
    assert {one.check for one in told} == TITLES.keys()
    assert [one.check for one in told if one.next == NOTHING or not one.next.told] == []


def test_no_sentence_has_an_open_place() -> None:
    assert "{" not in "".join(one.seen.told + one.next.told for one in checked(WELL))


def test_many_silent_devices_are_counted_and_not_listed_all() -> None:
    silent = {f"urn:d{n}": NOON - DAY for n in range(50)}
    found = list(work.devices(replace(BLANK, devices=Devices(50, silent))))
    assert len(found) == work.MOST_NAMED + 1
    assert "30" in found[-1].seen.told


def test_since_is_kept_while_the_state_is_the_same() -> None:
    low, lower = checked(disk(4 * GB)), checked(disk(3 * GB))
    first = since(low, {}, NOON)
    then = since(lower, {one.key: one for one in first}, NOON + HOUR)
    assert [one.since for one in then if one.check == "disk"] == [NOON]
    full = since(checked(disk(0)), {one.key: one for one in then}, NOON + DAY)
    assert [one.since for one in full if one.check == "disk"] == [NOON + DAY]
