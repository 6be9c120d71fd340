"""A backup brought back into an empty folder, in which a town can be started.

Always holds: nothing gets the folder's name before every file is what it was when the backup was
made; a folder, or a database, with something in it stays as it is.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from townsquare.app.backup import files, safe
from townsquare.app.backup.making import SETTINGS
from townsquare.app.backup.manifest import NAME, Manifest, read, require_schema
from townsquare.app.settings import Store, load
from townsquare.model.errors import AlreadyExists, Invalid
from townsquare.store import copies
from townsquare.trust import secret
from townsquare.vision.sealed.durable import settled

Told = Callable[[str, int, int], None]
INSIDE = "restored"


def restore(
    backup: Path,
    folder: Path,
    told: Told,
    secrets: tuple[Path, Path] | None = None,
    settings: Path | None = None,
) -> Manifest:
    """`secrets` are the file that is sealed and the key that opens it. `settings` name the server
    that a database of a server goes to, where it is not that of before. Raises AlreadyExists,
    CannotStart, Conflict, Invalid, Unavailable.
    """
    _require_empty(folder)
    # A folder that is there already may be a disk of its own, or another account's: it stays.
    place = folder / INSIDE if folder.exists() else folder
    with files.unpacked(backup) as (text, take), files.made_beside(place) as unfinished:
        manifest = read(text, str(backup))
        require_schema(manifest, str(backup))
        files.require_room(place.parent, manifest.bytes, "what is restored")
        for done, file in enumerate(manifest.files):
            told("files", done, len(manifest.files))
            take(file, unfinished / file.path)
        told("files", len(manifest.files), len(manifest.files))
        if secrets:
            safe.bring_back(*secrets, unfinished)
        if manifest.store == copies.POSTGRESQL:
            asyncio.run(_put_back(manifest, unfinished, settings))
        (unfinished / NAME).write_bytes(text)
        _name(unfinished, folder)
    settled(place.absolute().parent)
    return manifest


def _name(unfinished: Path, folder: Path) -> None:
    """The database last: what has none is no town."""
    if not folder.exists():
        unfinished.rename(folder)
        return
    for one in sorted(unfinished.iterdir(), key=lambda one: one.suffix == ".db"):
        one.rename(folder / one.name)


def _require_empty(folder: Path) -> None:
    """But for what a restore that was killed has left."""
    if not folder.exists():
        return
    left = f".{INSIDE}.making"
    if not folder.is_dir() or any(one.name != left for one in folder.iterdir()):
        raise AlreadyExists(f"{folder} is not empty and stays as it is; name an empty folder")


async def _put_back(manifest: Manifest, unfinished: Path, settings: Path | None) -> None:
    store = _store(manifest, unfinished, settings)
    password = secret.resolve(store.password, unfinished) if store.password else ""
    await copies.put_back(store.url, password, unfinished)


def _store(manifest: Manifest, unfinished: Path, settings: Path | None) -> Store:
    kept = unfinished / SETTINGS / manifest.settings if manifest.settings else None
    if settings is None and kept is None:
        return Store(manifest.url)
    store = load(settings or kept or Path()).store
    if copies.kind(store.url) != manifest.store:
        raise Invalid(
            f"the backup is of {manifest.store} and [store] url is {store.url!r}; a town changes"
            " its database by townsquare export and import"
        )
    return store
