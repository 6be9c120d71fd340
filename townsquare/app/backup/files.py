"""Files on their way into a backup and out of it: whole, digested, on the disk.

Always holds: a name is given to what is complete and on the disk, so a killed command leaves at
most a folder whose name begins with a dot, which the next one takes away.
"""

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from townsquare.app.backup.manifest import NAME, File
from townsquare.model.errors import AlreadyExists, CannotStart, Invalid, Unavailable
from townsquare.vision.sealed.durable import settled

CHUNK = 2**20
ARCHIVE = ".tar"


@contextmanager
def made_beside(target: Path) -> Iterator[Path]:
    """A new folder beside the target, gone afterwards unless it was renamed. Raises CannotStart,
    Unavailable where the disk is full.
    """
    unfinished = target.absolute().with_name(f".{target.name}.making")
    try:
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
    except OSError as error:
        raise CannotStart(f"cannot write to {target.parent}: {error.strerror}") from error
    try:
        yield unfinished
    except OSError as error:
        raise Unavailable(
            f"{target} could not be written: {error}; nothing was left there"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def require_absent(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise AlreadyExists(f"{target} is there already and stays as it is; name a new one")


def require_room(folder: Path, needed: int, what: str) -> None:
    """Raises Unavailable. A twentieth more, since the town goes on meanwhile."""
    there = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(there).free
    if free < needed * 21 // 20:
        raise Unavailable(
            f"{what} needs about {needed // 10**6 + 1} MB, and the disk of {folder} has"
            f" {free // 10**6} MB; name another place"
        )


def copied(source: Path, into: Path) -> None:
    """Of a folder that is being written to; what is gone meanwhile, or has no name yet, is not
    missed.
    """
    for file in sorted(source.rglob("*")) if source.is_dir() else ():
        there = into / file.relative_to(source)
        if file.is_file() and not file.name.startswith("."):
            there.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copyfile(file, there)
            except FileNotFoundError:
                there.unlink(missing_ok=True)


def digested(folder: Path) -> Iterator[File]:
    """Each file below, which is on the disk then."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield File(file.relative_to(folder).as_posix(), file.stat().st_size, _digest(file))


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
        os.fsync(opened.fileno())
    return found


def named(unfinished: Path, target: Path) -> None:
    """Gives it its name, for a folder or for one file with all of it."""
    if target.suffix == ARCHIVE:
        archive = unfinished.with_suffix(ARCHIVE)
        archive.unlink(missing_ok=True)
        try:
            _packed(unfinished, archive)
            archive.replace(target)
        finally:
            archive.unlink(missing_ok=True)
    else:
        unfinished.rename(target)
    settled(target.absolute().parent)


def _packed(folder: Path, archive: Path) -> None:
    """Each file goes when it is in, so that it needs little room beside."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    files.sort(key=lambda file: file.name != NAME)
    with _private(archive) as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for file in files:
                tar.add(file, file.relative_to(folder).as_posix(), recursive=False)
                file.unlink()
        out.flush()
        os.fsync(out.fileno())


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


@contextmanager
def unpacked(backup: Path) -> Iterator[tuple[bytes, Callable[[File, Path], None]]]:
    """Its manifest, and how one of its files is taken out to a place, checked. Raises Invalid."""
    try:
        if backup.is_dir():
            yield (
                (backup / NAME).read_bytes(),
                lambda file, to: _checked(_parts(backup / file.path), file, to),
            )
        else:
            with tarfile.open(backup, "r:") as tar:
                yield (
                    b"".join(_member(tar, NAME)),
                    lambda file, to: _checked(_member(tar, file.path), file, to),
                )
    except tarfile.TarError as error:
        raise Invalid(f"{backup} is no backup of a town: {error}") from error
    except OSError as error:
        raise Invalid(f"{backup} is no backup of a town, or cannot be read: {error}") from error


def _member(tar: tarfile.TarFile, name: str) -> Iterator[bytes]:
    try:
        opened = tar.extractfile(name)
    except KeyError:
        opened = None
    if opened is None:
        raise Invalid(f"{name} is missing from the backup")
    while part := opened.read(CHUNK):
        yield part


def _parts(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while part := file.read(CHUNK):
                yield part
    except FileNotFoundError as error:
        raise Invalid(f"{path} is missing from the backup") from error


def _checked(parts: Iterable[bytes], file: File, to: Path) -> None:
    digest = hashlib.sha256()
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _private(to) as out:
        for part in parts:
            digest.update(part)
            out.write(part)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != file.sha256:
        raise Invalid(f"{file.path} is not as it was when the backup was made; take another backup")
