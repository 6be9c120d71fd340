"""A backup of a town: its database, its log, old days of history, its settings.

Always holds: what goes in is named here, and nothing else does: no secret, no footage, and no key
of an hour, so that what has ended stays ended when a backup is brought back.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from townsquare import __version__
from townsquare.app.backup import files
from townsquare.app.backup.manifest import NAME, LogState, Manifest, written
from townsquare.app.settings import Settings, Store
from townsquare.store import copies
from townsquare.store.copied import State
from townsquare.trust import secret

Told = Callable[[str, int, int], None]  # what is being done, how much of how much
LOG, SETTINGS, POLICIES = "log", "settings", "policies"
HEADS = ("key", "witnesses", "checkpoint", "signed")
LAST = "last-backup.json"  # in the data folder: when, where to, how large


def backup(settings: Settings, file: Path, data: Path, target: Path, told: Told) -> Manifest:
    """`file` holds the settings, if it is there. Raises AlreadyExists, CannotStart, Invalid,
    Unavailable; then there is no target.
    """
    files.require_absent(target)
    files.require_room(target.parent, copies.size(settings.store.url, data), "the backup")
    with files.made_beside(target) as folder:
        # The log first: a folder that knows of more than its database is one that was put back.
        take_log(data / LOG, folder / LOG)
        made_at = datetime.now(UTC)
        state = asyncio.run(_copied(settings.store, data, folder, told))
        name = take_settings(file, folder / SETTINGS)
        manifest = _described(folder, made_at, settings.store.url, name, state)
        (folder / NAME).write_bytes(written(manifest))
        files.named(folder, target)
    _note(data, target, manifest)
    return manifest


async def _copied(store: Store, data: Path, folder: Path, told: Told) -> State:
    password = secret.resolve(store.password, data) if store.password else ""
    return await copies.taken(
        store.url, data, password, folder, lambda done, total: told("database", done, total)
    )


def _described(folder: Path, made_at: datetime, url: str, name: str, state: State) -> Manifest:
    return Manifest(
        townsquare=__version__,
        made_at=made_at,
        store=state.store,
        url=url,
        schema=state.schema,
        rows=state.rows,
        log=LogState(state.entries, state.checkpoint),
        settings=name,
        files=tuple(files.digested(folder)),
    )


def take_log(log: Path, into: Path) -> None:
    """What was signed comes before the tree, which only grows: so the tree has all of it."""
    for name in HEADS:
        if (log / name).is_file():
            into.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log / name, into / name)
    files.copied(log / "checkpoints", into / "checkpoints")
    files.copied(log / "tile", into / "tile")


def take_settings(file: Path, into: Path) -> str:
    """The name of their file; "" where a town runs without any."""
    if not file.is_file():
        return ""
    into.mkdir()
    shutil.copyfile(file, into / file.name)
    files.copied(file.parent / POLICIES, into / POLICIES)
    return file.name


def _note(data: Path, target: Path, manifest: Manifest) -> None:
    """For who asks how old the last backup is."""
    note = {"at": manifest.made_at, "target": str(target.absolute()), "bytes": manifest.bytes}
    unfinished = data / f".{LAST}.{os.getpid()}"
    unfinished.write_bytes(msgspec.json.encode(note) + b"\n")
    unfinished.replace(data / LAST)
