"""A SQLite database and its files of sealed days, copied as they are at one moment.

The copy is read from one snapshot by a connection of its own: writers are never waited for. Until
it is done the write-ahead log cannot be folded in and grows by what is written meanwhile, so it
is given up where that leaves the disk of the database too little room.

Always holds: every file of history that the copy names lies beside it, also one that was replaced
and removed meanwhile: all have a second name in HELD for as long as it takes.
"""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from townsquare.model.errors import CannotStart, Conflict, Unavailable
from townsquare.store.copied import SQLITE, State, Told
from townsquare.store.sqlite import ARCHIVE
from townsquare.store.sqlite_schema import version

HELD = ".held-for-backup"
LOCK = ".backup.lock"
PAGES = 512  # in one step: 4 MiB, a few milliseconds
SYNC_BYTES = 64 * 2**20  # what is left for the disk to do at the end would stop writers
FLOOR_BYTES = 200 * 2**20
COUNTED = ("entity", "series", "history", "sealed", "log")
NOTED = "select body from entity where tenant = '' and kind = 'private' and id = 'log:signed'"


def size(database: Path) -> int:
    """Bytes, with its journal and its files. Raises CannotStart where there is none."""
    if not database.is_file():
        raise CannotStart(f"there is no database {database}; name the town's folder with --data")
    journal = database.with_name(f"{database.name}-wal")
    beside = database.parent / ARCHIVE
    files = [database, *([journal] if journal.exists() else []), *beside.rglob("*.parquet")]
    return sum(file.stat().st_size for file in files if file.exists())


def taken(database: Path, data: Path, into: Path, told: Told) -> State:
    """Raises CannotStart where there is no database, Conflict where another backup is being made,
    Unavailable where there is no room.
    """
    expected = size(database)
    copy = into / _below(database, data)
    copy.parent.mkdir(parents=True, exist_ok=True)
    archive = database.parent / ARCHIVE
    with alone(database.parent), closing(at_one_moment(database)) as db:
        names, state = _facts(db)
        with held(archive, names) as folder:
            _copy(db, database, copy, lambda done: told(done, expected))
            db.execute("rollback")
            for name in names:
                there = copy.parent / ARCHIVE / name
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / name, there)
    told(expected, expected)
    rows = dict(state.rows) | counted(copy)
    files = (copy.relative_to(into).as_posix(), *names)
    return State(SQLITE, state.schema, rows, rows["log"], state.checkpoint, files)


def counted(database: Path) -> dict[str, int]:
    """Rows of a copy, to which nobody writes."""
    with closing(sqlite3.connect(f"file:{quote(str(database))}?immutable=1", uri=True)) as db:
        return {
            table: int(db.execute(f"select count(*) from {table}").fetchone()[0])
            for table in COUNTED
        }


def copied_schema(database: Path) -> int:
    """Of a copy. Raises CannotStart for a file that is no database of a town."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database))}?immutable=1", uri=True)) as db:
            return version(db)
    except sqlite3.Error as error:
        raise CannotStart(f"{database} is no database of a town: {error}") from error


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One backup at a time: files of another would be taken for those that a killed one left."""
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(f"a backup of {folder} is being made already; wait for it") from error
        yield


def at_one_moment(database: Path) -> sqlite3.Connection:
    """Which sees the database as it is now, for as long as its transaction lasts."""
    # Who may write would also fold in and remove the journal of a town that has just ended.
    db = sqlite3.connect(
        f"file:{quote(str(database))}?mode=ro", uri=True, isolation_level=None, timeout=10
    )
    try:
        db.execute("begin")
        db.execute("select count(*) from sqlite_schema").fetchone()
    except sqlite3.Error as error:
        db.close()
        raise CannotStart(f"{database} cannot be read: {error}") from error
    return db


def _facts(db: sqlite3.Connection) -> tuple[list[str], State]:
    names = [name for (name,) in db.execute("select file from sealed")]
    noted = db.execute(NOTED).fetchone()
    return names, State(SQLITE, version(db), {}, 0, noted[0] if noted else "")


@contextmanager
def held(archive: Path, names: list[str]) -> Iterator[Path]:
    """A folder with a second name for each file, of which a file that is removed keeps one."""
    folder = archive.parent / HELD
    shutil.rmtree(folder, ignore_errors=True)  # of a backup that was killed
    folder.mkdir(mode=0o700)
    try:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _hold(archive / name, folder / name)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hold(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except FileNotFoundError as error:
        raise Unavailable(
            f"{file} is missing, which the database names; bring it back from an earlier backup"
        ) from error
    except OSError:  # a file system without second names
        shutil.copyfile(file, name)


def _copy(db: sqlite3.Connection, database: Path, copy: Path, told: Callable[[int], None]) -> None:
    with closing(sqlite3.connect(copy, isolation_level=None)) as target, copy.open("rb") as file:
        # It is no database yet, and gets its name when it is whole.
        target.executescript("pragma journal_mode=off; pragma synchronous=off;")
        page = db.execute("pragma page_size").fetchone()[0]
        synced = 0

        def progress(_: int, left: int, total: int) -> None:
            nonlocal synced
            done = (total - left) * page
            if done - synced >= SYNC_BYTES:
                os.fdatasync(file.fileno())
                require_room(database)
                synced = done
            told(done)

        try:
            db.backup(target, pages=PAGES, progress=progress)
        except sqlite3.Error as error:
            raise Unavailable(
                f"{copy.name} cannot be copied to {copy.parent} ({error}); is the disk full?"
            ) from error
        os.fsync(file.fileno())


def require_room(database: Path) -> None:
    free = shutil.disk_usage(database.parent).free
    if free < FLOOR_BYTES:
        raise Unavailable(
            f"the disk of {database.parent} has {free // 10**6} MB left, which the town needs:"
            " the backup was given up; make room and begin it again"
        )


def _below(database: Path, data: Path) -> Path:
    """Where it lies in a data folder; one that lies elsewhere is taken into it."""
    inside = database.absolute().is_relative_to(data.absolute())
    return database.absolute().relative_to(data.absolute()) if inside else Path(database.name)
