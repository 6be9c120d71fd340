"""Days of history as Parquet files below one folder, read and written with DuckDB.

A file is complete or not there: it gets its name only after it is on the disk. It is never
changed. Besides what history needs, it names entity, type, attribute and dataset, so that any
tool can read it. DuckDB sees this folder and nothing else, and keeps nothing in memory but what
one answer needs.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Lock, Timer
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from townsquare.model.errors import TooComplex, Unavailable

if TYPE_CHECKING:
    import duckdb

NEEDS = "duckdb"  # of the extra `analysis`
INSTALL = "install the extra that reads them: pip install 'townsquare[analysis]'"
TYPES = {
    "series": "BIGINT",
    "entity": "VARCHAR",
    "type": "VARCHAR",
    "attribute": "VARCHAR",
    "dataset": "VARCHAR",
    "at": "BIGINT",
    "instance": "BIGINT",
    "observed": "BOOLEAN",
    "recorded": "BIGINT",
    "modified": "BIGINT",
    "deleted": "BIGINT",
    "number": "DOUBLE",
    "json": "VARCHAR",
}
COLUMNS = ", ".join(f'"{column}"' for column in TYPES)
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # Nothing is fetched: what is needed is built in.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "128MB",
    "threads": "2",
    "temp_directory": "",
}
IN_ONE_GROUP = 20_000  # rows; what a read of few series does not skip
AT_ONCE = 64  # files in one question
FETCHED = 5_000  # rows at a time


class Sealed(NamedTuple):
    """A row; its fields are those of history (`schema.sql`), with names beside the series."""

    series: int
    entity: str
    type: str
    attribute: str
    dataset: str
    at: int
    instance: int
    observed: bool
    recorded: int
    modified: int | None
    deleted: int | None
    number: float | None
    json: str | None


class Archive:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.able = able()
        self._lock = Lock()
        self._db: duckdb.DuckDBPyConnection | None = None

    def write(self, name: str, rows: Iterable[Sealed]) -> bool:
        """Rows come in the order of series and time. False, and no file, where there is none."""
        path = self.folder / name
        _make_folder(path.parent)
        lines, made = _beside(path)
        encode = msgspec.json.Encoder().encode
        try:
            with lines.open("wb") as file:
                for row in rows:
                    file.write(encode(dict(zip(TYPES, row, strict=True))) + b"\n")
                some = file.tell() > 0
            if some:
                self._convert(lines, made)
                _onto_disk(made)
                made.rename(path)
                _onto_disk(path.parent)
        finally:
            lines.unlink(missing_ok=True)
        return some

    def ask(
        self, text: str, names: Sequence[str], parameters: Sequence[Any], end: float
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a statement whose first parameter is the list of files.

        Raises Unavailable where a file is missing or broken, TooComplex when `end` (of the clock
        `monotonic`) comes first.
        """
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            paths = [str(self.folder / name) for name in some]
            yield from self._rows(text, some, [paths, *parameters], end)

    def remove(self, name: str) -> None:
        path = self.folder / name
        for one in (path, *_beside(path)):
            with suppress(FileNotFoundError):
                one.unlink()
        if path.parent.exists() and not any(path.parent.iterdir()):
            path.parent.rmdir()  # of a tenant that may have ended

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _convert(self, lines: Path, made: Path) -> None:
        columns = ", ".join(f"'{column}': '{type}'" for column, type in TYPES.items())
        source = f"read_json({_text(lines)}, format = 'newline_delimited', columns = {{{columns}}})"
        with self._cursor() as db:
            import duckdb

            try:
                db.execute(
                    f"copy (from {source}) to {_text(made)}"
                    f" (format parquet, compression zstd, row_group_size {IN_ONE_GROUP})"
                )
            except duckdb.Error as error:
                raise Unavailable(f"{made.name} cannot be written: {error}") from error

    def _rows(
        self, text: str, names: Sequence[str], parameters: list[Any], end: float
    ) -> Iterator[tuple[Any, ...]]:
        with self._cursor() as db:
            import duckdb

            late = Timer(max(end - monotonic(), 0), db.interrupt)
            late.start()
            try:
                found = db.execute(text, parameters)
                while some := found.fetchmany(FETCHED):
                    yield from some
            except duckdb.InterruptException as error:
                raise TooComplex("the query took too long; ask for less of the past") from error
            except duckdb.Error as error:
                raise Unavailable(
                    f"sealed history cannot be read; look at {names[0]} and the {len(names) - 1}"
                    f" files that were asked with it ({type(error).__name__})"
                ) from error
            finally:
                late.cancel()

    def _cursor(self) -> "duckdb.DuckDBPyConnection":
        """One for each use: threads share the database, not a connection."""
        if not self.able:
            raise Unavailable(f"old history lies in Parquet files; {INSTALL}")
        import duckdb

        with self._lock:
            if self._db is None:
                db = duckdb.connect(":memory:", config=CONFIG)
                db.execute(f"set allowed_directories = [{_text(self.folder.absolute())}]")
                db.execute("set enable_external_access = false")
                db.execute("set lock_configuration = true")
                self._db = db
            return self._db.cursor()


def able() -> bool:
    return find_spec(NEEDS) is not None


def _beside(path: Path) -> tuple[Path, Path]:
    """What a file is made of, and the file before it has its name."""
    return path.with_suffix(".lines"), path.with_suffix(".making")


def _make_folder(folder: Path) -> None:
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir()
        _onto_disk(folder.parent)


def _text(path: Path) -> str:
    quoted = str(path).replace("'", "''")
    return f"'{quoted}'"


def _onto_disk(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
