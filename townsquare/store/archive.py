"""Days of history as Parquet files below one folder, read and written with DuckDB.

A file is complete or not there: it gets its name only after it is on the disk. It is never
changed. Besides what history needs, it names entity, type, attribute and dataset, so that any
tool can read it.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from townsquare.model.errors import Unavailable

if TYPE_CHECKING:
    import duckdb

NEEDS = "duckdb"  # of the extra `analysis`
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
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # Nothing is fetched: what is needed is built in.
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "256MB",
    "threads": "2",
}
IN_ONE_GROUP = 20_000  # rows; what a read of few series does not skip
AT_ONCE = 64  # files in one question


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
        self._lock = Lock()
        self._db: duckdb.DuckDBPyConnection | None = None

    def write(self, name: str, rows: Iterable[Sealed]) -> None:
        """Rows come in the order of series and time."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines, made = path.with_suffix(".lines"), path.with_suffix(".making")
        encode = msgspec.json.Encoder().encode
        with lines.open("wb") as file:
            for row in rows:
                file.write(encode(dict(zip(TYPES, row, strict=True))) + b"\n")
        columns = ", ".join(f"'{column}': '{type}'" for column, type in TYPES.items())
        source = f"read_json({_text(lines)}, format = 'newline_delimited', columns = {{{columns}}})"
        with self._cursor() as db:
            db.execute(
                f"copy (from {source}) to {_text(made)}"
                f" (format parquet, compression zstd, row_group_size {IN_ONE_GROUP})"
            )
        lines.unlink()
        _onto_disk(made)
        made.rename(path)
        _onto_disk(path.parent)

    def read(
        self,
        names: Sequence[str],
        series: Collection[int] | None = None,
        attribute: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> list[Sealed]:
        """In no order. Raises Unavailable where a file is missing or broken."""
        parts: list[tuple[str, Any]] = [
            ('"at" >= ?', since),
            ('"at" < ?', until),
            ("attribute = ?", attribute),
        ]
        said = [text for text, value in parts if value is not None]
        values = [value for _, value in parts if value is not None]
        if series is not None:
            said.append(f"series in ({', '.join(map(str, series)) or 'null'})")
        columns = ", ".join(f'"{column}"' for column in TYPES)
        text = f"select {columns} from read_parquet(?) where {' and '.join(said) or 'true'}"
        return [Sealed(*row) for row in self._rows(text, names, values)]

    def present(self) -> set[str]:
        found = self.folder.glob("*/*.parquet")
        return {str(path.relative_to(self.folder)) for path in found}

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            (self.folder / name).unlink()

    def tidy(self) -> None:
        """Files that were being made when the house went down."""
        for path in [*self.folder.glob("*/*.lines"), *self.folder.glob("*/*.making")]:
            path.unlink()

    def close(self) -> None:
        if self._db is not None:
            self._db.close()

    def _rows(self, text: str, names: Sequence[str], values: list[Any]) -> list[tuple[Any, ...]]:
        import duckdb

        found: list[tuple[Any, ...]] = []
        try:
            for start in range(0, len(names), AT_ONCE):
                paths = [str(self.folder / name) for name in names[start : start + AT_ONCE]]
                with self._cursor() as db:
                    found += db.execute(text, [paths, *values]).fetchall()
        except duckdb.Error as error:
            raise Unavailable(f"sealed history cannot be read: {error}") from error
        return found

    def _cursor(self) -> "duckdb.DuckDBPyConnection":
        """One for each use: threads share the database, not a connection."""
        import duckdb

        with self._lock:
            if self._db is None:
                self._db = duckdb.connect(":memory:", config=CONFIG)
            return self._db.cursor()


def open_archive(folder: Path) -> Archive | None:
    """None without the extra `analysis`."""
    return Archive(folder) if find_spec(NEEDS) else None


def _text(path: Path) -> str:
    quoted = str(path).replace("'", "''")
    return f"'{quoted}'"


def _onto_disk(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
