"""An export: everything that a town has, in open formats, while it runs or not.

Always holds: all of the database is of one moment; no secret is in it.
"""

import asyncio
import csv
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from townsquare import __version__
from townsquare.app.backup import files
from townsquare.app.backup.making import LOG, SETTINGS, take_log, take_settings
from townsquare.app.exit.lines import COLUMNS, cells, line
from townsquare.app.exit.manifest import (
    ENTITIES,
    EXACT,
    KEPT,
    NAME,
    OPEN_KINDS,
    PAST,
    README,
    Export,
    folder_of,
)
from townsquare.app.settings import Settings, Store
from townsquare.context.opaque import KEY as NAMES  # with it instances keep their names
from townsquare.model.entity import Entity
from townsquare.store import Row, copies
from townsquare.store.copied import Whole
from townsquare.trust import secret
from townsquare.vision.sealed.durable import settled

Told = Callable[[str, int, int], None]


def export(settings: Settings, file: Path, data: Path, target: Path, told: Told) -> Export:
    """Raises AlreadyExists, CannotStart, Conflict, Invalid or Unavailable, and makes no target."""
    files.require_absent(target)
    with files.made_beside(target) as folder:
        take_log(data / LOG, folder / LOG)
        made_at = datetime.now(UTC)
        entities, instances, entries = asyncio.run(_read(settings.store, data, folder, told))
        take_settings(file, folder / SETTINGS)
        text = resources.files(__package__).joinpath("readme.txt").read_text()
        (folder / README).write_text(text)
        found = tuple(files.digested(folder))
        made = Export(__version__, made_at, entities, instances, entries, found)
        (folder / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2))
        folder.rename(target)
    settled(target.absolute().parent)
    return made


async def _read(store: Store, data: Path, folder: Path, told: Told) -> tuple[int, int, int]:
    password = secret.resolve(store.password, data) if store.password else ""
    async with copies.whole(store.url, data, password) as whole:
        with Lines(folder) as lines:
            entities = await _rows(whole, lines, told)
            instances = await _past(whole, lines, told)
            entries = await _entries(whole, lines, told)
    return entities, instances, entries


class Lines:
    """Files that are begun when something goes into them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[tuple[str, str], BinaryIO] = {}
        self._past: dict[str, Any] = {}
        self._ending = ExitStack()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *why: object) -> None:
        self._ending.close()

    def add(self, folder: str, name: str, text: bytes) -> None:
        if (folder, name) not in self._open:
            path = self._path(folder, name)
            self._open[folder, name] = self._ending.enter_context(path.open("wb"))
        self._open[folder, name].write(text + b"\n")

    def past(self, folder: str, row: tuple[str, ...]) -> None:
        if folder not in self._past:
            path = self._path(folder, PAST)
            file = self._ending.enter_context(path.open("w", encoding="utf-8", newline=""))
            self._past[folder] = csv.writer(file)
            self._past[folder].writerow(COLUMNS)
        self._past[folder].writerow(row)

    def _path(self, folder: str, name: str) -> Path:
        (self._folder / folder).mkdir(exist_ok=True)
        return self._folder / folder / name


async def _rows(whole: Whole, lines: Lines, told: Told) -> int:
    number = 0
    async for row in whole.rows():
        folder = folder_of(row.key.tenant)
        if row.key.kind == "context":
            number += 1
            told("entities", number, 0)
            entity = msgspec.json.decode(row.body, type=Entity)
            text = line(entity)
            lines.add(folder, ENTITIES if text else EXACT, text or msgspec.json.encode(entity))
        elif row.key.kind in OPEN_KINDS or row.key == NAMES:
            lines.add(folder, KEPT, _kept(row))
    return number


def _kept(row: Row) -> bytes:
    body = row.body.decode() if row.key == NAMES else msgspec.Raw(row.body)
    return msgspec.json.encode({"kind": row.key.kind, "id": row.key.id, "body": body})


async def _past(whole: Whole, lines: Lines, told: Told) -> int:
    number = 0
    async for tenant, one in whole.instances():
        number += 1
        told("history", number, 0)
        lines.past(folder_of(tenant), cells(one))
    return number


async def _entries(whole: Whole, lines: Lines, told: Told) -> int:
    number = 0
    async for entry in whole.log():
        kept = {
            "index": number,
            "salt": entry.salt,
            "record": entry.record.decode(),
            "commitment": entry.commitment,
        }
        lines.add(LOG, "entries.jsonl", msgspec.json.encode(kept))
        number += 1
        told("log", number, 0)
    return number
