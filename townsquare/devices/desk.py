"""Devices as engineers decide about them: accepted with what they are for, or refused.

Always holds: each decision is an entry of the log with who made it; a thing gets what it is told
from one device at a time for each kind of value.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from townsquare.context.broker import Broker
from townsquare.context.outgoing import Allowed
from townsquare.devices import device
from townsquare.devices.device import Acceptance
from townsquare.devices.intake import Intake
from townsquare.devices.kind import Unreadable, Value
from townsquare.devices.names import NAME
from townsquare.devices.run import Listening, listening
from townsquare.devices.settings import Settings
from townsquare.devices.types import DEVICE, OWNER, ROOM, WHY
from townsquare.devices.uplink import ADDRESS
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import Invalid, NotFound
from townsquare.trust import purposes
from townsquare.trust.policy import require

COLUMNS = ("source", "address", "kind", "thing", "owner", "purpose", "longitude", "latitude")
MOST_FILE = 4_000_000  # bytes
MOST_ROWS = 20_000
AT_ONCE = 500  # changes in one transaction


class Wrong(Struct, frozen=True):
    """A line of a file, from 1, and what is wrong in it."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Desk:
    broker: Broker
    listening: Listening

    @property
    def intake(self) -> Intake:
        return self.listening.intake

    async def accept(self, id: str, told: Acceptance, by: Actor, why: Why) -> Entity:
        """Known or not yet heard of. Raises Denied, Invalid or NotFound."""
        require(self.broker.grant(by.through(OWNER), why, "write", DEVICE))
        if wrong := self._wrong(id, told):
            raise Invalid(wrong)
        await self._write([(id, told)], by, why)
        return await self.of(id)

    async def refuse(self, id: str, because: str, by: Actor, why: Why) -> Entity:
        """Raises Denied or NotFound."""
        require(self.broker.grant(by.through(OWNER), why, "write", DEVICE))
        await self.of(id)
        change = Change("merge", device.refused(id, because))
        await self.broker.apply([change], by.through(OWNER), why)
        self.intake.learn(device.known(found := await self.of(id)))
        return found

    async def accept_file(self, text: str, by: Actor, why: Why) -> tuple[int, Sequence[Wrong]]:
        """A CSV with COLUMNS: how many devices were accepted, or all that is wrong, and then none.
        Where the store fails on the way, the same file goes on. Raises Denied, Invalid or
        Unavailable.
        """
        require(self.broker.grant(by.through(OWNER), why, "write", DEVICE))
        rows, wrong = self._rows(text)
        if wrong:
            return 0, wrong
        for at in range(0, len(rows), AT_ONCE):
            await self._write(rows[at : at + AT_ONCE], by, why)
        return len(rows), []

    def readings(self, source: str, address: str) -> dict[str, dict[str, Value]]:
        """What the last message of one that waits would mean, by the kinds that can read it."""
        count = self.intake.tally.devices.get((source, address))
        if count is None or count.last is None:
            return {}
        found: dict[str, dict[str, Value]] = {}
        for name, kind in self.intake.kinds.items():
            with suppress(Unreadable):
                if values := kind.read(*count.last):
                    found[name] = values
        return found

    async def of(self, id: str) -> Entity:
        """Raises NotFound."""
        kept = await self.broker.read(id, ROOM, WHY)
        if DEVICE not in kept.types:
            raise NotFound(f"{id[:120]} is no device")
        return kept

    async def _write(self, rows: Sequence[tuple[str, Acceptance]], by: Actor, why: Why) -> None:
        now = self.broker.clock()
        made = [device.accepted(id, told, by.id, now) for id, told in rows]
        changes = [Change("merge", one, upsert=True) for one in made]
        await self.broker.apply(changes, by.through(OWNER), why)
        for one in made:
            self.intake.learn(device.known(one))

    def _wrong(self, id: str, told: Acceptance) -> str:
        """Empty where it can be accepted so."""
        _, _, rest = id.partition(f":{DEVICE}:")
        source, _, address = rest.partition(":")
        if source not in self.listening.sources:
            known = ", ".join(sorted(self.listening.sources)) or "none: write [[devices.mqtt]]"
            return f"{source[:60]!r} is no way in; there are {known}"
        if not ADDRESS.fullmatch(address):
            return f"{address[:80]!r} is no id of a device, such as 24e124713d350000"
        if told.kind not in self.intake.kinds:
            known = ", ".join(sorted(self.intake.kinds))
            return f"kind {told.kind!r} is unknown; there are {known}"
        if refused := purposes.refused(self.broker.policy.purposes, told.purpose):
            return refused
        if (other := self.intake.feeding(told.thing, told.kind)) not in ("", id):
            return f"{other} tells {told.thing} the same already; refuse that one first"
        type = told.thing.split(":")[2]
        grant = self.broker.grant(ROOM, WHY, "write", type)
        return "" if grant.allowed else f"devices tell nothing to a {type}: {grant.reason}"

    def _rows(self, text: str) -> tuple[list[tuple[str, Acceptance]], list[Wrong]]:
        """Raises Invalid for what is no such file."""
        reader = csv.DictReader(io.StringIO(text))
        if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
            raise Invalid(f"the first line must name {', '.join(COLUMNS)}; {missing[0]} is missing")
        rows, wrong = list[tuple[str, Acceptance]](), list[Wrong]()
        seen: dict[object, int] = {}  # lines, by device and by what it tells
        for row in reader:
            line = reader.line_num
            if len(rows) + len(wrong) >= MOST_ROWS:
                raise Invalid(f"a file has {MOST_ROWS} devices at most; make two of it")
            try:
                id, told = _row(row, self.listening.settings)
            except Invalid as error:
                wrong.append(Wrong(line, str(error)))
                continue
            keys = (id, (told.thing, told.kind))
            if known := [seen[key] for key in keys if key in seen]:
                wrong.append(Wrong(line, f"line {known[0]} has this device, or its thing, already"))
            elif why := self._wrong(id, told):
                wrong.append(Wrong(line, why))
            else:
                rows.append((id, told))
            seen.update(dict.fromkeys(keys, line))
        return rows, wrong


def opened(
    broker: Broker, settings: Settings, allowed: Allowed, reveal: Callable[[str], str]
) -> Desk:
    return Desk(broker, listening(broker, settings, allowed, reveal))


def _row(row: Mapping[str, Any], settings: Settings) -> tuple[str, Acceptance]:
    """Raises Invalid."""
    cells = {name: (row.get(name) or "").strip() for name in (*COLUMNS, "name")}
    if not NAME.fullmatch(cells["source"]) or not ADDRESS.fullmatch(cells["address"]):
        raise Invalid(
            "source and address must name a device, such as city-lora and 24e124713d350000"
        )
    try:
        place = float(cells["longitude"]), float(cells["latitude"])
    except ValueError as error:
        raise Invalid("longitude and latitude are degrees, such as 13.405 and 52.52") from error
    told: dict[str, Json] = {n: cells[n] for n in ("kind", "thing", "owner", "purpose", "name")}
    try:
        made = msgspec.convert({**told, "place": place}, Acceptance)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error
    address = settings.address(cells["source"], cells["address"])
    return device.device_id(cells["source"], address), made
