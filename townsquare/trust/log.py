"""The log as others can check it: its tree, grown from the store's entries, and signed checkpoints.

    DATA/log/tile/…            the tree (tiles.py)
    DATA/log/signed            the last checkpoint that was signed; written before it is shown
    DATA/log/checkpoint        the last one that is published, with its cosignatures
    DATA/log/checkpoints/DAY   the last one of each day
    DATA/log/key, witnesses    verifier keys, so that a copy of the folder says whose it is

Always holds: what was signed is a prefix of what is there. A checkpoint is noted in the store
before it is written here and shown last, so a store, or a folder, that was put back to an earlier
state knows of less than the other, and `open` finds it.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from townsquare.model.errors import TownsquareError
from townsquare.store import Job, Row, Store, Writes
from townsquare.store import Key as RowKey
from townsquare.trust import audit, tlog
from townsquare.trust.note import Checkpoint, Key, Signer, checkpoint
from townsquare.trust.tiles import Tiles, Torn

AT_ONCE = 4096  # entries
LATEST = 10_000  # entries that are compared when it is opened; `log verify` compares all
NOTED = RowKey("", "private", "log:signed")


class Broken(TownsquareError):
    """What is there is not what was signed. Nobody may be let in on the word of such a log."""


class Log:
    def __init__(
        self, folder: Path, signer: Signer, store: Store, clock: Callable[[], datetime]
    ) -> None:
        self.folder = folder
        self.key = signer.key
        self.tiles = Tiles(folder)
        self.signed: Checkpoint | None = None
        self.note = ""  # what was signed last
        self.signed_at: datetime | None = None
        self.published = ""  # the latest for everyone, with cosignatures
        self._signer = signer
        self._store = store
        self._clock = clock

    async def open(self) -> None:
        """Takes up the log where it was signed last. Raises Broken where it is not as it was."""
        here, noted = self._of(_read(self.folder / "signed")), self._of(await self._noted())
        entries = await self._store.log_size()
        known = max(here.size, noted.size)
        if known > entries:
            raise Broken(
                f"a log of {known} entries was signed and the store has {entries}: it was put back"
                " to an earlier state, or entries were deleted"
            )
        if here.size > noted.size:
            raise Broken(
                f"the store knows of {noted.size} signed entries and {self.folder} of {here.size}:"
                " the store was put back to an earlier state"
            )
        await self._load(noted)
        self.published = _read(self.folder / "checkpoint")
        await asyncio.to_thread(_write, self.folder / "key", f"{self.key}\n")
        await self._compare(known)
        self.signed, self.note = (noted, await self._noted()) if noted.size else (None, "")
        self.signed_at = _written(self.folder / "signed") if here.size else None

    async def follow(self) -> None:
        """Up to the last entry that is committed."""
        while entries := await self._store.log(self.tiles.size, AT_ONCE):
            await asyncio.to_thread(self.tiles.append, [e.commitment for e in entries])

    async def sign(self) -> None:
        """A checkpoint of the tree as it is. `note` may be shown when this returns."""
        size = self.tiles.size
        note = self._signer.note(tlog.root(size, self.tiles.hashes), size)
        await asyncio.to_thread(self.tiles.keep)
        row, now = Row(NOTED, size, note.encode()), self._clock()
        job = Job(now, "", (NOTED,), lambda _: Writes(put=[row]))
        await self._store.commit(job)
        await asyncio.to_thread(_write, self.folder / "signed", note)
        self.signed, self.note, self.signed_at = self._of(note), note, now

    async def name(self, witnesses: Iterable[Key]) -> None:
        """The witnesses that are asked, for those who verify a copy."""
        text = "".join(f"{witness}\n" for witness in witnesses)
        await asyncio.to_thread(_write, self.folder / "witnesses", text)

    async def publish(self, note: str) -> None:
        """The note with the cosignatures that it has got."""
        day = f"{self._clock():%Y-%m-%d}"
        for path in (self.folder / "checkpoints" / day, self.folder / "checkpoint"):
            await asyncio.to_thread(_write, path, note)
        self.published = note

    def consistency(self, old: int, new: int) -> list[bytes]:
        return tlog.consistency(old, new, self.tiles.hashes)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return tlog.inclusion(index, size, self.tiles.hashes)

    def _of(self, note: str) -> Checkpoint:
        """What we signed. Raises Broken where it was somebody else."""
        if not note:
            return Checkpoint(self.key.name, 0, tlog.EMPTY)
        found = checkpoint(note, self.key)
        if found is None:
            raise Broken(f"the last checkpoint was not signed by the key of this log, {self.key}")
        return found

    async def _noted(self) -> str:
        row = await self._store.get(NOTED)
        return row.body.decode() if row else ""

    async def _load(self, signed: Checkpoint) -> None:
        try:
            self.tiles.load(signed.size)
            fits = tlog.root(signed.size, self.tiles.hashes) == signed.root
        except Torn:
            fits = False
        if not fits:
            await self._rebuild(signed)

    async def _rebuild(self, signed: Checkpoint) -> None:
        """Files that are lost or damaged, from the store, where that still has what was signed."""
        beside = self.folder / "rebuilt"
        await asyncio.to_thread(shutil.rmtree, beside, ignore_errors=True)
        self.tiles = Tiles(beside)
        while (size := self.tiles.size) < signed.size:
            entries = await self._store.log(size, min(AT_ONCE, signed.size - size))
            await asyncio.to_thread(self.tiles.append, [e.commitment for e in entries])
        if tlog.root(signed.size, self.tiles.hashes) != signed.root:
            raise Broken(
                f"among the {signed.size} entries that were signed are others than those in the"
                " store: `townsquare log verify` names the first"
            )
        await asyncio.to_thread(self.tiles.keep)
        self.tiles.move(self.folder)

    async def _compare(self, size: int) -> None:
        start = max(0, size - LATEST)
        kept = await asyncio.to_thread(self.tiles.commitments, start, size)
        found = await self._store.log(start, size - start)
        if len(found) != len(kept):
            raise Broken(f"entries are missing from the log behind number {start}")
        for index, (entry, commitment) in enumerate(zip(found, kept, strict=True), start):
            whole = not entry.record or audit.commitment(entry.salt, entry.record) == commitment
            if entry.commitment != commitment or not whole:
                raise Broken(f"entry {index} of the log is not the one that was signed")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    with unfinished.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
